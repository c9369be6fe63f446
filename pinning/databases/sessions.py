"""Whether a replica's session shows the rows that the primary's session shows.

Projects tell the primary's session who the tenant is, for row-level security, or set its search
path. The connection to a replica is a session of its own. So it is read only while both sessions
were told the same, in the same order. What goes through the driver's own cursors is not seen here.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.connections import is_in_transaction
from pinning.databases.places import lead_alike
from pinning.databases.session_changes import is_local, is_repeatable
from pinning.databases.state import state_of


@contextlib.contextmanager
def changing(connection: BaseDatabaseWrapper, sql: str, params: Any, many: bool) -> Iterator[None]:
    """A block that runs ``sql``, which may change the rows that the session shows.

    After an error nobody knows: a part of it may have run. The search path of django-tenants is its
    backend's, which sets it for its cursors.
    """
    if getattr(connection, "_setting_search_path", False):
        yield
        return
    state = state_of(connection)
    after = state.told
    if not _is_local(connection, sql):
        after = _history(state.told, sql, params, many)
    try:
        yield
    except BaseException:
        after = object()
        raise
    finally:
        if is_in_transaction(connection):
            state.tell_in_transaction(is_local=after is state.told)
        elif after is not state.told:
            state.tell(after)


def note_transaction_end(connection: BaseDatabaseWrapper) -> None:
    """Note a commit or a rollback: what was local holds no longer."""
    state = state_of(connection)
    if state.told_outside is not None:
        state.tell(state.told_outside)


def are_alike(connection: BaseDatabaseWrapper, primary: BaseDatabaseWrapper) -> bool:
    """Whether both sessions show the same rows. A replica's session gets the primary's tenant."""
    if not lead_alike(connection, primary):
        return False
    return has_tenant(connection, primary) and state_of(connection).told == state_of(primary).told


def has_tenant(connection: Any, primary: Any) -> bool:
    """Whether a replica's connection has the primary's tenant, which it is given if that can be.

    In a transaction it is given none, because a rollback would take the search path back.
    """
    if _tenant(connection) == _tenant(primary):
        return True
    if is_in_transaction(connection) or not takes_tenants(connection):
        return False
    try:
        connection.set_tenant(primary.tenant, primary.include_public_schema)
        with connection.cursor():  # sets the search path
            return True
    except Error:
        return False


def takes_tenants(connection: Any) -> bool:
    """Whether the backend keeps tenants by schema, as that of django-tenants does.

    It has the tenant on Django's connection, and sets the search path for each cursor.
    """
    return hasattr(connection, "set_tenant")


def _is_local(connection: BaseDatabaseWrapper, sql: str) -> bool:
    """Whether all that ``sql`` changes is over with the open transaction. MySQL's LOCAL is not."""
    return connection.vendor == "postgresql" and is_in_transaction(connection) and is_local(sql)


def _history(before: object, sql: str, params: Any, many: bool) -> object:
    """What stands for all that a session was told: equal for two that were told the same."""
    if many or not (isinstance(before, str) and is_repeatable(sql, params)):
        return object()
    return hashlib.sha256(repr((before, sql, params and list(params))).encode()).hexdigest()


def _tenant(connection: Any) -> object:
    """None if the backend keeps none: to look for an attribute that is not there takes long."""
    name = getattr(connection, "schema_name", None)
    return name and (name, getattr(connection, "include_public_schema", None))
