"""Positions of PostgreSQL streaming replication: the LSN, within one system and timeline.

Facts are from the manual's "System Administration Functions" and from PostgreSQL's sources, where
named. Measured on PostgreSQL 15.
"""

from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.pins import Position
from pinning.positions.base import Positions, fetch_row

# What stays the same for as long as a connection lives, behind a pooler too. Amazon Aurora has the
# functions below but no such log, its readers share the primary's storage: the clock decides there.
_SYSTEM = """
SELECT (SELECT system_identifier FROM pg_control_system()),
       current_setting('wal_block_size')::bigint,
       pg_size_bytes(current_setting('wal_segment_size')),
       to_regproc('aurora_version') IS NOT NULL
"""

# The insert LSN, not the write or the flush LSN: under synchronous_commit=off both of those lie
# behind a commit that has returned. Raises on a node in recovery.
_PRIMARY = """
SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint,
       ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint,
       extract(epoch FROM clock_timestamp())::float8
"""

# A node that is not in recovery was promoted or never was a standby: its replay LSN stands still
# and means nothing. The timeline is the receiver's, which runs at or ahead of what is replayed; it
# is NULL for roles without pg_read_all_stats, which read the one of the last restartpoint instead.
_REPLICA = """
SELECT CASE WHEN pg_is_in_recovery()
            THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END,
       COALESCE((SELECT received_tli FROM pg_stat_wal_receiver),
                (SELECT timeline_id FROM pg_control_checkpoint())),
       extract(epoch FROM clock_timestamp())::float8
"""

# SizeOfXLogShortPHD and SizeOfXLogLongPHD in src/include/access/xlog_internal.h.
_PAGE_HEADER = 24
_SEGMENT_HEADER = 40

_ATTRIBUTE = "_pinning_system"


class System(NamedTuple):
    """What a connection leads to. Sizes in bytes."""

    identifier: int
    page: int
    segment: int
    is_aurora: bool


class PostgreSQLPositions(Positions):
    """The LSN that was inserted on a primary, and that was replayed on a standby."""

    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The insert LSN. None on Aurora; raises ``django.db.Error`` on a node in recovery."""
        system = _system_of(connection)
        if system.is_aurora:
            return None
        lsn, timeline, clock = fetch_row(connection, _PRIMARY)
        lsn = end_of_record(lsn, page=system.page, segment=system.segment)
        return Position(places={f"{system.identifier}.{timeline}": lsn}, clock=clock)

    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The replayed LSN; without places where the node is in no recovery. None on Aurora."""
        system = _system_of(connection)
        if system.is_aurora:
            return None
        lsn, timeline, clock = fetch_row(connection, _REPLICA)
        places = {} if lsn is None else {f"{system.identifier}.{timeline}": lsn}
        return Position(places=places, clock=clock)

    def has(self, seen: Position, earlier: Position) -> bool:
        """By the LSN alone: an ordinary role may be told a standby's new timeline minutes late."""
        return max(seen.places.values()) >= max(earlier.places.values())


def _system_of(connection: BaseDatabaseWrapper) -> System:
    """Asked once for each connection to the server."""
    connection.ensure_connection()
    known = connection.__dict__.get(_ATTRIBUTE)
    if known is None or known[0] is not connection.connection:
        system = System(*fetch_row(connection, _SYSTEM))
        known = connection.__dict__[_ATTRIBUTE] = (connection.connection, system)
    return known[1]


def end_of_record(lsn: int, *, page: int, segment: int) -> int:
    """The end of the last record before the insert position ``lsn``, in bytes.

    When a record ends exactly with a page or segment, the insert position already stands behind
    the next page's header (XLogBytePosToRecPtr in xlog.c), while a standby that has replayed the
    record stays in front of it until another record comes, which may take minutes on an idle site.
    """
    if lsn % segment == _SEGMENT_HEADER:
        return lsn - _SEGMENT_HEADER
    if lsn % page == _PAGE_HEADER and lsn % segment != _PAGE_HEADER:
        return lsn - _PAGE_HEADER
    return lsn
