"""What a server tells of itself to somebody who looks at it, in words that no vendor owns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Remark(NamedTuple):
    """Something about a server, and what to do, both for people, in the vendor's words."""

    what: str
    hint: str = ""


class Grant(NamedTuple):
    """A role that lacks a right, and the statement of a superuser that gives it, and more.

    ``Positions.installation`` gives less, and is the safer way.
    """

    role: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a server tells of itself. None, and whatever is empty: it does not tell."""

    #: "PostgreSQL 15.18".
    product: str = ""
    #: Names the server while it runs. No other has that name, and it is the same at each address.
    node: str = ""
    #: The database, as the server calls it.
    database: str = ""
    #: The logs that the server's history is made of. A replica has one that its primary has too.
    logs: frozenset[str] = frozenset()
    #: Whether it replays another server's log.
    is_standby: bool | None = None
    takes_writes: bool | None = None
    #: What shows that: "read_only is OFF".
    evidence: str = ""
    #: How it is made to take none.
    remedy: str = ""
    #: Why it does not replay now, if so.
    stopped: Remark | None = None
    #: What the distance of two positions is measured in.
    unit: str = "transactions"
    #: By how many seconds it lags, by its own account.
    seconds_behind: float | None = None
    connections: int | None = None
    most_connections: int | None = None
    #: For how many seconds a query may hold the replay back; infinite where nothing ends that.
    longest_hold: float | None = None
    #: The setting that ends it.
    hold_setting: str = ""
    #: The settings that matter for replicas, by the vendor's names.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: What these settings mean for the site.
    remarks: tuple[str, ...] = ()
    #: What the role lacks to see how far a replica is.
    missing: Grant | None = None
    #: The tables whose rows a replica does not have, or loses when it restarts.
    tables_apart: tuple[str, ...] = ()
