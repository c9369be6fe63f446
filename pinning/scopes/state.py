"""What a scope knows about each cluster: its writes there, and which database serves its reads."""

from typing import Any, NamedTuple, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.pins import NOBODY, Pin
from pinning.scopes.reasons import Reason
from pinning.scopes.written import Written


class Read(NamedTuple):
    """One answer of the router. ``model`` is the model's label."""

    model: str
    alias: str
    reason: Reason


class Replica(Protocol):
    """The part of a replica that is looked at for each read. The whole class is in ``health``."""

    is_lagging: bool


class Choice:
    """Which database serves a scope, and the pins that each connection to it must have reached.

    ``replica`` is None if it is the primary, whose health is not watched. ``users`` are the ids of
    the users whose pins the choice takes into account.
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
        #: By thread: its connection to the replica, and the driver's connection that was checked.
        self.connections: dict[object, tuple[BaseDatabaseWrapper, Any]] = {}


class ClusterWork:
    """What a scope knows about one cluster."""

    __slots__ = ("choice", "connections", "reads", "written")

    def __init__(self) -> None:
        #: What this scope wrote, and the pins it received from work elsewhere.
        self.written = Written()
        #: Which database serves the reads, once it is settled.
        self.choice: Choice | None = None
        self.reads: dict[Reason, int] = {}
        #: The connections to the primary, by thread.
        self.connections: dict[object, BaseDatabaseWrapper] = {}
