"""What a visitor has in hand while a program runs, and how it is told."""

import re
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.manager import BaseManager
from django.db.models.query import RawQuerySet

from tests.differential.models import Work

#: So many objects and querysets are held, and the latest are kept.
_MOST_HELD = 24


class Nothing(Exception):
    """There is nothing of the kind that the step is about."""


class World:
    """Objects and querysets that a visitor holds from scope to scope; ``cached`` is everybody's."""

    def __init__(self, cached: list[bytes]) -> None:
        self.held: list[Model] = []
        self.querysets: list[QuerySet[Any]] = []
        self.cached = cached
        #: What was told outside the steps: by callbacks after a commit.
        self.heard: list[Any] = []

    def find(self, kind: type[Model], n: int) -> Any:
        """One of the objects of ``kind`` that are held, the latest for 0. Reads them if none is."""
        found = self.held_of(kind) or self.hold(list(kind._default_manager.all()))
        if not found:
            raise Nothing(kind.__name__)
        return found[-1 - n % len(found)]

    def any(self, n: int) -> Any:
        """One of the objects that are held."""
        return self.held[-1 - n % len(self.held)] if self.held else self.find(Work, n)

    def held_of(self, kind: type[Model]) -> list[Any]:
        """The objects of ``kind`` that are held."""
        return [each for each in self.held if isinstance(each, kind)]

    def queryset(self, n: int) -> QuerySet[Any]:
        """One of the querysets that were built before, in this scope or an earlier one."""
        if not self.querysets:
            self.querysets.append(self.find(Work, n).marks.all())
        return self.querysets[-1 - n % len(self.querysets)]

    def hold(self, value: Any) -> Any:
        """Hold the objects in ``value``, which is returned."""
        values = value.values() if isinstance(value, dict) else value
        for each in values if isinstance(value, dict | list | tuple) else [value]:
            if isinstance(each, Model):
                self.held.append(each)
        del self.held[:-_MOST_HELD], self.querysets[:-_MOST_HELD]
        return value


def tell(value: Any, depth: int = 0) -> Any:
    """``value`` in plain words: two that are told alike are alike. This runs no query."""
    if isinstance(value, Model):
        return _tell_object(value, depth)
    if isinstance(value, dict):
        return {str(key): tell(each, depth) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [tell(each, depth) for each in value]
    if isinstance(value, QuerySet | RawQuerySet):
        done = value._result_cache
        return ["queryset", value.model.__name__, None if done is None else tell(done, depth)]
    return value.__class__.__name__ if isinstance(value, BaseManager) else value


def _tell_object(instance: Model, depth: int) -> Any:
    """What is loaded and what is not, where it came from, what it leads to without a query."""
    kept = {name: value for name, value in vars(instance).items() if name != "_state"}
    cache = instance._state.fields_cache
    told = [type(instance).__name__, str(instance._state.db), instance._state.adding]
    if depth > 3:
        return [*told, instance.pk]
    return [*told, tell(kept, depth + 1), tell(dict(sorted(cache.items())), depth + 1)]


def tell_error(error: Exception) -> list[str]:
    """Its class and what it says."""
    return ["error", type(error).__name__, re.sub(r"0x[0-9a-f]+", "0x", str(error))]
