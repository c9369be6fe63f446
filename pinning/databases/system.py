"""The PostgreSQL system that a connection leads to: what stays the same for as long as it does."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.connections import fetch_row
from pinning.databases.state import (
    known_for_connection,
    once_for_connection,
    remember_for_connection,
    state_of,
)
from pinning.databases.stored_code import STORED_CODE

# All names are qualified: see postgresql.py.

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

#: Of how many states of the code the answers are remembered.
_MOST_KNOWN = 16


class System(NamedTuple):
    """The PostgreSQL system that a connection leads to. Sizes are in bytes."""

    identifier: int
    page: int
    segment: int
    is_aurora: bool
    #: Whether the role may ask for the WAL receiver by the function of ``receiver``.
    has_receiver: bool | None
    #: Whether code that is kept in the database may set ``synchronous_commit``, which no statement
    #: shows. None if that is not known: only commits ask.
    may_defer: bool | None = None


class StoredCode:
    """What this process knows of the functions and expressions of databases, by their state."""

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}

    def missing(self, connection: BaseDatabaseWrapper) -> str:
        """The question for what a commit needs and is not known yet; "" if there is none."""
        system: System | None = known_for_connection(connection)
        if state_of(connection).is_plain and (system is None or system.may_defer is None):
            return f"{_SYSTEM}, ({STORED_CODE.replace('KNOWN', ''.join(self.known))})"
        return "" if system is not None else _SYSTEM

    def learn(self, connection: BaseDatabaseWrapper, row: Sequence[Any]) -> None:
        """Remember the answer to what was ``missing``. Its values may be texts."""
        code = row[5:]
        may_defer = self._may_defer(*code) if code else None
        remember_for_connection(connection, _system(row[:5])._replace(may_defer=may_defer))

    def _may_defer(self, told: str) -> bool | None:
        """What the answer to ``STORED_CODE`` says, or said before for the same state."""
        state, end, number = told.rpartition(";")
        if number:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[state + end] = number != "0"
        return self.known.get(state + end)  # None if another thread has cleared it meanwhile


def system_of(connection: BaseDatabaseWrapper) -> System:
    """The system, asked once for each of the driver's connections. Raises ``django.db.Error``."""
    return once_for_connection(connection, lambda: _system(fetch_row(connection, _SYSTEM)))


def _system(row: Sequence[Any]) -> System:
    """The system that a row of ``_SYSTEM`` tells, whose values may be texts."""
    identifier, page, segment = map(int, row[:3])
    return System(identifier, page, segment, *(answer in {True, "t"} for answer in row[3:]))
