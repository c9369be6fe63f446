"""What several files of system checks use."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from pinning.conf import Settings

Check = Callable[[Settings], Iterator[CheckMessage]]


def replicas_of(settings: Settings) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The alias of each primary and of its replica, with the replica's entry in DATABASES."""
    for primary, replicas in settings.replicas.items():
        for alias in replicas:
            if alias in django_settings.DATABASES:
                yield primary, alias, django_settings.DATABASES[alias]


def is_kind(item: Any, kind: type) -> bool:
    """Whether ``item`` (a dotted path, a class or an object) is a ``kind`` or a subclass of it."""
    if isinstance(item, str):
        try:
            item = import_string(item)
        except ImportError:
            return False
    return isinstance(item, kind) or (isinstance(item, type) and issubclass(item, kind))


def has_kind(path: str, kinds: Collection[str]) -> bool:
    """Whether a class is one of ``kinds`` or a subclass; all of them are dotted paths.

    The kinds are not imported: their apps need not be installed.
    """
    try:
        item = import_string(path)
    except (ImportError, RuntimeError, ImproperlyConfigured):  # Django reports it
        return path in kinds
    parents = getattr(item, "__mro__", ())
    names = (f"{parent.__module__}.{parent.__qualname__}" for parent in parents)
    return path in kinds or any(name in kinds for name in names)
