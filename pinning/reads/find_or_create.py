"""``find_or_create``: a ``get_or_create`` that looks on the replica before it asks the primary."""

from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Manager, Model, QuerySet

M = TypeVar("M", bound=Model)


def find_or_create(
    source: Manager[M] | QuerySet[M], /, defaults: dict[str, Any] | None = None, **lookup: Any
) -> tuple[M, bool]:
    """``get`` where reads go; where that finds nothing, Django's ``get_or_create`` on the primary.

    ``source`` is a manager, also one of related objects, or a queryset. It takes, gives and raises
    what ``get_or_create`` does. What it finds may be stale, as any read: a row that was deleted
    since. What a replica does not have yet is not made twice, as ``get_or_create`` looks again.
    """
    try:
        return source.get(**lookup), False
    except ObjectDoesNotExist:
        return source.get_or_create(defaults=defaults, **lookup)


async def afind_or_create(
    source: Manager[M] | QuerySet[M], /, defaults: dict[str, Any] | None = None, **lookup: Any
) -> tuple[M, bool]:
    """``find_or_create`` for asynchronous code. In a thread, so that it may go to a replica."""
    return await sync_to_async(find_or_create)(source, defaults, **lookup)


class FindOrCreateMixin:
    """Adds both as methods: to a Manager, or to a QuerySet, also one of ``from_queryset``."""

    def find_or_create(
        self, defaults: dict[str, Any] | None = None, **lookup: Any
    ) -> tuple[Any, bool]:
        """See ``pinning.find_or_create``."""
        return find_or_create(self, defaults, **lookup)  # type: ignore[arg-type]  # mixed in

    async def afind_or_create(
        self, defaults: dict[str, Any] | None = None, **lookup: Any
    ) -> tuple[Any, bool]:
        """See ``pinning.afind_or_create``."""
        return await afind_or_create(self, defaults, **lookup)  # type: ignore[arg-type]  # mixed in
