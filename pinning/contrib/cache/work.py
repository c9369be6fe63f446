"""What the running work has read and written, and so what it may store, and what it may be shown.

Work that has not read late enough does not know. Then it stores nothing, or is shown nothing.
"""

import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf
from pinning.contrib.cache import sightings
from pinning.contrib.cache.cell import MISSING, Barrier, Cell, has_all, merged
from pinning.databases import (
    blocks_of,
    is_in_transaction,
    is_on_event_loop,
    pin_now,
    running_thread,
)
from pinning.pins import Pins
from pinning.reads.caught_up import has_reached, server_of
from pinning.scopes import (
    ON_REPLICA,
    ClusterWork,
    Reason,
    Scope,
    current_scope,
    transaction_of,
)

#: How many keys a scope remembers.
_MOST_NOTED = 1000


#: A cache, by its alias, and a key in it.
Place = tuple[str, str]


class Miss(NamedTuple):
    """When the work found no value under a key, by ``monotonic()``.

    ``reads`` is how often it had read until then.
    """

    at: float
    reads: int


class Memory:
    """What one scope has done with caches: which keys it missed, which barriers are its own."""

    __slots__ = ("__weakref__", "misses", "open", "own")

    def __init__(self) -> None:
        self.misses: dict[Place, Miss] = {}
        #: The tokens of its barriers behind which it has read everything.
        self.own: set[str] = set()
        #: What was deleted or set in a transaction that has not ended.
        self.open: dict[Place, Any] = {}

    def note_own(self, token: str) -> None:
        """Note a barrier of its own, behind which it has read everything."""
        if len(self.own) >= _MOST_NOTED:
            self.own.clear()  # what is forgotten is not believed
        self.own.add(token)


_memories: WeakKeyDictionary[Scope, Memory] = WeakKeyDictionary()
_outside: ContextVar[Memory | None] = ContextVar("pinning_cache_memory", default=None)


def memory_of(scope: Scope | None) -> Memory:
    """The memory of ``scope``, or of what the running thread or task does outside of scopes."""
    if scope is None:
        memory = _outside.get()
        if memory is None:
            memory = Memory()
            _outside.set(memory)
        return memory
    return _memories.get(scope) or _memories.setdefault(scope, Memory())


def forget_memory(scope: Scope) -> Memory | None:
    """The memory of a scope that has ended, if it has one."""
    return _memories.pop(scope, None)


