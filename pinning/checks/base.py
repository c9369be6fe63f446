"""What several files of system checks use."""

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage
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
