"""Whether a replica's session would show the rows that the primary's shows, and how to make it so.

Projects tell the primary's session who the tenant is, for row-level security, or set its search
path. The connection to a replica is a session of its own, and shows other rows until it is told the
same. What goes through the driver's own cursors is not seen here.

Of a session that is kept, nobody knows whether what it was told earlier still holds. So only what
the present work has told the primary is told to a replica.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.connections import is_in_transaction
from pinning.databases.state import state_of
from pinning.databases.told import Told, forgets, names_in, told_by

# Tenants by schema: such a backend keeps the tenant on Django's connection, and itself sets the
# search path for each cursor.
_SEARCH_PATHS = frozenset({"search_path", "schema"})


def note_told(
    connection: BaseDatabaseWrapper, sql: str, params: Any, many: bool, work: object
) -> None:
    """Remember what a statement that was run has told its session, as a part of ``work``.

    Any object may stand for the work. ``compare`` is given those of the present work.
    """
    state, is_open = state_of(connection), is_in_transaction(connection)
    told = told_by(sql, params, many, work)
    if not is_open and any(each.is_local for each in told.values()):
        return  # it is over with its statement
    kept = {} if forgets(sql) else state.told
    state.tell({**{name: each for name, each in kept.items() if name not in told}, **told})
    if not is_open:
        state.told_before = state.told


def note_unsure(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Note that a statement has told its session something that a rollback may take back."""
    state = state_of(connection)
    state.tell({**state.told, **dict.fromkeys(names_in(sql), Told.unsure())})


def note_commit(connection: BaseDatabaseWrapper) -> None:
    """Forget what held for the transaction alone. What it had hidden holds again."""
    state = state_of(connection)
    if state.told is not state.told_before:
        before = state.told_before
        ended = {name for name, each in state.told.items() if each.is_local}
        kept = {name: each for name, each in state.told.items() if name not in ended}
        state.tell({**{name: before[name] for name in ended & before.keys()}, **kept})
        state.told_before = state.told


def note_rollback(connection: BaseDatabaseWrapper) -> None:
    """Forget what was told in the transaction."""
    state = state_of(connection)
    if state.told is not state.told_before:
        state.tell(state.told_before)


def note_savepoint_rollback(connection: BaseDatabaseWrapper) -> None:
    """Some of what was told in the transaction may hold no longer."""
    state = state_of(connection)
    before = state.told_before
    if state.told is not before:
        unsure = (name for name, each in state.told.items() if before.get(name) is not each)
        state.tell({**before, **dict.fromkeys(unsure, Told.unsure())})


def may_differ(connection: BaseDatabaseWrapper, primary: BaseDatabaseWrapper) -> bool:
    """Whether a comparison is needed at all: whether either session was told anything."""
    if state_of(primary).told or state_of(connection).copied:
        return True
    return _tenant(connection) != _tenant(primary)


def make_alike(
    connection: BaseDatabaseWrapper, primary: BaseDatabaseWrapper, works: Collection[object]
) -> bool:
    """Tell a replica's session what it lacks for a read that is part of ``works``, if that can be.

    Returns whether it is like the primary's then. In a transaction on the replica nothing is told,
    because a rollback would take it back.
    """
    state, wanted = state_of(connection), state_of(primary).told
    if not state.copied <= wanted.keys():
        connection.close_at = 0.0  # Django closes it at the end of the request
        return False
    names = [name for name in wanted if not _is_alike(connection, name, wanted[name], works)]
    is_other_tenant = _tenant(connection) != _tenant(primary)
    if not (names or is_other_tenant):
        return True
    if is_in_transaction(connection) or (is_other_tenant and not _takes_tenants(connection)):
        return False
    if not all(_may_tell(connection, name, wanted[name], works) for name in names):
        return False
    return _tell(connection, primary, {name: wanted[name] for name in names})


def was_made_alike(connection: BaseDatabaseWrapper) -> bool:
    """Whether the session was ever told something that the project told the primary's alone."""
    return bool(state_of(connection).copied) or _takes_tenants(connection)


def _is_alike(
    connection: BaseDatabaseWrapper, name: str, wanted: Told, works: Collection[object]
) -> bool:
    """Whether the session may stay as it is, of what the primary's was told as ``wanted``."""
    if name in _SEARCH_PATHS and _takes_tenants(connection):
        return True
    state = state_of(connection)
    own: Told | None = state.told.get(name)
    if own is None:
        return False
    if own.is_like(wanted):
        return wanted.work in works or name not in state.copied
    return own.work in works and wanted.work not in works and name not in state.copied


def _may_tell(
    connection: BaseDatabaseWrapper, name: str, wanted: Told, works: Collection[object]
) -> bool:
    """Whether it is certain that ``wanted`` holds now, and the project leaves the telling to us."""
    state = state_of(connection)
    is_ours = name not in state.told or name in state.copied
    return is_ours and wanted.is_repeatable and wanted.work in works


def _tell(connection: Any, primary: Any, told: Mapping[str, Told]) -> bool:
    state = state_of(connection)
    try:
        with state.copying(frozenset(told)):
            if _tenant(connection) != _tenant(primary):
                connection.set_tenant(primary.tenant, primary.include_public_schema)
            with connection.cursor() as cursor:  # where tenants have schemas, this sets the path
                for statement in _in_order(told.values()):
                    cursor.execute(statement.sql, statement.params)
    except Error:
        return False
    return True


def _in_order(told: Iterable[Told]) -> list[Told]:
    """Each statement once: it may have told several settings."""
    statements: list[Told] = []
    for each in told:
        if each not in statements:
            statements.append(each)
    return statements


def _tenant(connection: Any) -> tuple[Any, Any]:
    has_public = getattr(connection, "include_public_schema", None)
    return getattr(connection, "schema_name", None), has_public


def _takes_tenants(connection: Any) -> bool:
    return hasattr(connection, "set_tenant")
