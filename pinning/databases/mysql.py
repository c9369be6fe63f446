"""Positions of MariaDB and of Oracle's MySQL: how far each stream of GTIDs is.

MariaDB's facts are from its manual's "Global Transaction ID" and were measured on MariaDB 10.11.
MySQL's are from its manual's "Replication with Global Transaction Identifiers", and were measured
on MySQL 9.7.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.base import Positions
from pinning.databases.commit import can_ask_mysqlclient, commit_by_mysqlclient
from pinning.databases.connections import fetch_row
from pinning.databases.facts import Facts
from pinning.databases.gtids import (
    UnknownFormatError,
    mariadb_gtids,
    mariadb_places,
    mysql_beginnings,
    mysql_ends,
    mysql_gtids,
)
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

# The name of the server: its id, the machine, and a number drawn at its start (my_uuid.c,
# item_strfunc.cc), because a crash may take away some of what was applied, if the log is not
# flushed at each commit. CONNECTION_ID() shows whether the driver is connected directly: a pooler
# may send the next statement to another server.
_NODE = "CONNECTION_ID(), CONCAT_WS(' ', @@server_id, @@hostname, @@port, RIGHT(UUID(), 17))"

# @@gtid_slave_pos is what the replica has applied. It is set after the commit, so later statements
# see the data. The replica's own binary log is ahead of what they see. In @@gtid_current_pos, a
# write on the replica itself would replace the primary's. @@gtid_slave_pos stays when replication
# stops or the node is promoted, and stays true: the node has that much. It is empty if nothing was
# ever applied.
_MARIADB_REPLICA = f"SELECT @@GLOBAL.gtid_slave_pos, {_CLOCK}, {_NODE}"

# gtid_executed stands still if a primary stops giving GTIDs to its transactions or writing a log.
_MYSQL_PRIMARY = f"SELECT @@GLOBAL.gtid_executed, {_CLOCK}, @@GLOBAL.log_bin, @@GLOBAL.gtid_mode"
_MYSQL_GIVING_GTIDS = ("ON", "ON_PERMISSIVE")

# A transaction is added to it after its commit in the engine, so later statements see the data.
_MYSQL_REPLICA = f"SELECT @@GLOBAL.gtid_executed, {_CLOCK}, {_NODE}"

# Amazon Aurora's readers share the writer's storage and execute no log: pins hold for WINDOW there.
_AURORA = "SHOW GLOBAL VARIABLES LIKE 'aurora\\_version'"

# It waits for the sequence number of the domain, whichever server gave it (MariaDB's manual).
_MARIADB_WAIT = "SELECT MASTER_GTID_WAIT('{gtids}', {seconds:.6f})"

# MySQL 9.7 waits for parts of a second. Its manual tells of whole ones, and 0 is without end, so an
# older server is not asked.
_MYSQL_WAIT = "SELECT WAIT_FOR_EXECUTED_GTID_SET('{gtids}', {seconds:.6f})"
_MYSQL_WAITS_SINCE = (9, 7)

Parser = Callable[[str], Mapping[str, int]]


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
            question, parse = _MARIADB_REPLICA, mariadb_places
        elif _is_aurora(connection):
            return None
        else:
            question, parse = _MYSQL_REPLICA, mysql_beginnings
        gtids, microseconds, number, server = fetch_row(connection, question)
        position = self._position(connection, gtids, microseconds, parse)
        if position is None or not _is_direct(connection, number):
            return position
        return replace(position, server=server)

    def waiting_for(
        self, connection: BaseDatabaseWrapper, pins: Sequence[Pin], seconds: float
    ) -> str:
        """A wait in MariaDB, or in a MySQL that is known to wait for parts of a second."""
        if _is_mariadb(connection):
            gtids, statement = mariadb_gtids(pins), _MARIADB_WAIT
        elif connection.mysql_version >= _MYSQL_WAITS_SINCE:  # type: ignore[attr-defined]
            gtids, statement = mysql_gtids(pins), _MYSQL_WAIT
        else:
            return ""
        # In MySQL, 0 is without end.
        return gtids and statement.format(gtids=gtids, seconds=max(seconds, 0.001))

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
        return self._told(connection, fetch_row(connection, sql), parse)

    def _told(
        self, connection: BaseDatabaseWrapper, row: Sequence[Any], parse: Parser
    ) -> Position | None:
        """What a primary's answer says. None if a MySQL gives no GTIDs."""
        gtids, microseconds, *log = row
        if log and not _gives_gtids(*log):
            return None
        return self._position(connection, gtids, int(microseconds), parse)

    def can_commit(self, connection: BaseDatabaseWrapper) -> bool:
        """True with mysqlclient, but on Aurora. Which it is, is asked once for each connection."""
        may_ask = not state_of(connection).is_refused
        if not (may_ask and can_ask_mysqlclient(connection.connection)):
            return False
        return _is_mariadb(connection) or not _is_aurora(connection)

    def commit(self, connection: BaseDatabaseWrapper) -> Position | None:
        """Commit, and return the primary's place in each stream."""
        is_mariadb = _is_mariadb(connection)
        question = _MARIADB_PRIMARY if is_mariadb else _MYSQL_PRIMARY
        rows = commit_by_mysqlclient(connection.connection, question)
        if not rows:
            return None
        return _unless_empty(
            self._told(connection, rows[0], mariadb_places if is_mariadb else mysql_ends)
        )

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
    # A commit's answer comes as text.
    return str(log_bin) == "1" and gtid_mode in _MYSQL_GIVING_GTIDS
