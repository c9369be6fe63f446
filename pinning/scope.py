"""The scope: one piece of work whose reads and writes belong together.

What a scope did is a change to one mutable object that the ContextVar holds from the start: a
ContextVar that is set anew inside asyncio.create_task, gather or a thread is lost outside it.
"""

import contextlib
import functools
import logging
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from asgiref.sync import sync_to_async
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf, positions
from pinning.blocks import decorated
from pinning.holders import Holder
from pinning.pins import Pin, Pins, Position
from pinning.reasons import Reason
from pinning.signals import scope_closed
from pinning.users import NOBODY, ResolvedUsers

logger = logging.getLogger("pinning")

F = TypeVar("F", bound=Callable[..., Any])


class Read(NamedTuple):
    """One answer of the router. ``model`` is its label."""

    model: str
    alias: str
    reason: Reason


class Choice:
    """Which database serves a scope, and the pins that each connection to it must have reached.

    ``users`` are those whose pins it takes into account.
    """

    __slots__ = ("alias", "connections", "decision", "is_primary", "pins", "reason", "users")

    def __init__(self, alias: str, reason: Reason, pins: tuple[Pin, ...] = ()) -> None:
        self.alias = alias
        self.reason = reason
        self.pins = pins
        self.users = NOBODY
        self.is_primary = False
        self.decision = (alias, reason)
        self.connections: dict[object, BaseDatabaseWrapper] = {}  # the replica's, by thread

    @classmethod
    def of_primary(cls, alias: str, reason: Reason) -> "Choice":
        """The primary, which needs no looking after."""
        choice = cls(alias, reason)
        choice.is_primary = True
        return choice


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

    __slots__ = (
        "_closed",
        "_pins",
        "_pins_users",
        "parent",
        "pins_known",
        "seed",
        "trace",
        "users",
        "works",
    )

    #: Whether the request's method is one that usually writes.
    is_unsafe = False

    def __init__(self) -> None:
        """Open a scope inside the current one, if any."""
        self.parent = current_scope()
        self.works: dict[str, ClusterWork] = {}
        self.trace: list[Read] | None = self.parent.trace if self.parent else None
        self.seed: object = self.parent.seed if self.parent else random.random()  # noqa: S311
        #: Who may turn out to be the user while it goes on, where pins are filed under users.
        self.users: ResolvedUsers | None = self.parent.users if self.parent else None
        self.pins_known = False
        self._pins: Pins | None = None
        self._pins_users = NOBODY
        self._closed = False

    # What may be asked of it

    @property
    def is_closed(self) -> bool:
        """Whether its work is over. A task that outlives its request still holds the scope."""
        return self._closed

    @property
    def reads(self) -> dict[str, dict[Reason, int]]:
        """How often the router answered, by cluster and reason; it may answer twice a query."""
        return {name: dict(work.reads) for name, work in list(self.works.items())}

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
        """The pins it opened with. None where no store could tell.

        Loaded at the first call, and again at the first after another user was resolved.
        """
        users = self.user_ids()
        if not self.pins_known or users is not self._pins_users:
            self._pins = self.load_pins()
            self._pins_users = users
            self.pins_known = True
        return self._pins

    def user_ids(self) -> tuple[str, ...]:
        """The users who are resolved by now: the same object until there is another."""
        return NOBODY if self.users is None else self.users.ids()

    def is_view_transaction(self, connection: BaseDatabaseWrapper, begun: int) -> bool:
        """Whether the open transaction, the ``begun``-th of its connection, is but the view's.

        That is the one which ATOMIC_REQUESTS opens, with no other block inside it.
        """
        return self.parent is not None and self.parent.is_view_transaction(connection, begun)

    # What kinds of scope decide

    def load_pins(self) -> Pins | None:
        """The pins to open with. Asked once for each user resolved, in a thread that may wait."""
        return self.parent.pins() if self.parent else Pins()

    def uses_replicas(self) -> bool:
        """Whether replicas may serve it. A callable USE_REPLICAS decides on requests alone."""
        return self.parent.uses_replicas() if self.parent else are_replicas_on()

    # What happens to it

    def began_transaction(self, connection: BaseDatabaseWrapper, begun: int) -> None:
        """Note that the ``begun``-th transaction of ``connection`` begins."""

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
        return any(work.unsaved for work in list(self.works.values()))

    def take_pins(self) -> Pins:
        """Pins for all it has committed since the last call, one query for each cluster."""
        pins = Pins()
        for name, work in list(self.works.items()):  # another thread may add one
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
        self.users = None
        self._pins, self._pins_users = None, NOBODY
        self.pins_known = True  # who still asks does not know
        for work in list(self.works.values()):  # a task that lives on holds the scope, not these
            work.choice = None
            work.connections = {}


