"""Keeps the counters of all processes in the cache of the setting CACHE, for the command.

Each process has a number and keeps its own counters under it, so nobody changes what another one
has written. They are kept for a day.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import BaseCache, caches

from pinning import conf
from pinning.shadow.counts import Counts, Key

_SECONDS = 24 * 60 * 60

_NUMBER = "pinning:shadow:number"
_BEGAN = "pinning:shadow:began"

#: The command looks at so many of the last processes, so many at once.
_MOST, _AT_ONCE = 2000, 100


@dataclass(slots=True, kw_only=True)
class Totals:
    """The counters of all processes together. ``since`` is in seconds since 1970."""

    counts: Counter[Key] = field(default_factory=Counter)
    since: float = 0.0
    processes: int = 0


class Shared:
    """What this process has in the cache."""

    def __init__(self) -> None:
        self._number: int | None = None

    def save(self, counts: Counts) -> None:
        """Put the counters there, or forget them if somebody has cleared all since. May raise."""
        cache = _cache()
        if (cache.get(_BEGAN) or 0.0) > counts.since:
            counts.restart()
        if self._number is None:
            self._number = _new_number(cache)
        cache.add(_NUMBER, self._number, timeout=None)  # it may have been lost
        value = {"since": counts.since, "counts": dict(counts.all())}
        cache.set(_key(self._number), value, timeout=_SECONDS)


def load() -> Totals:
    """What all processes have counted since the last ``clear``. Raises what the cache raises."""
    cache, totals = _cache(), Totals()
    began = cache.get(_BEGAN) or 0.0
    for value in _values(cache):
        if isinstance(value, dict) and value.get("since", 0.0) >= began:
            totals.counts.update(value["counts"])
            totals.since = min(totals.since or value["since"], value["since"])
            totals.processes += 1
    return totals


def clear() -> None:
    """Let all processes begin anew. Raises what the cache raises."""
    _cache().set(_BEGAN, time.time(), timeout=None)


def _values(cache: BaseCache) -> Iterator[Any]:
    last = cache.get(_NUMBER) or 0
    first = max(1, last - _MOST + 1)
    for number in range(first, last + 1, _AT_ONCE):
        keys = [_key(each) for each in range(number, min(number + _AT_ONCE, last + 1))]
        yield from cache.get_many(keys).values()


def _new_number(cache: BaseCache) -> int:
    """One that no other process has. Not every cache counts in one step, so it is taken twice."""
    for _ in range(_MOST):
        cache.add(_NUMBER, 0, timeout=None)
        number = int(cache.incr(_NUMBER))
        if cache.add(_key(number), None, timeout=_SECONDS):
            return number
    raise RuntimeError(f"The cache has refused {_MOST} new keys.")


def _key(number: int) -> str:
    return f"pinning:shadow:{number}"


def _cache() -> BaseCache:
    return caches[conf.settings().cache]
