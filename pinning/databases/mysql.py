"""Positions of MariaDB and of Oracle's MySQL: how far each stream of GTIDs is.

MariaDB's facts are from its manual's "Global Transaction ID" and were measured on MariaDB 10.11.
MySQL's are from its manual's "Replication with Global Transaction Identifiers", and NOT YET RUN.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.base import Positions
from pinning.databases.commit import can_ask_mysqlclient, commit_by_mysqlclient
from pinning.databases.connections import fetch_row
from pinning.databases.facts import Facts
from pinning.databases.mysql_facts import facts_of
from pinning.databases.state import once_for_connection, state_of
from pinning.pins import Pin, Position

logger = logging.getLogger("pinning")

# In UTC, because the session's local time may occur twice. It is the time when the statement began,
# so it is no later than the position beside it.
_CLOCK = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"

# The last GTID of every domain. @@last_gtid has only the last transaction of this session, is empty
# on a connection that was reopened, and may be of another domain. The server writes a GTID to its
# binary log before the commit returns. The answer is empty if there is no binary log.
_MARIADB_PRIMARY = f"SELECT @@GLOBAL.gtid_binlog_pos, {_CLOCK}"

# @@gtid_slave_pos is what the replica has applied. It is set after the commit, so later statements
# see the data. The replica's own binary log is ahead of what they see. In @@gtid_current_pos, a
# write on the replica itself would replace the primary's. @@gtid_slave_pos stays when replication
# stops or the node is promoted, and stays true: the node has that much. It is empty if nothing was
# ever applied. A crash may take some of it away if the log is not flushed at each commit, so the
# server's name has the end of a UUID: the machine, and a number drawn when the server starts
# (my_uuid.c). CONNECTION_ID() shows whether the driver is connected directly: a pooler may send the
# next statement to another server.
_MARIADB_REPLICA = f"""
SELECT @@GLOBAL.gtid_slave_pos, {_CLOCK}, CONNECTION_ID(),
       CONCAT_WS(' ', @@server_id, @@hostname, @@port, RIGHT(UUID(), 17))
"""

# gtid_executed stands still if a primary stops giving GTIDs to its transactions or writing a log.
_MYSQL_PRIMARY = f"SELECT @@GLOBAL.gtid_executed, {_CLOCK}, @@GLOBAL.log_bin, @@GLOBAL.gtid_mode"
_MYSQL_GIVING_GTIDS = ("ON", "ON_PERMISSIVE")

_MYSQL_REPLICA = f"SELECT @@GLOBAL.gtid_executed, {_CLOCK}"

# Amazon Aurora's readers share the writer's storage and execute no log: pins hold for WINDOW there.
_AURORA = "SHOW GLOBAL VARIABLES LIKE 'aurora\\_version'"

# It waits for the sequence number of the domain, whichever server gave it (MariaDB's manual). MySQL
# has WAIT_FOR_EXECUTED_GTID_SET, which counts whole seconds, and 0 is without end (worklog 7796).
_MARIADB_WAIT = "SELECT MASTER_GTID_WAIT('{gtids}', {seconds:.6f})"

_MARIADB_TIMELINE = re.compile(r"(\d{1,10})\.(\d{1,10})", re.ASCII)
_MARIADB_GTID = re.compile(r"(\d{1,10})-(\d{1,10})-(\d{1,19})", re.ASCII)
_MYSQL_SOURCE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MYSQL_TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}", re.ASCII | re.IGNORECASE)
_MYSQL_INTERVAL = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?", re.ASCII)

Intervals = list[tuple[int, int]]
Parser = Callable[[str], Mapping[str, int]]


class UnknownFormatError(ValueError):
    """A position has a format that is not known here."""


class MySQLPositions(Positions):
    """What is in a primary's binary log, and what a replica has executed."""

    def __init__(self) -> None:
        self._has_warned = False

    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The primary's place in each stream. None on Aurora, without a binary log or GTIDs."""
        if _is_mariadb(connection):
            position = self._ask(connection, _MARIADB_PRIMARY, mariadb_places)
        elif _is_aurora(connection):
            return None
        else:
            position = self._ask(connection, _MYSQL_PRIMARY, mysql_ends)
        return _unless_empty(position)

    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """How far the replica has executed each stream; no places if it has executed nothing."""
        if _is_mariadb(connection):
            gtids, microseconds, number, server = fetch_row(connection, _MARIADB_REPLICA)
            position = self._position(connection, gtids, microseconds, mariadb_places)
            if position is None or not _is_direct(connection, number):
                return position
            return replace(position, server=server)
        if _is_aurora(connection):
            return None
        return self._ask(connection, _MYSQL_REPLICA, mysql_beginnings)

    def waiting_for(
        self, connection: BaseDatabaseWrapper, pins: Sequence[Pin], seconds: float
    ) -> str:
        """A wait in MariaDB. MySQL's function knows no part of a second."""
        gtids = mariadb_gtids(pins) if _is_mariadb(connection) else ""
        return gtids and _MARIADB_WAIT.format(gtids=gtids, seconds=max(seconds, 0.0))

    def facts(self, connection: BaseDatabaseWrapper) -> Facts:
        """What the server tells. Its history has each source that it ever had something of."""
        is_mariadb = _is_mariadb(connection)
        facts, gtids = facts_of(connection, is_mariadb=is_mariadb)
        try:
            places = (mariadb_places if is_mariadb else mysql_ends)(gtids)
        except UnknownFormatError:
            return facts
        return replace(facts, logs=frozenset(places))

    def _ask(self, connection: BaseDatabaseWrapper, sql: str, parse: Parser) -> Position | None:
        """The position. None without GTIDs, and, with one warning, if their format is not known."""
        gtids, microseconds, *log = fetch_row(connection, sql)
        if log and not _gives_gtids(*log):
            return None
        return self._position(connection, gtids, microseconds, parse)

    def can_commit(self, connection: BaseDatabaseWrapper) -> bool:
        """True on MariaDB with mysqlclient."""
        may_ask = _is_mariadb(connection) and not state_of(connection).is_refused
        return may_ask and can_ask_mysqlclient(connection.connection)

    def commit(self, connection: BaseDatabaseWrapper) -> Position | None:
        """Commit, and return the place of the last GTID of each domain."""
        rows = commit_by_mysqlclient(connection.connection, _MARIADB_PRIMARY)
        if not rows:
            return None
        gtids, microseconds = rows[0]
        position = self._position(connection, gtids, int(microseconds), mariadb_places)
        return _unless_empty(position)

    def _position(
        self, connection: BaseDatabaseWrapper, gtids: str, microseconds: int, parse: Parser
    ) -> Position | None:
        try:
            return Position(places=parse(gtids), clock=microseconds / 1_000_000)
        except UnknownFormatError:
            if not self._has_warned:
                self._has_warned = True
                logger.warning(
                    "The GTIDs of %r have an unknown format, so pins hold for WINDOW: %.200r",
                    connection.alias,
                    gtids,
                )
        return None


