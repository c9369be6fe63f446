"""Positions of PostgreSQL streaming replication: the LSN, within one system and timeline.

Facts are from the manual's "System Administration Functions" and from PostgreSQL's sources, where
named. Measured on PostgreSQL 15.
"""

from collections.abc import Sequence

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.base import Positions
from pinning.databases.commit import can_ask_psycopg, commit_by_psycopg
from pinning.databases.connections import fetch_row
from pinning.databases.errors import is_refused
from pinning.databases.facts import Facts
from pinning.databases.log import Log, end_of_record
from pinning.databases.postgresql_facts import facts_of
from pinning.databases.receiver import RECEIVER, VIEW, installation
from pinning.databases.state import known_for_connection, state_of
from pinning.databases.system import StoredCode, System, system_of
from pinning.pins import Position

# Each name is qualified, each operator and type too: whoever may create things in a schema of the
# search_path could otherwise have ours called in their stead, with the site's rights
# (CVE-2018-1058). Keywords qualify themselves: bigint, bit, CASE, ARRAY, current_user.

# Raises on a node in recovery. The insert LSN is at or past every commit, and other people's open
# transactions have inserted as well: what they have is flushed much later, and replayed then. The
# flush LSN is at or past a commit that has waited for its flush. Under synchronous_commit=off none
# waits, and the flush LSN lies behind commits that have returned.
_PRIMARY = """
SELECT (pg_catalog.pg_current_wal_insert_lsn()
        OPERATOR(pg_catalog.-) '0/0'::pg_catalog.pg_lsn)::bigint,
       (pg_catalog.pg_current_wal_flush_lsn()
        OPERATOR(pg_catalog.-) '0/0'::pg_catalog.pg_lsn)::bigint,
       pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.<>) 'off',
       pg_catalog.pg_backend_pid(),
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

_IS_STANDBY = "SELECT pg_catalog.pg_is_in_recovery()"

#: Stands for a timeline that is not known. No pin is on it.
_UNKNOWN = "?"


class PostgreSQLPositions(Positions):
    """The LSN that a primary has inserted, and the LSN that a standby has replayed."""

    def __init__(self) -> None:
        self.code = StoredCode()

    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The insert LSN. None on Aurora; raises ``django.db.Error`` on a node in recovery."""
        log = _log_of(connection)
        return log and _position(connection, log, log.inserted)

    def of_log(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The flush LSN: what an open transaction has inserted may stay in memory for a while."""
        log = _log_of(connection)
        return log and _position(connection, log, log.flushed)

    def of_commits(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The flush LSN if the session's commits have surely waited for it, else the insert LSN."""
        question = self.code.missing(connection)
        if question:
            self.code.learn(connection, fetch_row(connection, question))
        log = _log_of(connection)
        if log is not None and connection.connection.info.backend_pid != log.backend:
            return _position(connection, log, log.inserted)  # a pooler's other server
        return log and _committed(connection, log)

    def can_commit(self, connection: BaseDatabaseWrapper) -> bool:
        """True with psycopg 3, behind PgBouncer too. False where no position can be told."""
        system: System | None = known_for_connection(connection)
        is_aurora = system is not None and system.is_aurora
        is_mute = is_aurora or state_of(connection).is_refused
        return not is_mute and can_ask_psycopg(connection.connection)

    def commit(self, connection: BaseDatabaseWrapper) -> Position | None:
        """Commit and ask for the position, and for what is not known of the system yet."""
        question = self.code.missing(connection)
        questions = [question, _PRIMARY] if question else [_PRIMARY]
        rows = commit_by_psycopg(connection.connection, questions)
        if len(rows) < len(questions):
            return None
        if question:
            self.code.learn(connection, rows[0])
        is_aurora = system_of(connection).is_aurora
        return None if is_aurora else _committed(connection, Log.of_text(rows[-1]))

    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The replayed LSN. No places if the node is not in recovery. None on Aurora."""
        system = system_of(connection)
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

    def facts(self, connection: BaseDatabaseWrapper) -> Facts:
        """What the server tells. Of Aurora, which has no such log, nothing but its name."""
        try:
            system = system_of(connection)
        except Error as error:
            if not is_refused(error):
                raise
            return facts_of(connection, None, sees=False)
        if system.is_aurora:
            return Facts(product="Amazon Aurora")
        return facts_of(connection, system.identifier, sees=bool(system.has_receiver))

    def timeline_of(self, position: Position) -> str | None:
        """The number of the timeline. None for a node that was promoted."""
        return next((key.rpartition(".")[2] for key in position.places), None)

    def installation(self, roles: Sequence[str]) -> str:
        """The function that shows a standby's timeline alone."""
        return installation(roles)

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


def _log_of(connection: BaseDatabaseWrapper) -> Log | None:
    """Where the primary's log is now. None on Aurora."""
    return None if system_of(connection).is_aurora else Log(*fetch_row(connection, _PRIMARY))


def _committed(connection: BaseDatabaseWrapper, log: Log) -> Position:
    """A place at or past all commits of the session, whose next commit ``log`` tells about.

    Those before were like the next one if no statement has left a mark on the session, as SET
    does, and no stored code may have done so. If they have waited, their records are flushed.
    """
    is_known = state_of(connection).is_plain and system_of(connection).may_defer is False
    has_waited = is_known and log.is_synchronous
    return _position(connection, log, log.flushed if has_waited else log.inserted)


def _position(connection: BaseDatabaseWrapper, log: Log, lsn: int) -> Position:
    system = system_of(connection)
    place = end_of_record(lsn, page=system.page, segment=system.segment)
    return Position(places={f"{system.identifier}.{log.timeline}": place}, clock=log.clock)


def _reported_standby(connection: BaseDatabaseWrapper) -> bool | None:
    """What the server reported, kept by psycopg 3 and psycopg2. None if it reported nothing."""
    driver = connection.connection
    if driver is None or driver.closed:
        return None
    return {"on": True, "off": False}.get(driver.info.parameter_status("in_hot_standby"))


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
