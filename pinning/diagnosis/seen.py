"""What was seen of a database or a store. Only values: nothing here asks anybody."""

from dataclasses import dataclass, field

from pinning.databases import Facts
from pinning.pins import Position
from pinning.pins.stores import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of the server that an alias leads to. Times are in seconds."""

    alias: str
    #: The alias of its cluster's primary, perhaps its own.
    primary: str
    #: False for a file, and for a replica that mirrors its primary in tests: nobody was asked.
    is_asked: bool = True
    #: How long it took to connect. None: no connection was possible.
    connected_in: float | None = None
    #: Why it could not be asked, or not to the end.
    error: str = ""
    #: Whether ``error`` says that it has no connection left: it is up.
    is_full: bool = False
    facts: Facts = field(default_factory=Facts)
    position: Position | None = None
    #: The timeline of the position: "?" if the role may not see it, None if there is none.
    timeline: str | None = None
    #: Why the server refuses to tell its position.
    refusal: str = ""
    lag: "Lag | None" = None
    #: The option by which only a primary is connected to.
    wanted: str = ""
    #: Whether READ_ONLY names its cluster.
    is_read_only: bool = False
    #: Why this process reads nothing from it at present; other processes may.
    set_aside: str = ""

    @property
    def is_primary(self) -> bool:
        """Whether the alias is to lead to a primary."""
        return self.alias == self.primary


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a replica is behind. ``at_most`` is None if nothing tells how long it may be."""

    at_least: float
    at_most: float | None
    #: In the unit of the server's facts.
    distance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenStore:
    """What was seen of a store."""

    name: str
    is_server_side: bool
    answered_in: float | None = None
    error: str = ""
    condition: Condition | None = None
    #: Whether this process leaves it alone because it failed.
    is_set_aside: bool = False
