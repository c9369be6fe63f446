"""The scope: one piece of work, a request for example, whose reads and writes belong together.

The ContextVar holds one mutable object from the start, and all that the work does changes this
object. A ContextVar that is set anew inside asyncio.create_task, gather or a thread is lost outside
it.
"""

import contextvars
import functools
import random
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf
from pinning.databases import blocks_of, pin_now, pins_at
from pinning.pins import NOBODY, Pins, Position, ResolvedUsers
from pinning.scopes import overrides
from pinning.scopes.reasons import ON_REPLICA, Reason
from pinning.scopes.state import ClusterWork, Read, Works
from pinning.scopes.written import NO_WRITES, Write
from pinning.signals import scope_closed, tell


class Scope:
    """One piece of work: a request, a task, a command, a websocket message."""

    __slots__ = (
        "__weakref__",
        "_closed",
        "_ended",
        "_pins",
        "_pins_users",
        "_seed",
        "began_to_write",
        "first_pins",
        "is_unsafe",
        "parent",
        "pins_known",
        "trace",
        "users",
        "works",
    )

    def __init__(self) -> None:
        """Open a scope inside the current one, if any."""
        self.parent = around = current_scope()
        #: If there is none: the scope to which the running code belonged until that ended.
        self._ended = _current.get() if around is None else None
        self.works = Works()
        #: Gets every read and write in order, if it is a list: see ``traced``.
        self.trace: list[Read | Write] | None = around.trace if around else overrides.wishes().trace
        self._seed: object = None  # known at the first choice
        #: Whether the request's method is one that usually writes.
        self.is_unsafe: bool = around.is_unsafe if around else False
        #: Finds the users who are resolved meanwhile. None if pins are not filed under users.
        self.users: ResolvedUsers | None = around.users if around else None
        #: Whether it has begun to write, whatever has become of that: a thread may still be at it.
        self.began_to_write = False
        self.pins_known = False
        self._pins: Pins | None = None
        #: With which it began to read: each of its reads shows them. None if a read came first.
        self.first_pins: Pins | None = None
        self._pins_users = NOBODY
        self._closed = False

    # Questions

    @property
    def is_closed(self) -> bool:
        """Whether the work is over. A task that outlives its request still holds the scope."""
        return self._closed

    @property
    def reads(self) -> dict[str, dict[Reason, int]]:
        """How often the router answered, by cluster and reason. One query may take two answers."""
        return {name: dict(work.reads) for name, work in list(self.works.items())}

    @property
    def reads_by_alias(self) -> dict[tuple[str, str, Reason], int]:
        """How often the router answered, by cluster, alias and reason, until the scope has closed.

        A scope has one replica for each cluster. If it has moved to another one, all count for
        that; if it has moved to the primary and the cluster has several, their alias is "".
        """
        return {
            (name, self._alias_for(work, reason, name), reason): times
            for name, work in list(self.works.items())
            for reason, times in list(work.reads.items())
        }

    def _alias_for(self, work: ClusterWork, reason: Reason, primary: str) -> str:
        is_on_replica = reason in ON_REPLICA and not self.is_shadow()
        return work.alias_on(primary) if is_on_replica else primary

    @property
    def reruns(self) -> dict[str, int]:
        """How many queries failed on a replica and ran again on the primary, by cluster."""
        return {name: work.reruns for name, work in list(self.works.items()) if work.reruns}

    @property
    def waited(self) -> dict[str, float]:
        """For how many seconds reads have waited for a replica to catch up, by cluster."""
        return {name: work.waited for name, work in list(self.works.items()) if work.waited}

    @property
    def writes(self) -> dict[Write, int]:
        """What was committed and pins, and how often. A rolled-back write is not in it."""
        found: dict[Write, int] = {}
        for work in list(self.works.values()):
            found |= work.written.writes()
        return found

    @property
    def loaded_pins(self) -> Pins | None:
        """The pins that it opened with, as far as it has asked for them. This asks nobody."""
        return self._pins

    @property
    def seed(self) -> object:
        """What leads the scope to the same replica each time."""
        if self._seed is None:
            self._seed = self.find_seed()
        return self._seed

    def work(self, cluster: str) -> ClusterWork:
        """What this scope knows about ``cluster``."""
        return self.works[cluster]

    def has_written(self, cluster: str) -> bool:
        """Whether this scope, or a scope around it, has committed a write to ``cluster``."""
        work = self.works.get(cluster)
        if work is not None and work.written.has_commits:
            return True
        return self.parent is not None and self.parent.has_written(cluster)

    def lies_in(self, other: "Scope") -> bool:
        """Whether this is ``other``, or a scope inside it."""
        return any(scope is other for scope in self._and_around())

    def _and_around(self) -> Iterator["Scope"]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def _open(self) -> Iterator["Scope"]:
        """This scope and those around it, as far as they are open."""
        return (scope for scope in self._and_around() if not scope.is_closed)

    def bound(self, cluster: str) -> Reason | None:
        """Why this scope reads ``cluster`` on the primary to its end, if it has to."""
        work = self.works.get(cluster)
        if work is not None and work.bound is not None:
            return work.bound
        return None if self.parent is None else self.parent.bound(cluster)

    def pins(self) -> Pins | None:
        """The pins that the scope opened with. None if no store could tell, or the work is over.

        They are loaded at the first call, and again at the first call after another user was
        resolved.
        """
        if self._closed:
            return None
        users = self.user_ids()
        if not self.pins_known or users is not self._pins_users:
            known = self.load_pins()
            for work in list(self.works.values()):
                known = None if known is None else known.merge(work.written.received())
            if self.first_pins is None and not any(self.reads.values()):
                self.first_pins = known
            self._pins = known
            self._pins_users = users  # after the pins, as another thread may look
            self.pins_known = True
        return self._pins

    def pins_at_end(self) -> Pins | None:
        """The pins of a scope that has ended, and of what it wrote. None if it loaded none."""
        pins = self._pins
        around = Pins() if self.parent is None else self.parent.pins_at_end()
        if pins is None or around is None:
            return None
        for name, work in list(self.works.items()):
            if work.written.has_commits:
                pins = pins.merge(self.pins_of_writes(name))
        return pins.merge(around)

    def forget_unknown_pins(self) -> None:
        """Let ``pins`` ask the stores again if none could tell."""
        if self._pins is None and not self._closed:
            self.pins_known = False
        if self.parent is not None:
            self.parent.forget_unknown_pins()

    def user_ids(self) -> tuple[str, ...]:
        """The ids of the users resolved by now: the same object until another user is resolved."""
        users = self.users  # read once, as another thread may close the scope
        return NOBODY if users is None else users.ids()

    def is_views(self, connection: BaseDatabaseWrapper, transaction: object) -> bool:
        """Whether ``transaction`` is the one on ``connection`` that ATOMIC_REQUESTS opened."""
        return self.parent is not None and self.parent.is_views(connection, transaction)

    def is_in_view_alone(self, connection: BaseDatabaseWrapper, transaction: object) -> bool:
        """Whether ``transaction`` is the view's, and no other block is open inside it."""
        return len(blocks_of(connection)) == 1 and self.is_views(connection, transaction)

    # What each kind of scope decides

    def load_pins(self) -> Pins | None:
        """The pins to open with. Called once for each user resolved, in a thread that may wait."""
        if self.parent is not None:
            return self.parent.pins()
        return Pins() if self._ended is None else self._ended.pins_at_end()

    def find_seed(self) -> object:
        """What ``seed`` is from now on. It may cost a look at the cookies."""
        return self.parent.seed if self.parent else random.random()  # noqa: S311

    def switch(self) -> conf.Switch:
        """What USE_REPLICAS says for it. A callable decides on requests alone."""
        return self.parent.switch() if self.parent else switch()

    def is_shadow(self) -> bool:
        """Whether the primary answers, and what replicas would do is counted."""
        return self.switch() == conf.SHADOW

    def needs_pins(self) -> bool:
        """Whether the scope reads from the primary if it has no pins."""
        return False

    def wait_seconds(self) -> float:
        """For how long a read may wait for a replica before the primary answers."""
        return self.parent.wait_seconds() if self.parent else conf.settings().wait

    # Events

    def began_transaction(self, connection: BaseDatabaseWrapper, transaction: object) -> None:
        """Note that ``transaction`` begins on ``connection``."""

    def before_write(self, table: str | None) -> None:
        """Note that a statement will write ``table``, None if unknown: whose work is it now?"""
        self.began_to_write = True
        if self.parent is not None:
            self.parent.before_write(table)

    def wrote(
        self,
        cluster: str,
        position: Position | None = None,
        session: object = None,
        writes: Mapping[Write, int] = NO_WRITES,
    ) -> None:
        """Note a commit of ``writes``, in this scope and in every open scope around it.

        ``position`` is the primary's position after the write, if the commit returned it.
        ``session`` stands for the database session that wrote, if that is known.
        """
        told = None if position is None else pins_at(cluster, position)
        for scope in self._open():
            work = scope.work(cluster)
            work.written.commit(told, session, writes)
            work.bound = Reason.WRITTEN

    def locked(self, cluster: str) -> None:
        """Note a lock on the primary, in this scope and in every open scope around it."""
        self._bind(cluster, Reason.LOCKED)

    def wrote_unpinned(self, cluster: str) -> None:
        """Note a write that pins nobody, here and in every open scope around.

        Their reads stay on the primary, as the code may go on with what it wrote.
        """
        self._bind(cluster, Reason.WRITTEN)

    def _bind(self, cluster: str, reason: Reason) -> None:
        for scope in self._open():
            work = scope.work(cluster)
            work.bound = work.bound or reason

    def receive(self, pins: Pins) -> None:
        """Take in the pins of work that was done elsewhere, here and in every open scope around.

        They count as if the scope had opened with them. They are saved together with the pins of
        its own writes.
        """
        for scope in self._open():
            known = scope._pins  # once: another thread may leave None
            if known is not None:
                scope._pins = known.merge(pins)  # first: a choice that is made looks here
            for pin in pins:
                work = scope.work(pin.cluster)
                work.written.receive(Pins([pin]))
                choice = work.choice
                if choice is not None and choice.replica is not None:
                    work.choice = choice.with_other_pins()

    def has_unsaved_writes(self) -> bool:
        """Whether ``take_pins`` would return any."""
        works = self.works
        return bool(works) and any(not work.written.is_saved for work in list(works.values()))

    def take_pins(self) -> Pins:
        """Pins for all that the scope has committed or received since the last call."""
        pins = Pins()
        for name, work in list(self.works.items()):  # another thread may add one
            written = work.written
            if not written.is_saved:
                written.is_saved = True  # before the query, so that a write meanwhile is not lost
                pins = pins.merge(written.received())
                if written.has_commits:
                    pins = pins.merge(self.pins_of_writes(name))
        return pins

    def keep_unsaved(self) -> None:
        """Note that no store took what ``take_pins`` returned: it returns all of it again."""
        for work in list(self.works.values()):
            work.written.is_saved = not (work.written.has_commits or work.written.received())

    def pins_of_writes(self, cluster: str) -> Pins:
        """Pins for all that was committed to ``cluster`` until now. They still count as not saved.

        This costs one query after each write whose position is not known, however often it is
        called.
        """
        if self.parent is not None and not self.parent.is_closed:  # it knows every write
            return self.parent.pins_of_writes(cluster)
        written = self.work(cluster).written
        latest = written.latest()  # before the query, so that a write meanwhile asks again
        known = written.known()
        if known is not None:
            return known
        pins = pin_now(cluster, written.session())
        if not all(pin.is_by_clock for pin in pins):  # without a position, the next call asks again
            written.answer(latest, pins)
        return pins

    def close(self) -> None:
        """End the work. Reads that still come with this scope go to the primary.

        What is left of it is for a scope that code of this work opens later.
        """
        if self._closed:
            return
        self._closed = True
        tell(scope_closed, type(self), scope=self)
        self.users = None
        for work in list(self.works.values()):  # a task that lives on keeps only the scope
            work.choice = None
            work.readers = {}


