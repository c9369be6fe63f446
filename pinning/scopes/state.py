"""The scope: one piece of work whose reads and writes belong together.

What a scope did is a change to one mutable object that the ContextVar holds from the start: a
ContextVar that is set anew inside asyncio.create_task, gather or a thread is lost outside it.
"""

from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.pins import NOBODY, Pin, Pins
from pinning.scopes.reasons import Reason


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
        #: The replica's, by thread, and the driver's in it that was found to be good.
        self.connections: dict[object, tuple[BaseDatabaseWrapper, Any]] = {}

    @classmethod
    def of_primary(cls, alias: str, reason: Reason) -> "Choice":
        """The primary, which needs no looking after."""
        choice = cls(alias, reason)
        choice.is_primary = True
        return choice


class ClusterWork:
    """What a scope has to do with one cluster."""

    __slots__ = (
        "choice",
        "connections",
        "is_told",
        "latest",
        "reads",
        "received",
        "taken",
        "told",
        "unsaved",
        "written",
    )

    def __init__(self) -> None:
        self.written = False  # something was committed
        self.unsaved = False  # ... or received, since the pins were last taken
        self.latest: object = None  # stands for the last write
        self.taken: tuple[object, Pins] | None = None  # the pins of that write, once asked for
        self.told: list[Pins] = []  # with commits
        self.is_told = True  # of every write
        self.received = Pins()  # from work that was done elsewhere
        self.choice: Choice | None = None
        self.reads: dict[Reason, int] = {}
        self.connections: dict[object, BaseDatabaseWrapper] = {}  # the primary's, by thread