class HeldScope(Scope):
    """The scope of work that is done for somebody: it has their pins and leaves them its own."""

    __slots__ = ("_holder",)

    def __init__(self, holder: Holder) -> None:
        """Open a scope for ``holder``; nothing is loaded yet."""
        super().__init__()
        self._holder = holder
        if self.parent is None:
            self.seed = holder.seed() or self.seed

    def load_pins(self) -> Pins | None:
        """Those of the scope around, if any, and the holder's."""
        around = super().load_pins()
        held = None if around is None else self._holder.load()
        return None if around is None or held is None else around.merge(held)

    def close(self) -> None:
        """Save what was written, and end."""
        try:
            if self.has_unsaved_writes():
                self._holder.save(self.take_pins)
        finally:
            super().close()


def are_replicas_on() -> bool:
    """Whether USE_REPLICAS lets work that is no request read from replicas."""
    return conf.settings().use_replicas is not False


def pin_now(cluster: str) -> Pins:
    """A pin on ``cluster`` for what was committed until now.

    It carries a position where the primary can tell one, and the time alone where it cannot.
    """
    position = _position_now(connections[cluster])
    if position is None:
        return Pins([Pin(cluster=cluster, written_at=time.time())])
    return Pins(
        Pin(cluster=cluster, written_at=position.clock, timeline=timeline, position=place)
        for timeline, place in position.places.items()
    )


def _position_now(connection: BaseDatabaseWrapper) -> Position | None:
    """Where the primary is; asked on a new connection if this one turns out to be broken.

    Not inside an atomic block, which a failing question would break.
    """
    if connection.in_atomic_block:
        return None
    try:
        return positions.of_primary(connection)
    except Error:
        with contextlib.suppress(Error):
            connection.close()
    try:
        return positions.of_primary(connection)
    except Error as error:
        name = connection.alias
        logger.warning("The position of %r is unknown, the clock decides: %s", name, error)
    return None


_current: ContextVar[Scope | None] = ContextVar("pinning_scope", default=None)


def current_scope() -> Scope | None:
    """The innermost scope that the running code belongs to and that is still open, or None."""
    scope = _current.get()
    while scope is not None and scope._closed:
        scope = scope.parent
    return scope


class inside:  # noqa: N801  reads like the function that it stands for
    """A block that belongs to ``scope``, without closing it afterwards."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __enter__(self) -> Scope:
        self._token = _current.set(self._scope)
        return self._scope

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


class NewScope:
    """What ``scope()`` makes: a with block or a decorator that opens a scope and closes it."""

    def __init__(self, identity: object = None) -> None:
        self._identity = identity

    def __enter__(self) -> Scope:
        self._scope = Scope() if self._identity is None else HeldScope(Holder(self._identity))
        self._block = inside(self._scope)
        return self._block.__enter__()

    def __exit__(self, *error: object) -> None:
        self._block.__exit__(*error)
        self._scope.close()

    async def __aenter__(self) -> Scope:
        return self.__enter__()

    async def __aexit__(self, *error: object) -> None:
        """As ``__exit__``; only what has to wait leaves the event loop."""
        self._block.__exit__(*error)
        close = self._scope.close
        await sync_to_async(close)() if self._scope.has_unsaved_writes() else close()

    def __call__(self, function: F) -> F:
        """Decorate a function, sync or async: each call is a scope."""
        return decorated(function, functools.partial(NewScope, self._identity))


def scope(*, identity: object = None) -> NewScope:
    """A scope for code that is no request: reads may go to replicas until the block writes.

    ``with scope() as work:``, ``async with scope():`` or ``@scope()``. Inside another scope it
    knows what that one has written, and tells it what it writes itself.

    ``identity`` says whom the work is done for, so that it sees what they wrote and they see what
    it writes: the scope of an ASGI connection (``self.scope`` in a Channels consumer), a request, a
    user or a user's id. None, or nobody, is a scope without. It takes a store on a server. Where it
    may write, say ``async with`` on an event loop, which would have to wait at the end of a
    ``with``.
    """
    return NewScope(identity)