def switch() -> conf.Switch:
    """What USE_REPLICAS says for work that is no request."""
    known = conf.settings().use_replicas
    return True if callable(known) else known


_current: ContextVar[Scope | None] = ContextVar("pinning_scope", default=None)


def current_scope() -> Scope | None:
    """The innermost open scope that the running code belongs to, or None."""
    scope = _current.get()
    while scope is not None and scope._closed:
        scope = scope.parent
    return scope


class inside:  # noqa: N801  reads like the function that it stands for
    """A block that belongs to ``scope``. Its end does not close the scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __enter__(self) -> Scope:
        self._before = _current.get()
        _current.set(self._scope)
        return self._scope

    def __exit__(self, *_: object) -> None:
        """Leave it, and what a generator has begun in it. No token: one may be closed elsewhere."""
        scope = _current.get()
        while scope is not None and scope is not self._scope:
            scope = scope.parent
        if scope is not None:
            _current.set(self._before)


P = ParamSpec("P")
R = TypeVar("R")


def in_scope(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function`` as part of the current scope, for any thread and any number of calls.

    ``executor.submit(in_scope(function), ...)``. The blocks around this call hold in ``function``
    as well, as all context variables do. Once the scope has ended, ``function`` reads from the
    primary.
    """
    context = contextvars.copy_context()

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)  # a context takes one thread at a time

    return run
