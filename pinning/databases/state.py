"""What pinning knows about one of Django's database connections: one object under one key.

Most of it is about the driver's connection inside, and is forgotten when Django connects again. The
watcher and the transaction belong to Django's connection and stay.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.told import Told

Answer = TypeVar("Answer")

_KEY = "pinning"
_SESSION = "_pinning_session"


class State:
    """What is known about one connection. The package that sets a field is named beside it."""

    __slots__ = (
        "copied",
        "driver",
        "has_begun",
        "is_copying",
        "is_plain",
        "is_refused",
        "reached",
        "server",
        "session",
        "timeline",
        "told",
        "told_before",
        "transaction",
        "watcher",
    )

    def __init__(self) -> None:
        #: What watches its statements: a primary's Recorder (writes), a replica's Rerunner (reads).
        self.watcher: Any = None
        #: The open transaction, once it is known (scopes).
        self.transaction: Any = None
        self.forget(None)

    def forget(self, driver: Any) -> None:
        """Forget the old driver's connection, and begin with the new one, ``driver``."""
        self.driver = driver
        #: Stands for the session: another object for each.
        self.session = object()
        #: The answer of ``once_for_connection``, in a tuple (databases).
        self.server: Any = None
        #: Whether the server has refused to tell its position (databases).
        self.is_refused = False
        #: The timeline that a standby was first seen to be on, and when by its clock (databases).
        self.timeline: tuple[int, float] | None = None
        #: What the replica was seen to have replayed (reads).
        self.reached: Any = None
        #: What its session was told, by setting (databases). A pool passes the session on with it.
        self.told: Mapping[str, Any]
        #: What of that we have told it ourselves (databases).
        self.copied: frozenset[str]
        self.told, self.copied = getattr(driver, _SESSION, ({}, frozenset()))
        #: What it had been told when the open transaction began (databases).
        self.told_before: Mapping[str, Any] = self.told
        #: Whether we tell it something now (databases).
        self.is_copying = False
        #: Whether a transaction is open that SQL of the project has begun, not Django (writes).
        self.has_begun = False
        #: Whether nothing that was ever run on it may have left a mark: a setting, a temporary
        #: table, a transaction of the project's own (reads for a replica, writes for a primary).
        self.is_plain = not self.told

    def tell(self, told: Mapping[str, Any]) -> None:
        """Note what the session was told, by setting: all of it."""
        if not self.is_copying:
            self.copied -= {name for name, each in told.items() if self.told.get(name) is not each}
        self.told = told
        self._keep_session()

    @contextlib.contextmanager
    def copying(self, names: frozenset[str]) -> Iterator[None]:
        """A block in which we tell the session the settings of these names, and not the project."""
        self.copied |= names  # before, as the block may be left by an error
        self._keep_session()
        self.is_copying = True
        try:
            yield
        finally:
            self.is_copying = False

    def _keep_session(self) -> None:
        with contextlib.suppress(AttributeError):  # psycopg2 takes no attributes, nor has it a pool
            setattr(self.driver, _SESSION, (self.told, self.copied))


def state_of(connection: BaseDatabaseWrapper) -> State:
    """The state of ``connection``. Most of it is empty if Django has connected again since."""
    state: State | None = connection.__dict__.get(_KEY)
    if state is None:
        state = connection.__dict__[_KEY] = State()
    if state.driver is not connection.connection:
        state.forget(connection.connection)
    return state


def forget(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: a pool may give the same driver's connection once more.

    What its server is stays the same then. What it was used for meanwhile is not known, nor what
    its session was told: the pool may have reset it.
    """
    state = state_of(connection)
    state.told = state.told_before = dict.fromkeys(state.told, Told.unsure())
    state.reached, state.is_plain, state.session = None, not state.told, object()


def once_for_connection(connection: BaseDatabaseWrapper, ask: Callable[[], Answer]) -> Answer:
    """The answer of ``ask``, which is called once for each new connection to the server.

    For what stays the same while the connection lives. A vendor has one such question.
    """
    connection.ensure_connection()
    state = state_of(connection)
    if state.server is None:
        state.server = (ask(),)
    answer: Answer = state.server[0]
    return answer


def known_for_connection(connection: BaseDatabaseWrapper) -> Any:
    """The answer that ``once_for_connection`` has, or None. Does not ask."""
    known = state_of(connection).server
    return known[0] if known else None
