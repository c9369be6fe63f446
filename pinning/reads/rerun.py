"""Runs a read again on the primary if its replica fails during the query.

Django keeps its cursor, which is moved to the primary. ``Rerunner.may_rerun`` says what is run
again, and what is not.
"""

import contextlib
import functools
from typing import Any

from django.db import (
    Error,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from pinning.conf import clusters
from pinning.databases import (
    Statement,
    as_text,
    hooks,
    is_conflict,
    is_in_transaction,
    is_not_on_standby,
    is_server_side,
    is_told_alone,
    leaves_mark,
    note_socket,
    running_thread,
    sessions,
    state_of,
    statement_of,
)
from pinning.exceptions import DifferentSessionError
from pinning.health import Wait, give_up_if_lost, replica
from pinning.reads.routed import was_asked_for, was_routed
from pinning.scopes import Choice, Reason, current_scope, wishes

_FAILURES = (OperationalError, InterfaceError, NotSupportedError, ProgrammingError)


class Rerunner:
    """Runs the statements on the connection of one thread to one replica."""

    def __init__(self, connection: BaseDatabaseWrapper, primary: str) -> None:
        self._primary = primary
        self._state = state_of(connection)

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run the statement.

        The primary runs it if the replica's session would show other rows, or if it locks.
        """
        connection: BaseDatabaseWrapper = context["connection"]
        text = as_text(sql, connection.connection)
        statement = statement_of(text, connection.vendor)
        if statement.names_lock and not self._is_own(context["cursor"]):
            return self._run_on_primary(execute, sql, params, many, context)
        if self._state.is_plain:
            may_mark = leaves_mark(connection, statement, text)
            self._state.is_plain = not (many or statement.writes or may_mark)
        if statement.opens is not None:
            self._state.has_begun = statement.opens
        tells = _tells(statement, text, context["cursor"])
        if not (tells or self._is_prepared(connection, context["cursor"])):
            self._leave_replica()
            return self._run_on_primary(execute, sql, params, many, context)
        if not statement.changes_session:
            return self._run(execute, sql, params, many, context)
        self._state.teller = current_scope()
        with sessions.changing(connection, text, params, many):
            return self._run(execute, sql, params, many, context)

    def _run(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run the statement. If its replica fails meanwhile, run it again on the primary."""
        connection: BaseDatabaseWrapper = context["connection"]
        waits = replica(connection.alias).waits
        cursor, is_plain = context["cursor"], self._state.is_plain
        # Asked before the statement runs only if a monitor may end the wait.
        is_harmless = waits.are_watched and is_plain and was_routed(cursor)
        try:
            with Wait(waits, connection, is_harmless=is_harmless):
                result = execute(sql, params, many, context)
            waits.note_stream(cursor)
            if is_server_side(cursor) and was_routed(cursor):
                again = functools.partial(self._run_on_primary, execute, sql, params, many, context)
                cursor.fetchmany = functools.partial(self._fetch_first, cursor, sql, again)
            return result
        except _FAILURES as error:
            if not (was_routed(cursor) and self.may_rerun(error, connection, is_plain, sql)):
                raise
            self._give_up(cursor, error)
        return self._run_on_primary(execute, sql, params, many, context)

    def _fetch_first(self, cursor: Any, sql: Any, run_on_primary: Any, *size: Any) -> Any:
        """Fetch the first rows of a cursor on the server. Until they come, nothing was seen."""
        del cursor.fetchmany
        connection, is_plain = cursor.db, self._state.is_plain
        try:
            return cursor.fetchmany(*size)
        except _FAILURES as error:
            if not self.may_rerun(error, connection, is_plain, sql):
                raise
            self._give_up(cursor, error)
        run_on_primary()
        return cursor.fetchmany(*size)

    def _give_up(self, cursor: Any, error: Error) -> None:
        """Note that a query failed on the replica, and will run again."""
        if not is_not_on_standby(error):
            self._leave_replica()
        cursor.execute = cursor.executemany = cursor.callproc = _refuse
        _count(self._primary)

    def _is_prepared(self, connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> bool:
        """Whether the session shows what the primary's would. If not, the primary has to answer.

        The settings of a session that the project reads by its alias are its own. Its tenant is the
        primary's: raises DifferentSessionError where that cannot be.
        """
        primary = connections[self._primary]
        if sessions.are_alike(connection, primary):
            return True
        if not self._is_own(cursor):
            replica(connection.alias).note_different_session(self._primary)
            return False
        if sessions.takes_tenants(connection) and not sessions.has_tenant(connection, primary):
            raise DifferentSessionError(connection.alias, self._primary)
        return True

    def _is_own(self, cursor: CursorWrapper) -> bool:
        """Whether the project itself, and not the router, has chosen the replica."""
        return was_asked_for(cursor) or (self._was_told_here() and not was_routed(cursor))

    def _was_told_here(self) -> bool:
        """Whether the project has told this session something in the present work, for itself.

        Without a scope and a wish the router gives no replica: then the project has opened it.
        """
        scope = current_scope()
        if scope is None and wishes().database is None:
            return True
        while scope is not None and scope is not self._state.teller:
            scope = scope.parent
        return scope is self._state.teller

    def may_rerun(
        self, error: Error, connection: BaseDatabaseWrapper, is_plain: bool, sql: Any
    ) -> bool:
        """Whether a query that failed on a replica is run again.

        It is run again if the connection was lost. It is also run again if the replica cancelled it
        because of recovery, unless ``use_replica`` is there to keep just such a query from the
        primary.

        The query is one that the router sent to the replica, and nothing that was ever run on
        either connection may have left a mark there: a setting, a transaction, a cursor of the
        project's own. So it sees no other session's state, and no other tenant's. ``is_plain`` is
        whether nothing has on the replica's. Any other error would come again, such as a timeout of
        the project's own. Rows that were already fetched never come through here.

        A plain query of what the replica cannot have, or lacks yet, is run again whatever has left
        a mark: its session was told the same, or the replica were not asked.
        """
        if is_in_transaction(connection):
            return False
        if is_not_on_standby(error):
            text = as_text(sql, connection.connection)
            return statement_of(text, connection.vendor).is_query
        is_plain = is_plain and state_of(connections[self._primary]).is_plain
        if is_conflict(error):
            return is_plain and wishes().database is None
        return give_up_if_lost(connection, error) and is_plain

    def _run_on_primary(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run the statement there, among the execute wrappers of the primary's connection.

        It is watched there, as it may write: raw SQL that the replica would have refused.
        """
        connection = connections[self._primary]
        _move(context["cursor"], connection)
        watcher = state_of(connection).watcher
        return (watcher or _run)(execute, sql, params, many, context)

    def _leave_replica(self) -> None:
        """Read from the primary from now on: another replica may be further behind."""
        scope = current_scope()
        if scope is not None:
            scope.work(self._primary).choice = Choice.for_now(self._primary, Reason.NO_REPLICA)


def _tells(statement: Statement, sql: str, cursor: CursorWrapper) -> bool:
    """Whether a statement tells its session something, and shows no rows to whom it must not.

    CALL and EXECUTE may do both. The router is asked for what shows rows.
    """
    if not statement.changes_session:
        return False
    return is_told_alone(sql) or not (statement.may_show_rows or was_routed(cursor))


def _run(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    return execute(sql, params, many, context)


def _move(cursor: Any, connection: BaseDatabaseWrapper) -> None:
    """Point Django's cursor at a new cursor of another connection, for this one statement."""
    if is_server_side(cursor) and not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        new = connection.chunked_cursor()
    else:
        new = connection.cursor()
    with contextlib.suppress(Exception):  # a driver may raise anything for a lost cursor
        cursor.cursor.close()
    cursor.cursor, cursor.db = new.cursor, connection


def _count(primary: str) -> None:
    """Note in the scope that a query runs again."""
    scope = current_scope()
    if scope is not None:
        scope.work(primary).reruns += 1


def _refuse(*_: Any, **__: Any) -> Any:
    """Replaces the methods of a cursor that was moved: it was opened on a replica to read."""
    raise OperationalError("The replica of this cursor failed. Open a new cursor.")


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: watch the connection if it is a replica's."""
    cluster = clusters().of_alias(connection.alias)
    if cluster is None or connection.alias == cluster.primary:
        return
    hooks.watcher_of(connection, Rerunner, lambda: Rerunner(connection, cluster.primary))
    if not connection.allow_thread_sharing:
        running_thread.opened.add(connection)
    note_socket(connection.connection)
    replica(connection.alias).note_opened(connection)
