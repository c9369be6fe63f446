"""What a scope holds for each cluster: its work there, and which database serves its reads."""

import threading
from typing import Any, NamedTuple, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.pins import NOBODY, Pin, Pins
from pinning.scopes.reasons import Reason
from pinning.scopes.written import NOTHING, Written


class Read(NamedTuple):
    """One answer of the router. ``model`` is its label."""

    model: str
    alias: str
    reason: Reason


class Replica(Protocol):
    """What a choice has to know of a replica at each read. The whole is in ``health``."""

    is_lagging: bool


class Choice:
    """Which database serves a scope, and the pins that each connection to it must have reached.

    ``replica`` is None for the primary, which needs no looking after. ``users`` are those whose
    pins it takes into account.
    """

    __slots__ = ("alias", "connections", "decision", "pins", "reason", "replica", "users")

    def __init__(
        self, alias: str, reason: Reason, replica: Replica | None = None, pins: tuple[Pin, ...] = ()
    ) -> None:
        self.alias = alias
        self.reason = reason
        self.replica = replica
        self.pins = pins
        self.users = NOBODY
        self.decision = (alias, reason)
        #: The replica's, by thread, and the driver's in it that was found to be good.
        self.connections: dict[object, tuple[BaseDatabaseWrapper, Any]] = {}


class ClusterWork:
    """What a scope has to do with one cluster."""

    __slots__ = ("_lock", "choice", "connections", "reads", "written")

    def __init__(self) -> None:
        self._lock = threading.Lock()  # several threads may write in one scope
        #: What was written, here and in work elsewhere.
        self.written: Written = NOTHING
        #: Which database serves the reads, once it is settled.
        self.choice: Choice | None = None
        self.reads: dict[Reason, int] = {}
        #: The primary's, by thread.
        self.connections: dict[object, BaseDatabaseWrapper] = {}

    def commit(self, told: Pins | None) -> None:
        """Note a commit; ``told`` are its pins, where its position came with it."""
        with self._lock:
            self.written = self.written.with_commit(told)

    def receive(self, pins: Pins) -> None:
        """Note the pins of work that was done elsewhere. A choice was made without them."""
        with self._lock:
            self.written = self.written.with_received(pins)
        self.choice = None

    def ask(self, written: Written, pins: Pins) -> None:
        """Note what the primary told when it was asked for what was ``written`` then."""
        with self._lock:
            self.written = self.written.with_asked(written, pins)

    def take(self) -> Written:
        """What was written. From now on it counts as saved."""
        with self._lock:
            written, self.written = self.written, self.written.as_saved()
        return written
