"""Positions of PostgreSQL streaming replication: the LSN, within one system and timeline.

Facts are from the manual's "System Administration Functions" and from PostgreSQL's sources, where
named. Measured on PostgreSQL 15.
"""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.base import Grant, Positions
from pinning.databases.commit import can_ask_psycopg, commit_by_psycopg
from pinning.databases.connections import fetch_row
from pinning.databases.receiver import RECEIVER, VIEW, installation, quoted
from pinning.databases.state import known_for_connection, once_for_connection, state_of
from pinning.pins import Position

# Each name is qualified, each operator and type too: whoever may create things in a schema of the
# search_path could otherwise have ours called in their stead, with the site's rights
# (CVE-2018-1058). Keywords qualify themselves: bigint, bit, CASE, ARRAY, current_user.

# These values stay the same while a connection lives, behind a pooler too. Amazon Aurora has the
# functions below but no such log: its readers share the storage, and pins hold for WINDOW there.
# The last one: may this role call the function of receiver.py, and is it what it seems to be? It is
# called only if it runs with its owner's rights, not with ours, and if whoever could replace it or
# have it lie sees all statistics anyway.
_SYSTEM = """
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()),
       pg_catalog.current_setting('wal_block_size')::bigint,
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')),
       pg_catalog.to_regproc('pg_catalog.aurora_version') IS NOT NULL,
       (SELECT true FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_proc p
                         ON p.pronamespace OPERATOR(pg_catalog.=) n.oid
        WHERE n.nspname OPERATOR(pg_catalog.=) 'pinning'
          AND p.proname OPERATOR(pg_catalog.=) 'wal_receiver'
          AND p.pronargs OPERATOR(pg_catalog.=) 0 AND p.prosecdef
          AND pg_catalog.pg_has_role(n.nspowner, 'pg_read_all_stats', 'USAGE')
          AND pg_catalog.pg_has_role(p.proowner, 'pg_read_all_stats', 'USAGE')
          AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
          AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))
"""

# The insert LSN, not the write or the flush LSN: under synchronous_commit=off both of those lie
# behind a commit that has returned. Raises on a node in recovery.
_PRIMARY = """
SELECT (pg_catalog.pg_current_wal_insert_lsn()
        OPERATOR(pg_catalog.-) '0/0'::pg_catalog.pg_lsn)::bigint,
       ('x' OPERATOR(pg_catalog.||) pg_catalog.substr(
         pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8
       ))::bit(32)::bigint,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())
"""

# A node that is not in recovery was promoted or never was a standby: its replay LSN stands still
# and means nothing. The timeline is that of the WAL receiver, which runs at or ahead of the replay.
# So it is asked after the replay: a select list is evaluated from left to right. It is NULL for
# roles that may see neither the view nor the function, and if nothing is received. The timeline of
# the last restartpoint, which any role may read, is no substitute: it may be minutes behind a
# promotion, and a lost write would seem to be replayed. The checkpoint's time is in whole seconds,
# cut off. The server's name has the receiver's process, because a standby that crashed begins again
# from an earlier place under the same postmaster. pg_backend_pid() shows whether the driver is
# connected directly: a pooler may run the next statement on another server.
_REPLICA = """
SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
            THEN (pg_catalog.pg_last_wal_replay_lsn()
                  OPERATOR(pg_catalog.-) '0/0'::pg_catalog.pg_lsn)::bigint END,
       (SELECT ARRAY[received_tli, pid] FROM pg_catalog.pg_stat_wal_receiver),
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()),
       (SELECT ARRAY[timeline_id::pg_catalog.float8,
                     pg_catalog.date_part('epoch', checkpoint_time) OPERATOR(pg_catalog.+) 1]
        FROM pg_catalog.pg_control_checkpoint()),
       pg_catalog.concat_ws(' ', pg_catalog.inet_server_addr(), pg_catalog.current_setting('port'),
                            pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())),
       pg_catalog.pg_backend_pid(),
       pg_catalog.date_part('epoch', pg_catalog.pg_last_xact_replay_timestamp())
"""

_CAN_SEE_TIMELINE = """
SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
       OR NOT pg_catalog.pg_is_in_recovery(),
       current_user
"""

_UNLOGGED = """
SELECT pg_catalog.string_agg(relname::pg_catalog.text, ' ') FROM pg_catalog.pg_class
WHERE relpersistence OPERATOR(pg_catalog.=) 'u' AND relkind OPERATOR(pg_catalog.=) 'r'
      AND pg_catalog.pg_table_is_visible(oid)
"""

_IS_STANDBY = "SELECT pg_catalog.pg_is_in_recovery()"

# SizeOfXLogShortPHD and SizeOfXLogLongPHD in src/include/access/xlog_internal.h.
_PAGE_HEADER = 24
_SEGMENT_HEADER = 40

#: Stands for a timeline that is not known. No pin is on it.
_UNKNOWN = "?"


class System(NamedTuple):
    """The PostgreSQL system that a connection leads to. Sizes are in bytes."""

    identifier: int
    page: int
    segment: int
    is_aurora: bool
    #: Whether the role may ask for the WAL receiver by the function of ``receiver``.
    has_receiver: bool | None


