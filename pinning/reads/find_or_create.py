"""``find_or_create``: a ``get_or_create`` that looks on the replica before it asks the primary."""

from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Manager, Model, QuerySet

M = TypeVar("M", bound=Model)


def find_or_create(
    source: Manager[M] | QuerySet[M], /, defaults: dict[str, Any] | None = None, **lookup: Any
) -> tuple[M, bool]:
    """``get`` where reads go. If that finds nothing, Django's ``get_or_create`` on the primary.

    ``source`` is a manager, also one of related objects, or a queryset. Arguments, result and
    errors are those of ``get_or_create``. As with any read, what is found may be stale: its row may
    have been deleted since. A row that the replica does not have yet is not made twice, because
    ``get_or_create`` looks again.
    """
    try:
        return source.get(**lookup), False
    except ObjectDoesNotExist:
        return source.get_or_create(defaults=defaults, **lookup)


async def afind_or_create(
    source: Manager[M] | QuerySet[M], /, defaults: dict[str, Any] | None = None, **lookup: Any
) -> tuple[M, bool]:
    """``find_or_create`` for asynchronous code. It runs in a thread, and so may use a replica."""
    return await sync_to_async(find_or_create)(source, defaults, **lookup)


class FindOrCreateMixin:
    """Adds both functions as methods to a Manager or QuerySet, also for ``from_queryset``."""

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
