"""What a scope knows about each cluster: its writes there, and which database serves its reads."""

import copy
import math
import time
import weakref
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import clusters
from pinning.databases import running_thread
from pinning.pins import NOBODY, Pin, Pins, ResolvedUsers
from pinning.scopes.reasons import Reason
from pinning.scopes.written import Written

#: How long a scope stays on the primary before it looks whether a replica may serve it now.
STAY_SECONDS = 1.0


class Read(NamedTuple):
    """One answer of the router. ``model`` is the model's label.

    ``line`` is the line of the project that asked, as ``file:line``. If the project did not, it is
    a line of the package that did; "" if only Django did.
    """

    model: str
    alias: str
    reason: Reason
    line: str = ""


class Replica(Protocol):
    """The part of a replica that is looked at for each read. The whole class is in ``health``."""

    is_lagging: bool


class Choice:
    """Which database serves a scope, and the pins that each connection to it must have reached.

    It is one of three:

    - a replica: ``replica`` is set. It holds until the replica is out, another user is resolved,
      pins are received, or a query fails on it.
    - the primary for now: ``until`` is set. Then the scope looks again.
    - the primary for good: USE_REPLICAS is off, or TASKS says so.

    ``users`` are the ids of the users whose pins the choice takes into account. None if it was made
    for other pins than the scope's: a replica has to show that it has these, too.
    """

    __slots__ = ("alias", "decision", "known", "pins", "reason", "replica", "until", "users")

    def __init__(
        self, alias: str, reason: Reason, replica: Replica | None = None, pins: tuple[Pin, ...] = ()
    ) -> None:
        self.alias = alias
        self.reason = reason
        self.replica = replica
        self.pins = pins
        self.users: tuple[str, ...] | None = NOBODY
        #: The scope's pins when a replica was chosen: more may have been received meanwhile.
        self.known: Pins | None = None
        self.decision = (alias, reason)
        #: When the scope looks again whether it has to stay on the primary, by ``monotonic()``.
        self.until = math.inf

    @classmethod
    def for_now(cls, alias: str, reason: Reason) -> "Choice":
        """The primary, for about a second."""
        choice = cls(alias, reason)
        choice.until = time.monotonic() + STAY_SECONDS
        return choice

    def with_other_pins(self) -> "Choice":
        """The same choice, for a scope whose pins are other ones than it was made for.

        The primary for good is then the primary for now: a scope inside may have other rules.
        """
        choice = copy.copy(self)
        choice.users = None
        if choice.replica is None and math.isinf(choice.until):
            choice.until = time.monotonic()
        return choice

    def stay(self) -> None:
        """Stay on the primary for about a second from now, unless it is for good."""
        self.until = max(self.until, time.monotonic() + STAY_SECONDS)

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() >= self.until


class Reader:
    """One thread of a scope that reads from a cluster, and the database that it was sent to.

    - A new reader was sent nowhere: ``choice`` is None.
    - On the primary it stays until the choice is due. If the scope has moved to a replica
      meanwhile, it follows, or takes the scope back: what it has seen may be handed to a thread
      that reads from the replica.
    - On a replica it stays as long as the scope does, on the connection that has shown that it has
      reached what the choice asks for. A new connection must show it, too.

    Connections are held weakly, so that a thread that ended keeps none open.
    """

    __slots__ = ("_connection", "_driver", "choice", "primary")

    def __init__(self, primary: BaseDatabaseWrapper) -> None:
        #: Its connection to the primary.
        self.primary = weakref.ref(primary)
        self.choice: Choice | None = None
        self._connection = self.primary  # its connection to the replica
        self._driver: Any = None  # the driver's connection that was checked

    @property
    def is_on_primary(self) -> bool:
        """Whether it reads, or has just read, from the primary because the scope chose so."""
        return self.choice is not None and self.choice.replica is None

    def use_replica(self, choice: Choice, connection: BaseDatabaseWrapper) -> None:
        """Read from a replica on ``connection``, which has reached all that is asked for."""
        self._connection, self._driver = weakref.ref(connection), connection.connection
        self.choice = choice

    def settled(self, chosen: Choice | None, users: ResolvedUsers | None) -> Choice | None:
        """Its choice, if that still holds while the scope's is ``chosen``. This asks nobody."""
        choice = self.choice
        if choice is None or choice is not chosen:
            return None
        if choice.replica is None:  # not by is_due: this runs for each read
            return choice if time.monotonic() < choice.until else None
        if choice.replica.is_lagging:
            return None
        connection = self._connection()
        if connection is None or connection.connection is not self._driver:
            return None
        is_news = users is not None and users.ids() is not choice.users
        return None if is_news or connection.errors_occurred else choice


class ClusterWork:
    """What a scope knows about one cluster."""

    __slots__ = (
        "began",
        "bound",
        "choice",
        "race",
        "readers",
        "reads",
        "reruns",
        "seen",
        "waited",
        "written",
    )

    def __init__(self) -> None:
        #: When the scope began to use the cluster, before its first read, by ``monotonic()``.
        self.began = time.monotonic()
        #: What this scope wrote, and the pins it received from work elsewhere.
        self.written = Written()
        #: Why the scope reads on the primary to its end: it has written, or locked something.
        self.bound: Reason | None = None
        #: Which database serves the reads, once it is settled.
        self.choice: Choice | None = None
        self.reads: dict[Reason, int] = {}
        #: How many queries failed on a replica and were run again on the primary.
        self.reruns = 0
        #: The threads that read, by ``running_thread.key``.
        self.readers: dict[weakref.ref[object], Reader] = {}
        #: Where the primary was when the scope last left it: no replica behind that may serve.
        self.seen = Pins()
        #: For how many seconds reads have waited for a replica to catch up.
        self.waited = 0.0
        #: In shadow mode: which values of WAIT would have brought its first read to a replica.
        self.race: Future[tuple[float, ...] | None] | None = None

    def alias_on(self, primary: str) -> str:
        """Which replica of ``primary`` a read went to. "" if it is one of several."""
        choice = self.choice
        if choice is not None and choice.replica is not None:
            return choice.alias
        cluster = clusters().of_alias(primary)
        replicas = () if cluster is None else cluster.replicas
        return replicas[0] if len(replicas) == 1 else ""

    def add_reader(self, primary: BaseDatabaseWrapper) -> None:
        """Note that the running thread reads, and forget the threads that have ended."""
        for key in [key for key in list(self.readers) if key() is None]:
            self.readers.pop(key, None)
        reader = self.readers.setdefault(running_thread.key, Reader(primary))
        reader.primary = weakref.ref(primary)


class Works(dict[str, ClusterWork]):
    """What a scope knows about each cluster, by its name; at first nothing."""

    __slots__ = ()

    def __missing__(self, cluster: str) -> ClusterWork:
        return self.setdefault(cluster, ClusterWork())  # another thread may have been quicker
