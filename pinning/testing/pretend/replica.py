"""``pretended_replica()``: in a test on one database, reads go where production sends them."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from pinning import conf, databases, health, reads, writes
from pinning.conf import clusters
from pinning.databases import VENDORS
from pinning.health.progress import Progress
from pinning.testing.pretend.connection import pretended_connection, snapshot_connection
from pinning.testing.pretend.log import Log, PretendedPositions
from pinning.testing.pretend.stores import servers_in_memory
from pinning.testing.pretend.writes import Change, Writes

#: How the replica of a cluster is called to which the settings give none.
ALIAS = "pretended"


class PretendedReplica:
    """All replicas of a test as one: how far they are, and whether they are up.

    It has everything at once until told otherwise.
    """

    def __init__(self) -> None:
        self.writes: dict[str, Writes] = {}  # by the primary's alias
        #: The connections to it, by their aliases.
        self.connections: dict[str, BaseDatabaseWrapper] = {}
        self._paused: dict[str, int] | None = None
        self._lag = 0.0
        #: Whether somebody has said where it is.
        self.is_moved = False

    @property
    def lag(self) -> float:
        """By how many seconds it is late. To set it ends a pause.

        Time is what ``time.time()`` says, frozen or not.
        """
        return self._lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self._lag, self._paused = seconds, None
        self._move()

    def pause(self) -> None:
        """Get nothing new, until ``resume``."""
        self._paused = {name: self.place(name) for name in self.writes}
        self._move()

    def resume(self) -> None:
        """Get what is new again, and what came meanwhile: all at once, or late by ``lag``."""
        self._paused = None
        self._move()

    def catch_up(self) -> None:
        """Have all that was committed until now. Who was paused stays so."""
        if self._paused is None:
            self._lag = 0.0
        else:
            self._paused = {name: writes.log.place for name, writes in self.writes.items()}
        self._move()

    def kill(self) -> None:
        """Be down: connecting fails, until ``start``."""
        for connection in self.connections.values():
            connection.is_dead = True  # type: ignore[attr-defined]  # a pretended one
            health.replica(connection.alias).set_aside(OperationalError("It was killed."))

    def start(self) -> None:
        """Be up again."""
        for connection in self.connections.values():
            connection.is_dead = False  # type: ignore[attr-defined]
            health.replica(connection.alias).restore()

    def place(self, primary: str) -> int:
        """Up to which commit of the cluster of ``primary`` it has everything."""
        if self._paused is not None:
            return self._paused[primary]
        log = self.writes[primary].log
        return log.place_at(time.time() - self._lag) if self._lag else log.place

    def place_of(self, connection: BaseDatabaseWrapper) -> int:
        """The place of a primary's connection, or of a replica's."""
        cluster = clusters().of_alias(connection.alias)
        if cluster is None or cluster.primary not in self.writes:
            return 0
        if connection.alias == cluster.primary:
            return self.writes[cluster.primary].log.place
        return self.place(cluster.primary)

    def _move(self) -> None:
        """Show what there is. It is asked again now, and not taken for far behind."""
        self.is_moved = True
        for alias, connection in self.connections.items():
            connection.follow(is_paused=self._paused is not None)  # type: ignore[attr-defined]
            health.replica(alias).progress = Progress()


@contextlib.contextmanager
def pretended_replica(
    *, tells_position: bool = True, shows_old_rows: bool = False
) -> Iterator[PretendedReplica]:
    """A block in which the reads of the test go where they would go in production.

    The replicas are those that PINNING names, whatever the test's ``databases`` are. If it names
    none, or says that USE_REPLICAS is off, the default database has one named "pretended". A write
    counts as committed at the end of the code's outermost ``atomic``, and at once outside of one;
    functions given to ``on_commit`` run where Django runs them in tests. Reads "from the replica"
    run on the test's own connection. So they show every row: what is pretended is where they go.
    "redis" and "cache" of STORES are kept in memory.

    Without ``tells_position`` pins hold by the clock, as where the database has no positions. With
    ``shows_old_rows`` a paused replica really shows what there was, by a snapshot: on PostgreSQL
    and MariaDB, in a TransactionTestCase; ``lag`` does not change what it shows.
    Inside another such block it is the same replica. It works in the thread that enters the block.
    """
    around = _active()
    if around is not None:
        yield around
        return
    with contextlib.ExitStack() as stack:
        _name_replicas(stack)
        stack.enter_context(servers_in_memory())
        replica, make = PretendedReplica(), pretended_connection
        if shows_old_rows:
            make = snapshot_connection
        vendors = {connection.vendor for connection in _add_clusters(replica, stack, make)}
        for vendor in vendors:
            stack.callback(_put_back, vendor, VENDORS.pop(vendor, None))
            if tells_position:
                VENDORS[vendor] = PretendedPositions(replica.place_of)
        stack.callback(health.reset)
        yield replica


def _active() -> PretendedReplica | None:
    """The replica of a block around, in this thread."""
    for alias in conf.settings().aliases:
        connection: Any = connections[alias] if alias in connections.settings else None
        if hasattr(connection, "pretended"):
            replica: PretendedReplica = connection.pretended
            return replica
    return None


def _name_replicas(stack: contextlib.ExitStack) -> None:
    """Let the settings name a replica, if they name none, or do not use it."""
    known = conf.settings()
    if clusters().have_replicas and known.use_replicas is not False:
        return
    raw = {**getattr(django_settings, "PINNING", {})}
    if not clusters().have_replicas:
        raw["REPLICAS"] = {**dict.fromkeys(known.replicas, ()), conf.DEFAULT: (ALIAS,)}
        settings = {**connections.settings[conf.DEFAULT], "ATOMIC_REQUESTS": False}
        connections.settings[ALIAS] = settings
        stack.callback(connections.settings.pop, ALIAS)
        stack.callback(_forget_connection, ALIAS)
    if known.use_replicas is False:
        del raw["USE_REPLICAS"]
    stack.enter_context(override_settings(PINNING=raw))


def _add_clusters(
    replica: PretendedReplica,
    stack: contextlib.ExitStack,
    make: Callable[[BaseDatabaseWrapper, str], BaseDatabaseWrapper],
) -> Iterator[BaseDatabaseWrapper]:
    """Put pretended connections in the place of replicas, for each primary that may be used."""
    for name, aliases in conf.settings().replicas.items():
        primary = connections[name]
        if not aliases or hasattr(
            primary.cursor, "wrapped"
        ):  # the test's ``databases`` leave it out
            continue
        log: Log[Change] = Log()
        replica.writes[name] = Writes(primary, log)
        replica.writes[name].start()
        stack.callback(replica.writes[name].stop)
        writes.watch(primary)
        for alias in aliases:
            connection: Any = make(primary, alias)
            stack.callback(connection.end)
            connection.pretended = replica
            stack.callback(connections.__setitem__, alias, connections[alias])
            connections[alias] = replica.connections[alias] = connection
            databases.forget(connection)
            reads.watch(connection)
        yield primary


def _put_back(vendor: str, positions: Any) -> None:
    VENDORS.pop(vendor, None)
    if positions is not None:
        VENDORS[vendor] = positions


def _forget_connection(alias: str) -> None:
    with contextlib.suppress(AttributeError):
        del connections[alias]
