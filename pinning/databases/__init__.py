"""Everything that differs by vendor or driver: positions, SQL, errors, commits, connections."""

from pinning.databases import hooks, isolation, sessions
from pinning.databases.base import Positions
from pinning.databases.commit import was_commit_refused
from pinning.databases.connections import (
    address_of,
    apart,
    blocks_of,
    close_pool,
    fetch_row,
    give_back,
    is_autocommit_off,
    is_failed,
    is_in_transaction,
    is_on_event_loop,
    is_on_server,
    is_server_side,
    is_tests_own,
    running_thread,
    takes_connect_timeout,
    wanted_server,
)
from pinning.databases.errors import (
    is_conflict,
    is_full,
    is_not_on_standby,
    is_refused,
    is_without_connection,
)
from pinning.databases.facts import Facts
from pinning.databases.isolation import keeps_snapshot
from pinning.databases.locks import note_held, note_held_after_error
from pinning.databases.notices import is_news
from pinning.databases.passing import is_passing, leaves_mark
from pinning.databases.pins import pin_by_clock, pin_now, pins_at, pins_of_seen
from pinning.databases.places import known_places
from pinning.databases.rules import Statement
from pinning.databases.session_changes import is_told_alone
from pinning.databases.sockets import has_answer, note_socket, shut
from pinning.databases.state import State, forget, state_of
from pinning.databases.statements import as_text, statement_of
from pinning.databases.vendors import (
    VENDORS,
    of_commits,
    of_log,
    of_primary,
    of_replica,
    positions_of,
)
