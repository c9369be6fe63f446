"""What a PostgreSQL server tells of itself to any role. Facts are from its manual."""

import math

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.connections import fetch_row
from pinning.databases.facts import Facts, Grant, Remark
from pinning.databases.receiver import quoted

# All names are qualified: see postgresql.py. An ordinary role sees of a WAL receiver only its
# process, and of others' connections only how many there are.
_FACTS = """
SELECT pg_catalog.current_setting('server_version'),
       pg_catalog.concat(pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())),
       pg_catalog.concat(pg_catalog.current_database()),
       pg_catalog.pg_is_in_recovery(),
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_is_wal_replay_paused() END,
       (SELECT pid FROM pg_catalog.pg_stat_wal_receiver),
       (SELECT pg_catalog.sum(numbackends)::bigint FROM pg_catalog.pg_stat_database),
       pg_catalog.current_setting('max_connections')::bigint OPERATOR(pg_catalog.-)
       (SELECT pg_catalog.sum(setting::bigint)::bigint FROM pg_catalog.pg_settings
        WHERE name OPERATOR(pg_catalog.~) 'reserved_connections$'),
       (SELECT setting::bigint FROM pg_catalog.pg_settings
        WHERE name OPERATOR(pg_catalog.=) 'max_standby_streaming_delay'),
       pg_catalog.current_setting('max_standby_streaming_delay'),
       pg_catalog.current_setting('hot_standby_feedback'),
       pg_catalog.current_setting('synchronous_commit'),
       pg_catalog.current_setting('synchronous_standby_names'),
       current_user,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
       (SELECT pg_catalog.string_agg(relname::pg_catalog.text, ' ') FROM pg_catalog.pg_class
        WHERE relpersistence OPERATOR(pg_catalog.=) 'u' AND relkind OPERATOR(pg_catalog.=) 'r'
              AND pg_catalog.pg_table_is_visible(oid))
"""

_FEEDBACK = (
    "hot_standby_feedback is off: a query that conflicts with the replay is cancelled after "
    "max_standby_streaming_delay, and runs again on the primary if it may."
)
_REMOTE_APPLY = (
    "synchronous_commit is remote_apply: a commit waits until {} have replayed it. Pins end at "
    "once there, and commits hang while too few of them run."
)
_NO_STANDBY = "synchronous_commit is remote_apply, but synchronous_standby_names is empty: no use."


def facts_of(connection: BaseDatabaseWrapper, identifier: int | None, *, sees: bool) -> Facts:
    """What the server tells. ``sees`` is whether the role sees the timeline by the function.

    ``identifier`` is the system's, if it is known. Raises ``django.db.Error``.
    """
    version, started, database, is_standby, is_paused, receiver, *rest = fetch_row(
        connection, _FACTS
    )
    used, most, delay, delay_told, feedback, commit, names, role, may_see, unlogged = rest
    told = {"synchronous_commit": commit, "synchronous_standby_names": names}
    if is_standby:
        told = {"hot_standby_feedback": feedback, "max_standby_streaming_delay": delay_told}
    is_blind = is_standby and not (may_see or sees)
    return Facts(
        product=f"PostgreSQL {version.partition(' ')[0]}",
        node=f"{identifier} {started}",
        database=database,
        logs=frozenset() if identifier is None else frozenset({str(identifier)}),
        is_standby=is_standby,
        takes_writes=not is_standby,
        evidence=f"pg_is_in_recovery() is {str(is_standby).lower()}",
        unit="bytes",
        stopped=_stopped(is_paused, receiver) if is_standby else None,
        connections=used,
        most_connections=most,
        longest_hold=(math.inf if delay < 0 else delay / 1000) if is_standby else None,
        hold_setting="max_standby_streaming_delay",
        settings=told,
        remarks=tuple(_remarks(told)),
        missing=Grant(role, f"GRANT pg_read_all_stats TO {quoted(role)};") if is_blind else None,
        tables_apart=tuple((unlogged or "").split()),
    )


def _stopped(is_paused: bool, receiver: int | None) -> Remark | None:
    if is_paused:
        return Remark("its replay is paused", "pg_wal_replay_resume() ends that.")
    if receiver is None:
        return Remark(
            "no WAL receiver runs there, so it receives nothing",
            "Look at its log, and at primary_conninfo.",
        )
    return None


def _remarks(settings: dict[str, str]) -> list[str]:
    remarks = []
    if settings.get("hot_standby_feedback") == "off":
        remarks.append(_FEEDBACK)
    if settings.get("synchronous_commit") == "remote_apply":
        names = settings["synchronous_standby_names"]
        remarks.append(_REMOTE_APPLY.format(names) if names else _NO_STANDBY)
    return remarks
