"""What is known of one connection of Django's: one object under one key.

Most of it is about the driver's connection inside, and is forgotten when Django connects anew. The
watcher and the transaction belong to Django's connection, whatever that leads to.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

Answer = TypeVar("Answer")

_KEY = "pinning"


class State:
    """What is known of one connection. Each field belongs to the room that is named with it."""

    __slots__ = ("driver", "is_plain", "reached", "server", "timeline", "transaction", "watcher")

    def __init__(self) -> None:
        #: Who watches its statements: a primary's recorder (writes) or a replica's (reads).
        self.watcher: Any = None
        #: The open transaction, once it is known (scopes).
        self.transaction: Any = None
        self.forget(None)

    def forget(self, driver: Any) -> None:
        """Begin anew with the driver's connection ``driver``."""
        self.driver = driver
        #: What the server is, asked once (databases).
        self.server: Any = None
        #: The timeline that a standby was first seen to be on, and when by its clock (databases).
        self.timeline: tuple[int, float] | None = None
        #: What it was seen to have replayed (reads).
        self.reached: Any = None
        #: Whether nothing but plain queries was ever run on it (reads).
        self.is_plain = True


def state_of(connection: BaseDatabaseWrapper) -> State:
    """What is known of ``connection``: nothing, where it has connected anew since."""
    state: State | None = connection.__dict__.get(_KEY)
    if state is None:
        state = connection.__dict__[_KEY] = State()
    if state.driver is not connection.connection:
        state.forget(connection.connection)
    return state


def forget(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: a pool may give out what it gave out before."""
    state_of(connection).forget(connection.connection)


def once_for_connection(connection: BaseDatabaseWrapper, ask: Callable[[], Answer]) -> Answer:
    """The answer of ``ask``, which is asked anew on each new connection to the server.

    For what stays the same while that lives. A vendor has one such question.
    """
    connection.ensure_connection()
    state = state_of(connection)
    if state.server is None:
        state.server = (ask(),)
    answer: Answer = state.server[0]
    return answer


def known_for_connection(connection: BaseDatabaseWrapper) -> Any:
    """What ``once_for_connection`` has been told, or None. Asks nobody."""
    known = state_of(connection).server
    return known[0] if known else None
