"""The scope: one piece of work whose reads and writes belong together.

What a scope did is a change to one mutable object that the ContextVar holds from the start: a
ContextVar that is set anew inside asyncio.create_task, gather or a thread is lost outside it.
"""

import contextlib
import logging
import random
import time
from collections.abc import Generator, Iterator
from contextvars import ContextVar
from typing import NamedTuple

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf, positions
from pinning.pins import Pin, Pins
from pinning.reasons import Reason
from pinning.signals import scope_closed

logger = logging.getLogger("pinning")


class Read(NamedTuple):
    """One answer of the router. ``model`` is its label."""

    model: str
    alias: str
    reason: Reason


class Choice:
    """Which database serves a scope, and the pins that each connection to it must have reached."""

    __slots__ = ("alias", "decision", "pins", "reason")

    def __init__(self, alias: str, reason: Reason, pins: tuple[Pin, ...] = ()) -> None:
        self.alias = alias
        self.reason = reason
        self.pins = pins
        self.decision = (alias, reason)


class ClusterWork:
    """What a scope has to do with one cluster."""

    __slots__ = ("choice", "connections", "reads", "unsaved", "written")

    def __init__(self) -> None:
        self.written = False  # something was committed
        self.unsaved = False  # ... since the pins were last taken
        self.choice: Choice | None = None
        self.reads: dict[Reason, int] = {}
        self.connections: dict[object, BaseDatabaseWrapper] = {}  # the primary's, by thread


class Scope:
    """One piece of work: a request, a task, a command, a websocket message.

    ``trace``, where somebody set it to a list, gets every answer of the router in order.
    """

    __slots__ = ("_closed", "_pins", "parent", "pins_known", "seed", "trace", "works")

    #: Whether the request's method is one that usually writes.
    is_unsafe = False

    def __init__(self) -> None:
        """Open a scope inside the current one, if any."""
        self.parent = current_scope()
        self.works: dict[str, ClusterWork] = {}
        self.trace: list[Read] | None = self.parent.trace if self.parent else None
        self.seed: object = self.parent.seed if self.parent else random.random()  # noqa: S311
        self.pins_known = False
        self._pins: Pins | None = None
        self._closed = False

    # What may be asked of it

    @property
    def is_closed(self) -> bool:
        """Whether its work is over. A task that outlives its request still holds the scope."""
        return self._closed

    @property
    def reads(self) -> dict[str, dict[Reason, int]]:
        """How often the router answered, by cluster and reason; it may answer twice a query."""
        return {name: dict(work.reads) for name, work in self.works.items()}

    def work(self, cluster: str) -> ClusterWork:
        """What the scope has to do with ``cluster``."""
        work = self.works.get(cluster)
        return work if work is not None else self.works.setdefault(cluster, ClusterWork())

    def has_written(self, cluster: str) -> bool:
        """Whether it, or a scope around it, has committed a write to ``cluster``."""
        work = self.works.get(cluster)
        if work is not None and work.written:
            return True
        return self.parent is not None and self.parent.has_written(cluster)

    def pins(self) -> Pins | None:
        """The pins it opened with, loaded at the first call. None where no store could tell."""
        if not self.pins_known:
            self._pins = self.load_pins()
            self.pins_known = True
        return self._pins

    def is_view_block(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether the open transaction is but the one that ATOMIC_REQUESTS put around the view."""
        return self.parent is not None and self.parent.is_view_block(connection)

    # What kinds of scope decide

    def load_pins(self) -> Pins | None:
        """The pins to open with. Asked once, in a thread that may wait."""
        return self.parent.pins() if self.parent else Pins()

    def uses_replicas(self) -> bool:
        """Whether replicas may serve it. A callable USE_REPLICAS decides on requests alone."""
        return self.parent.uses_replicas() if self.parent else are_replicas_on()

    # What happens to it

    def wrote(self, cluster: str) -> None:
        """Note a committed write, here and in every open scope around."""
        scope: Scope | None = self
        while scope is not None:
            if not scope.is_closed:
                work = scope.work(cluster)
                work.written = work.unsaved = True
            scope = scope.parent

    def has_unsaved_writes(self) -> bool:
        """Whether ``take_pins`` would have anything to ask a database."""
        return any(work.unsaved for work in self.works.values())

    def take_pins(self) -> Pins:
        """Pins for all it has committed since the last call, one query for each cluster."""
        pins = Pins()
        for name, work in self.works.items():
            if work.unsaved:
                work.unsaved = False  # before asking, so that a write meanwhile is not lost
                pins = pins.merge(pin_now(name))
        return pins

    def close(self) -> None:
        """End the work. Reads that still come with this scope go to the primary."""
        if self._closed:
            return
        self._closed = True
        if scope_closed.receivers:
            scope_closed.send_robust(type(self), scope=self)


def are_replicas_on() -> bool:
    """Whether USE_REPLICAS lets work that is no request read from replicas."""
    return conf.settings().use_replicas is not False


def pin_now(cluster: str) -> Pins:
    """A pin on ``cluster`` for what was committed until now.

    It carries a position where the primary can tell one, and the time alone where it cannot.
    """
    connection = connections[cluster]
    position = None
    if connection.connection is None or connection.autocommit:
        try:
            position = positions.of_primary(connection)
        except Error as error:
            logger.warning("The position of %r is unknown, the clock decides: %s", cluster, error)
    if position is None:
        return Pins([Pin(cluster=cluster, written_at=time.time())])
    return Pins(
        Pin(cluster=cluster, written_at=position.clock, timeline=timeline, position=place)
        for timeline, place in position.places.items()
    )


_current: ContextVar[Scope | None] = ContextVar("pinning_scope", default=None)


def current_scope() -> Scope | None:
    """The scope that the running code belongs to, or None outside any that is still open."""
    scope = _current.get()
    return None if scope is None or scope._closed else scope


@contextlib.contextmanager
def inside(scope: Scope) -> Iterator[Scope]:
    """Let the block belong to ``scope``, without closing it afterwards."""
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)


@contextlib.contextmanager
def scope() -> Generator[Scope]:
    """A scope for code that is no request: reads may go to replicas until the block writes.

    Inside another scope it knows what that one has written, and tells it what it writes itself.
    """
    block = Scope()
    try:
        with inside(block):
            yield block
    finally:
        block.close()
