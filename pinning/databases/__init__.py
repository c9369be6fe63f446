"""All that differs by vendor or driver: positions, statements, errors, commits, connections."""

from pinning.databases import hooks
from pinning.databases.base import Positions
from pinning.databases.commit import was_commit_refused
from pinning.databases.connections import (
    fetch_row,
    is_in_transaction,
    is_on_event_loop,
    options_of,
)
from pinning.databases.errors import is_conflict, is_full, sqlstate_of
from pinning.databases.pins import pin_by_clock, pin_now, pins_at
from pinning.databases.state import State, state_of
from pinning.databases.statements import (
    as_text,
    commits,
    is_query,
    is_write,
    written_table,
)
from pinning.databases.vendors import (
    VENDORS,
    can_commit,
    commit,
    is_refusal,
    is_standby,
    of_log,
    of_primary,
    of_replica,
)

__all__ = [
    "VENDORS",
    "Positions",
    "State",
    "as_text",
    "can_commit",
    "commit",
    "commits",
    "fetch_row",
    "hooks",
    "is_conflict",
    "is_full",
    "is_in_transaction",
    "is_on_event_loop",
    "is_query",
    "is_refusal",
    "is_standby",
    "is_write",
    "of_log",
    "of_primary",
    "of_replica",
    "options_of",
    "pin_by_clock",
    "pin_now",
    "pins_at",
    "sqlstate_of",
    "state_of",
    "was_commit_refused",
    "written_table",
]
