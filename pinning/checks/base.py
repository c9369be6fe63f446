"""What the checks of settings have in common."""

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from pinning.conf import Settings

Check = Callable[[Settings], Iterator[CheckMessage]]


def replicas_of(settings: Settings) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each primary with each of its replicas that DATABASES has, and what it has of that."""
    for primary, replicas in settings.replicas.items():
        for alias in replicas:
            if alias in django_settings.DATABASES:
                yield primary, alias, django_settings.DATABASES[alias]


def is_kind(item: Any, kind: type) -> bool:
    """Whether a dotted path, or what stands in its place, is ``kind`` or a subclass."""
    if isinstance(item, str):
        try:
            item = import_string(item)
        except ImportError:
            return False
    return isinstance(item, kind) or (isinstance(item, type) and issubclass(item, kind))