def _unless_empty(position: Position | None) -> Position | None:
    """None for a position without places, from which no pin can be made: the clock makes one."""
    return position if position is not None and position.places else None


def mariadb_places(gtids: str) -> dict[str, int]:
    """The sequence number of each ``domain-server-sequence``, by domain and server.

    A promoted server continues the sequence of a domain. With the server in the name, a number that
    the old primary gave is not taken for the same number from the new primary.
    """
    places = {}
    for gtid in _items(gtids):
        match = _MARIADB_GTID.fullmatch(gtid)
        if match is None:
            raise UnknownFormatError(gtid)
        domain, server, sequence = match.groups()
        places[f"{domain}.{server}"] = _number(sequence)
    return places


def mariadb_gtids(pins: Iterable[Pin]) -> str:
    """The last GTID of each domain that one of ``pins`` has. Empty if one is none of MariaDB's."""
    last: dict[str, tuple[int, str]] = {}
    for pin in pins:
        match = _MARIADB_TIMELINE.fullmatch(pin.timeline)
        if match is None or pin.position is None:
            return ""
        domain, server = match.groups()
        last[domain] = max(last.get(domain, (0, "")), (pin.position, server))
    return ",".join(f"{domain}-{server}-{number}" for domain, (number, server) in last.items())


def mysql_ends(gtids: str) -> dict[str, int]:
    """The last transaction of each source, even if there are gaps before it."""
    return {f"{source}.": parts[-1][1] for source, parts in _mysql_intervals(gtids).items()}


def mysql_beginnings(gtids: str) -> dict[str, int]:
    """The last transaction of each source before its first gap: nothing before it is missing."""
    return {
        f"{source}.": parts[0][1] if parts[0][0] == 1 else 0
        for source, parts in _mysql_intervals(gtids).items()
    }


def _mysql_intervals(gtids: str) -> dict[str, Intervals]:
    """The intervals by source and tag: ``uuid:1-5:9, uuid:1-3:tag:1-7``. The server joins them."""
    sources: dict[str, Intervals] = {}
    for item in _items(gtids):
        source, *parts = (part.strip() for part in item.split(":"))
        if not (_MYSQL_SOURCE.fullmatch(source) and parts):
            raise UnknownFormatError(item)
        name = source.lower()
        for part in parts:
            if match := _MYSQL_INTERVAL.fullmatch(part):
                first = _number(match[1])
                sources.setdefault(name, []).append((first, _number(match[2] or match[1])))
            elif _MYSQL_TAG.fullmatch(part):
                name = f"{source}:{part}".lower()
            else:
                raise UnknownFormatError(item)
    return {name: sorted(intervals) for name, intervals in sources.items()}


def _items(gtids: object) -> list[str]:
    if not isinstance(gtids, str):
        raise UnknownFormatError(gtids)
    return [item.strip() for item in gtids.split(",")] if gtids.strip() else []


def _number(digits: str) -> int:
    number = int(digits)
    if number >= 2**63:
        raise UnknownFormatError(digits)
    return number


def _is_mariadb(connection: BaseDatabaseWrapper) -> bool:
    """Whether the server is MariaDB. Django asked for its version when it first connected."""
    connection.ensure_connection()
    return bool(connection.mysql_is_mariadb)  # type: ignore[attr-defined]


def _is_direct(connection: BaseDatabaseWrapper, number: int) -> bool:
    """Whether the server's ``number`` of the connection is the one that the driver has."""
    thread_id = getattr(connection.connection, "thread_id", None)
    return thread_id is not None and thread_id() == number


def _is_aurora(connection: BaseDatabaseWrapper) -> bool:
    return once_for_connection(connection, lambda: bool(fetch_row(connection, _AURORA)))


def _gives_gtids(log_bin: object, gtid_mode: object) -> bool:
    return bool(log_bin) and gtid_mode in _MYSQL_GIVING_GTIDS