class Work:
    """The work that the running code belongs to, with the scopes around it."""

    __slots__ = ("_memories", "_scopes", "memory", "scope")

    def __init__(self) -> None:
        self.scope = current_scope()
        self.memory = memory_of(self.scope)
        self._scopes = tuple(_around(self.scope))
        self._memories = tuple(map(memory_of, self._scopes)) or (self.memory,)

    # What it did

    def note_miss(self, place: Place, barrier: Barrier | None) -> None:
        """Note that nothing was shown to it under the key at ``place``, but ``barrier``."""
        if barrier is not None and not barrier.open:
            sightings.note(barrier.token)
        misses = self.memory.misses
        if len(misses) >= _MOST_NOTED:
            misses.clear()
        misses[place] = Miss(time.monotonic(), self._count())

    def take_miss(self, place: Place) -> Miss | None:
        """Its last miss of that key, for one value that is stored after it."""
        found = [memory.misses.pop(place, None) for memory in self._memories]
        return next(filter(None, found), None)

    def has_read_since(self, miss: Miss) -> bool:
        """Whether it has read a database since. Outside of scopes nobody counts."""
        return self.scope is None or self._count() > miss.reads

    def _count(self) -> int:
        works = (work for scope in self._scopes for work in list(scope.works.values()))
        return sum(sum(work.reads.values()) for work in works)

    def owns(self, token: str) -> bool:
        """Whether it has an open transaction with that token."""
        return any(
            each.token == token for memory in self._memories for each in memory.open.values()
        )

    # What it wrote

    def pins_of_writes(self) -> Pins:
        """Pins for all that it has committed. One query at most for each cluster and write."""
        return Pins() if self.scope is None else pins_on(clusters(), self.scope)

    def pins_of_deletion(self) -> Pins:
        """Pins for all whose results it may delete.

        These are its own writes, and those that it was told of. Outside of scopes, and where no
        store can tell, they are everybody's until now.
        """
        known = self.pins()
        if known is None:
            return pins_on(clusters(), None)
        return known.merge(self.pins_of_writes())

    def pins(self) -> Pins | None:
        """Pins for what it must be shown. None if that is not known, or it has no scope."""
        scope = self.scope
        if scope is None:
            return None
        known = scope.loaded_pins if is_on_event_loop() else scope.pins()
        return None if known is None else known.spread(conf.settings().replicas)

    def pins_of_reads(self) -> Pins:
        """Pins for what all that it has read shows. What it was told of since is not among them.

        A user may be resolved after a read, and a read on the primary asks no store before it.
        """
        read = [scope for scope in self._scopes if any(scope.reads.values())]
        known = read[-1].first_pins if read else self.pins()
        return Pins() if known is None else known.spread(conf.settings().replicas)

    # What it may do

    def may_see(self, cell: Cell) -> bool:
        """Whether ``cell`` has a value that is not older than what the work has written.

        A value that no database gave is for everybody.
        """
        if cell.value is MISSING:
            return False
        if cell.owner and not self.owns(cell.owner):
            return False
        if not cell.is_filled or self.scope is None:
            return True
        if has_uncommitted():
            return bool(cell.owner)
        known = self.pins()
        return known is not None and has_all(cell.seen, known.merge(self.pins_of_writes()))

    def seen(self, barrier: Barrier | None) -> Pins:
        """Pins for what all that it has read shows, after it has passed ``barrier``."""
        if Reason.USE_REPLICA in self._reasons():
            return Pins()
        known = self.pins_of_reads().merge(self.pins_of_writes())
        return known if barrier is None else known.merge(barrier.pins)

    def has_passed(self, barrier: Barrier | None, miss: Miss | None, *, is_fill: bool) -> bool:
        """Whether all that it has read is as late as the deletion that has left ``barrier``.

        ``is_fill`` is whether the value was made because of a miss. Then everything that the work
        has read must have been read after the deletion was seen here. A value that was not may be
        something else than rows: it is enough that its replica has the deleter's writes now.
        """
        if barrier is None:
            return True
        if barrier.open:
            return False
        sightings.note(barrier.token)
        if any(barrier.token in memory.own for memory in self._memories):
            return True
        if self.scope is None:
            began = 0.0 if miss is None else miss.at
            return not is_fill or sightings.is_seen_before(began, barrier.token)
        names = {pin.cluster for pin in barrier.pins} or clusters()
        return all(self._has_passed_on(name, barrier, is_fill) for name in names)

    def _has_passed_on(self, name: str, barrier: Barrier, is_fill: bool) -> bool:
        works = [scope.works[name] for scope in self._scopes if name in scope.works]
        reasons = {reason for work in works for reason in work.reads}
        if not reasons:
            return True
        pins = Pins(barrier.pins.of(name))
        is_chosen = Reason.USE_REPLICA not in reasons
        if pins and is_chosen and has_all(self.pins_of_reads(), pins):
            return True
        began = min(work.began for work in works)
        if pins and not ON_REPLICA.isdisjoint(reasons) and not self._is_shadow:
            return is_chosen and self._replica_has(name, barrier.token, pins, began, is_fill)
        return not is_fill or sightings.is_seen_before(began, barrier.token)

    def _replica_has(self, name: str, token: str, pins: Pins, began: float, is_fill: bool) -> bool:
        """Whether the replica has ``pins``, and for a fill was known to before the work began."""
        connection = self._replica_of(name)
        if connection is None or is_on_event_loop() or not has_reached(connection, tuple(pins)):
            return False
        if not is_fill:
            return True
        source = server_of(connection)
        if all(pin.is_by_clock for pin in pins):
            source = "by the clock"
        if not source:
            return False
        sightings.note(token, f"{connection.alias} {source}")
        return sightings.is_seen_before(began, token, f"{connection.alias} {source}")

    def _replica_of(self, name: str) -> BaseDatabaseWrapper | None:
        """The one connection to a replica on which it has read; None if there may be several."""
        found = set()
        for scope in self._scopes:
            work = scope.works.get(name)
            if work is not None and not ON_REPLICA.isdisjoint(work.reads):
                found.add(_alias_of(scope, work))
        alias = found.pop() if len(found) == 1 else None
        return None if alias is None else connections[alias]

    def _reasons(self) -> set[Reason]:
        works = (work for scope in self._scopes for work in list(scope.works.values()))
        return {reason for work in works for reason in work.reads}

    @property
    def _is_shadow(self) -> bool:
        return self.scope is not None and self.scope.is_shadow()


def _around(scope: Scope | None) -> Iterator[Scope]:
    while scope is not None:
        yield scope
        scope = scope.parent


def _alias_of(scope: Scope, work: ClusterWork) -> str | None:
    """The replica that has served all reads of ``scope`` on this thread's present connection."""
    reader = work.readers.get(running_thread.key)
    if reader is None or len(work.readers) > 1 or work.seen:
        return None
    choice = reader.settled(work.choice, scope.users)
    return None if choice is None or choice.replica is None else choice.alias


def clusters() -> list[str]:
    """The clusters in which a pin can matter."""
    return conf.settings().pinnable


def pins_on(names: Iterable[str], scope: Scope | None) -> Pins:
    """Pins for what ``scope`` has committed to clusters; without one, for what everybody has."""
    return merged(_pins_on(name, scope) for name in names)


def _pins_on(name: str, scope: Scope | None) -> Pins:
    if scope is None:
        return pin_now(name)
    if scope.has_written(name):
        return scope.pins_of_writes(name)
    is_unpinned = scope.bound(name) is Reason.WRITTEN  # it wrote inside ``unpinned``
    return pin_now(name) if is_unpinned else Pins()


def open_transactions() -> list[str]:
    """The clusters on which this thread has a transaction open.

    That of a TestCase does not count, nor what is inside it: it is never committed.
    """
    found = (connections[name] for name in clusters())
    return [
        connection.alias
        for connection in found
        if is_in_transaction(connection)
        and len(blocks_of(connection)) == len(connection.atomic_blocks)
    ]


def has_uncommitted() -> bool:
    """Whether this thread has written in a transaction that is open."""
    return any(transaction_of(connections[name]).has_written() for name in open_transactions())
