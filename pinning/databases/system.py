"""The PostgreSQL system that a connection leads to: what stays the same for as long as it does."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.connections import fetch_row
from pinning.databases.state import once_for_connection

# All names are qualified: see postgresql.py.

# These values stay the same while a connection lives, behind a pooler too. Amazon Aurora has the
# functions below but no such log: its readers share the storage, and pins hold for WINDOW there.
# The last but one: may this role call the function of receiver.py, and is it what it seems to be?
# It is called only if it runs with its owner's rights, not with ours, and if whoever could replace
# it or have it lie sees all statistics anyway. The last one: may a function of the project, that of
# a trigger say, change how its transaction commits? Numbers below 16384 are PostgreSQL's own.
SYSTEM = """
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
          AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')),
       (SELECT true FROM pg_catalog.pg_proc
        WHERE oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
          AND pg_catalog.concat(prosrc, pg_catalog.pg_get_function_sqlbody(oid))
              OPERATOR(pg_catalog.~*) 'synchronous_commit|set_config|pg_settings' LIMIT 1)
"""


class System(NamedTuple):
    """The PostgreSQL system that a connection leads to. Sizes are in bytes."""

    identifier: int
    page: int
    segment: int
    is_aurora: bool
    #: Whether the role may ask for the WAL receiver by the function of ``receiver``.
    has_receiver: bool | None
    #: Whether a function of the database may set ``synchronous_commit``, which no text shows.
    may_defer: bool | None


def system_of(connection: BaseDatabaseWrapper) -> System:
    """The system, asked once for each of the driver's connections. Raises ``django.db.Error``."""
    return once_for_connection(connection, lambda: System(*fetch_row(connection, SYSTEM)))


def system_of_text(row: Sequence[str]) -> System:
    """The system that a row of ``SYSTEM`` tells as text."""
    identifier, page, segment = map(int, row[:3])
    return System(identifier, page, segment, *(answer == "t" for answer in row[3:]))
