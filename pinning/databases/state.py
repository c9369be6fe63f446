"""What pinning knows about one of Django's database connections: one object under one key.

Most of it is about the driver's connection inside, and is forgotten when Django connects again. The
watcher and the transaction belong to Django's connection and stay.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

Answer = TypeVar("Answer")

_KEY = "pinning"
_TOLD = "_pinning_told"


class State:
    """What is known about one connection. The package that sets a field is named beside it."""

    __slots__ = (
        "begins_again",
        "driver",
        "has_begun",
        "holds_tables",
        "is_created",
        "is_plain",
        "is_refused",
        "keeps_snapshot",
        "locks",
        "looks_past_tests",
        "reached",
        "server",
        "session",
        "teller",
        "timeline",
        "told",
        "told_outside",
        "transaction",
        "watcher",
    )

    def __init__(self) -> None:
        #: What watches its statements: a primary's Recorder (writes), a replica's Rerunner (reads).
        self.watcher: Any = None
        #: The open transaction, once it is known (scopes).
        self.transaction: Any = None
        #: Whether the transaction of a TestCase counts as none (testing, where it pretends).
        self.looks_past_tests = False
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
        #: Stands for all that its session was told and that changes the rows it shows. It is equal
        #: for two sessions that were told the same (databases). A pool passes the session on.
        self.told: object = ""
        #: The same for the time after the open transaction, if that changes (databases).
        self.told_outside: object = None
        #: The scope in which the project told it something last (reads for a replica).
        self.teller: object = self
        #: Whether a transaction is open that SQL of the project has begun, not Django (writes for a
        #: primary, reads for a replica).
        self.has_begun = False
        #: Whether each of them is followed by another: SQL has turned MySQL's autocommit off
        #: (writes for a primary).
        self.begins_again = False
        #: How many locks by name its session holds; infinite if that cannot be told (databases).
        self.locks: float = 0
        #: Whether MySQL's session holds tables, as after LOCK TABLES (databases).
        self.holds_tables = False
        #: Whether nothing that was ever run on it may have left a mark: a setting, a temporary
        #: table, a transaction of the project's own (reads for a replica, writes for a primary).
        self.is_plain = True
        #: Whether its transactions may keep their snapshot by a default or by SQL (writes).
        self.keeps_snapshot = False
        #: Whether Django has set it up. What it tells the session before that is the same for all.
        self.is_created = False

    @property
    def holds_something(self) -> bool:
        """Whether a lock is held or a transaction is open, of which Django does not know."""
        return self.has_begun or self.locks > 0 or self.holds_tables

    def tell(self, told: object) -> None:
        """Note what the session was told, outside transactions."""
        self.told, self.told_outside = told, None
        if self.is_created:
            with contextlib.suppress(AttributeError):  # not all drivers take attributes
                setattr(self.driver, _TOLD, told != "")

    def tell_in_transaction(self, *, is_local: bool) -> None:
        """Note that the session was told something. It is like no other until a commit or rollback.

        After that it is what it was before, if all that it was told was local.
        """
        if self.told_outside is None:
            self.told_outside = self.told
        if not is_local:
            self.told_outside = object()
        self.told = object()


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

    What its server is stays the same then. What it was used for meanwhile is not known, nor, if its
    session was told something, what of that still holds: the pool may have reset it.
    """
    state = state_of(connection)
    was_told = getattr(connection.connection, _TOLD, False)
    state.told, state.told_outside = object() if was_told else "", None
    state.is_created, state.is_plain = True, not was_told
    state.reached, state.session = None, object()
    state.locks, state.holds_tables = 0, False


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


def remember_for_connection(connection: BaseDatabaseWrapper, answer: object) -> None:
    """Note an answer that came by another way, or tells more, for ``once_for_connection``."""
    state_of(connection).server = (answer,)


def known_for_connection(connection: BaseDatabaseWrapper) -> Any:
    """The answer that ``once_for_connection`` has, or None. Does not ask."""
    known = state_of(connection).server
    return known[0] if known else None