class PostgreSQLPositions(Positions):
    """The LSN that a primary has inserted, and the LSN that a standby has replayed."""

    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The insert LSN. None on Aurora; raises ``django.db.Error`` on a node in recovery."""
        return self._of_primary(connection, _PRIMARY)

    def of_log(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The flush LSN: what an open transaction has inserted may stay in memory for a while."""
        return self._of_primary(connection, _PRIMARY.replace("_insert_lsn", "_flush_lsn"))

    def _of_primary(self, connection: BaseDatabaseWrapper, question: str) -> Position | None:
        system = _system_of(connection)
        if system.is_aurora:
            return None
        return _position(system, *fetch_row(connection, question))

    def can_commit(self, connection: BaseDatabaseWrapper) -> bool:
        """True with psycopg 3, behind PgBouncer too. False where no position can be told."""
        system: System | None = known_for_connection(connection)
        is_aurora = system is not None and system.is_aurora
        is_mute = is_aurora or state_of(connection).is_refused
        return not is_mute and can_ask_psycopg(connection.connection)

    def commit(self, connection: BaseDatabaseWrapper) -> Position | None:
        """Commit and ask for the position, and for the system if it is not known yet."""
        system: System | None = known_for_connection(connection)
        questions = [_PRIMARY] if system is not None else [_SYSTEM, _PRIMARY]
        rows = commit_by_psycopg(connection.connection, questions)
        if len(rows) < len(questions):
            return None
        if system is None:
            identifier, page, segment, *answers = rows[0]
            is_aurora, has_receiver = (answer == "t" for answer in answers)
            system = System(int(identifier), int(page), int(segment), is_aurora, has_receiver)
            once_for_connection(connection, lambda: system)
        lsn, timeline, clock = rows[-1]
        return _position(system, int(lsn), int(timeline), float(clock))

    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The replayed LSN. No places if the node is not in recovery. None on Aurora."""
        system = _system_of(connection)
        if system.is_aurora:
            return None
        question = _REPLICA.replace(VIEW, RECEIVER) if system.has_receiver else _REPLICA
        row = fetch_row(connection, question)
        lsn, receiver, clock, checkpoint, server, backend, replayed_at = row
        if lsn is None:
            return Position(places={}, clock=clock)
        timeline, process = receiver or (None, None)
        if timeline is None:
            places = {f"{system.identifier}.{_UNKNOWN}": lsn}
            return Position(places=places, clock=clock, replayed_at=replayed_at)
        is_direct = connection.connection.info.backend_pid == backend
        return Position(
            places={f"{system.identifier}.{timeline}": lsn},
            clock=clock,
            since=_since(connection, timeline, clock, checkpoint),
            server=f"{system.identifier} {server} {process}" if is_direct else "",
            replayed_at=replayed_at,
        )

    def missing_grant(self, connection: BaseDatabaseWrapper) -> Grant | None:
        """What lets a role see which timeline a standby is on: the function, or the view."""
        can_see, role = fetch_row(connection, _CAN_SEE_TIMELINE)
        if can_see or _system_of(connection).has_receiver:
            return None
        return Grant(role, f"GRANT pg_read_all_stats TO {quoted(role)};")

    def installation(self, roles: Sequence[str]) -> str:
        """The function that shows a standby's timeline alone."""
        return installation(roles)

    def tables_apart(self, connection: BaseDatabaseWrapper) -> list[str]:
        """UNLOGGED tables, whose rows are on the primary alone."""
        return (fetch_row(connection, _UNLOGGED)[0] or "").split()

    def is_standby(self, connection: BaseDatabaseWrapper) -> bool | None:
        """PostgreSQL 14 and newer report it without a query; a pooler may not pass it on.

        A connection hears of a promotion only with its next answer, so "on" is asked again.
        """
        reported = _reported_standby(connection)
        if not reported:
            return reported
        try:
            return bool(fetch_row(connection, _IS_STANDBY)[0])
        except Error:
            return None

    def is_refusal(self, connection: BaseDatabaseWrapper, error: Error) -> bool:
        """False on a known primary, which refuses writes only in a READ ONLY transaction."""
        return _reported_standby(connection) is not False and super().is_refusal(connection, error)


def _position(system: System, lsn: int, timeline: int, clock: float) -> Position:
    lsn = end_of_record(lsn, page=system.page, segment=system.segment)
    return Position(places={f"{system.identifier}.{timeline}": lsn}, clock=clock)


def _reported_standby(connection: BaseDatabaseWrapper) -> bool | None:
    """What the server reported, kept by psycopg 3 and psycopg2. None if it reported nothing."""
    driver = connection.connection
    if driver is None or driver.closed:
        return None
    return {"on": True, "off": False}.get(driver.info.parameter_status("in_hot_standby"))


def _system_of(connection: BaseDatabaseWrapper) -> System:
    return once_for_connection(connection, lambda: System(*fetch_row(connection, _SYSTEM)))


def _since(
    connection: BaseDatabaseWrapper, timeline: int, clock: float, checkpoint: list[float]
) -> float:
    """When the standby was first known to be on ``timeline``, by the servers' clocks.

    There is only one timeline 1. But of two standbys of one primary, promoted one after the other,
    both may call their timeline 2. The second began later, and lacks a write that was lost with the
    first. It had begun when this connection first saw it, and at its checkpoint: the earlier wins.
    """
    if timeline == 1:
        return 0.0
    state = state_of(connection)
    if state.timeline is None or state.timeline[0] != timeline:
        state.timeline = (timeline, clock)
    _, seen = state.timeline
    checkpointed, at = checkpoint
    return min(seen, at) if checkpointed == timeline else seen


def end_of_record(lsn: int, *, page: int, segment: int) -> int:
    """The end of the last record before the insert position ``lsn``, in bytes.

    If a record ends exactly with a page or segment, the insert position already stands after the
    header of the next page (XLogBytePosToRecPtr in xlog.c). A standby that has replayed the record
    stays before that header until another record comes, which may take minutes on an idle site.
    """
    if lsn % segment == _SEGMENT_HEADER:
        return lsn - _SEGMENT_HEADER
    if lsn % page == _PAGE_HEADER and lsn % segment != _PAGE_HEADER:
        return lsn - _PAGE_HEADER
    return lsn
