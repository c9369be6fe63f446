"""What a MariaDB or MySQL server tells of itself: measured on MariaDB 10.11 and MySQL 9.7."""

from collections.abc import Mapping
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.connections import fetch_column, fetch_row
from pinning.databases.errors import is_refused
from pinning.databases.facts import Facts, Remark

_FACTS = "SELECT @@version, DATABASE(), @@GLOBAL.read_only, @@GLOBAL.max_connections,"
# They are empty after a restart. One text of all names would be cut off at group_concat_max_len.
_IN_MEMORY = """
SELECT table_name FROM information_schema.tables
WHERE engine = 'MEMORY' AND table_schema = DATABASE()
"""
_CONNECTIONS = "SHOW GLOBAL STATUS LIKE 'Threads\\_connected'"

# The binary log's state has each domain and server that it ever had something of. It tells what the
# history is made of, whichever server wrote last. mysql.py explains the name of the node.
_MARIADB = f"""{_FACTS} CONCAT_WS(' ', @@server_id, @@hostname, @@port, RIGHT(UUID(), 17)),
       CONCAT_WS(',', NULLIF(@@GLOBAL.gtid_binlog_state, ''), NULLIF(@@GLOBAL.gtid_slave_pos, ''))
"""
_MYSQL = f"{_FACTS} @@GLOBAL.server_uuid, @@GLOBAL.gtid_executed"

# Needs a right of its own: REPLICA MONITOR, or REPLICATION CLIENT on MySQL.
_MARIADB_REPLICATION = "SHOW ALL SLAVES STATUS"
_MYSQL_REPLICATION = "SHOW REPLICA STATUS"


def facts_of(connection: BaseDatabaseWrapper, *, is_mariadb: bool) -> tuple[Facts, str]:
    """What the server tells, and the GTIDs of its history. Raises ``django.db.Error``."""
    row = fetch_row(connection, _MARIADB if is_mariadb else _MYSQL)
    version, database, read_only, most, node, gtids = row
    takes_writes = str(read_only) in {"0", "OFF"}
    replication = _replication(connection, is_mariadb=is_mariadb)
    start = f"START {'SLAVE' if is_mariadb else 'REPLICA'}"  # each is all that some versions know
    facts = Facts(
        product=f"{'MariaDB' if is_mariadb else 'MySQL'} {version.partition('-')[0]}",
        node=node,
        database=database or "",
        is_standby=None if replication is None else bool(replication),
        takes_writes=takes_writes,
        evidence=f"read_only is {'OFF' if takes_writes else 'ON'}",
        remedy="SET GLOBAL read_only = ON, and in the server's configuration",
        stopped=next(filter(None, (_stopped(row, start) for row in replication or ())), None),
        seconds_behind=_seconds_behind(replication or []),
        connections=int(fetch_row(connection, _CONNECTIONS)[1]),
        most_connections=most,
        tables_apart=fetch_column(connection, _IN_MEMORY),
    )
    return facts, gtids or ""


Rows = list[Mapping[str, Any]]


def _replication(connection: BaseDatabaseWrapper, *, is_mariadb: bool) -> Rows | None:
    """What the server replicates from, by the names of the columns. None if nobody may know."""
    question = _MARIADB_REPLICATION if is_mariadb else _MYSQL_REPLICATION
    try:
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            cursor.execute(question)
            names = [_modern(column[0]) for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except Error as error:
        if not is_refused(error):
            raise
        return None


def _modern(name: str) -> str:
    """The name of a column as MySQL has it, which says source and replica."""
    return name.replace("Master", "Source").replace("Slave", "Replica")


def _stopped(row: Mapping[str, Any], start: str) -> Remark | None:
    if row["Replica_SQL_Running"] == "No":
        return Remark(_with("its SQL thread is stopped", row["Last_SQL_Error"]), f"{start}.")
    if row["Replica_IO_Running"] != "Yes":
        return Remark(
            _with("it receives nothing", row["Last_IO_Error"]),
            f"{start}, once the cause is gone.",
        )
    return None


def _with(what: str, error: str) -> str:
    return f"{what}: {error}" if error else what


def _seconds_behind(rows: Rows) -> float | None:
    seconds = [row["Seconds_Behind_Source"] for row in rows]
    return None if None in seconds or not seconds else float(max(seconds))
