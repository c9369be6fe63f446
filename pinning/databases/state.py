"""What pinning knows about one of Django's database connections: one object under one key.

Most of it is about the driver's connection inside, and is forgotten when Django connects again. The
watcher and the transaction belong to Django's connection and stay.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

Answer = TypeVar("Answer")

_KEY = "pinning"


class State:
    """What is known about one connection. The package that sets a field is named beside it."""

    __slots__ = (
        "driver",
        "is_plain",
        "is_refused",
        "reached",
        "server",
        "timeline",
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
        #: The answer of ``once_for_connection``, in a tuple (databases).
        self.server: Any = None
        #: Whether the server has refused to tell its position (databases).
        self.is_refused = False
        #: The timeline that a standby was first seen to be on, and when by its clock (databases).
        self.timeline: tuple[int, float] | None = None
        #: What the replica was seen to have replayed (reads).
        self.reached: Any = None
        #: Whether nothing that was ever run on it may have left a mark: a setting, a temporary
        #: table, a transaction of the project's own (reads for a replica, writes for a primary).
        self.is_plain = True


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

    What its server is stays the same then. What it was used for meanwhile is not known.
    """
    state = state_of(connection)
    state.reached, state.is_plain = None, True


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
