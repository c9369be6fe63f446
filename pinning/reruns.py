"""Reads whose replica failed under them, run again on the primary, on the cursor Django holds.

What is run again, and what is not, is all in ``Rerunner.may_rerun``.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from django.db import Error, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import replicas
from pinning.conf import Cluster, clusters
from pinning.databases import as_text, is_conflict, is_in_transaction, is_query
from pinning.scopes import Choice, Reason, current_scope, overrides
from pinning.waits import Wait, is_server_side, note_stream

_ATTRIBUTE = "_pinning_rerunner"


class Rerunner:
    """Watches the connection of one thread to one replica: an execute wrapper."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._is_plain = True

    def connected(self) -> None:
        """The connection is a new one: nothing was set on it yet."""
        self._is_plain = True

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Run the statement; where its replica fails under it, again on the primary."""
        connection: BaseDatabaseWrapper = context["connection"]
        was_routed = replicas.take_routed(connection)
        if self._is_plain:
            self._is_plain = not many and is_query(as_text(sql, connection.connection))
        may_move = was_routed and self._is_plain
        try:
            with Wait(connection, is_harmless=may_move):
                result = execute(sql, params, many, context)
            note_stream(connection, context["cursor"])
            return result
        except (OperationalError, InterfaceError) as error:
            if not (may_move and self.may_rerun(error, connection)):
                raise
        self._leave_replica()
        _move(context, connections[self._cluster.primary])
        return execute(sql, params, many, context)

    def may_rerun(self, error: Error, connection: BaseDatabaseWrapper) -> bool:
        """Whether a query that failed on a replica is run again.

        It is when the connection was lost, or when the replica cancelled it because of recovery,
        unless ``use_replica`` was to keep just such a query from the primary. It is a plain query
        that the router sent to the replica, and nothing else was ever run on that connection: not
        a setting, a transaction or a cursor of the project's own, which the primary's connection
        would not have. Anything else that is wrong, a timeout of the project's own say, would be
        so again. Rows that were already fetched never come through here.
        """
        if is_in_transaction(connection):
            return False
        if is_conflict(error):
            return overrides.forced() is None
        return replicas.give_up_if_lost(connection, error)

    def _leave_replica(self) -> None:
        """The rest of the scope reads from the primary: another replica may be further behind."""
        scope = current_scope()
        if scope is not None:
            primary = self._cluster.primary
            scope.work(primary).choice = Choice.of_primary(primary, Reason.NO_REPLICA)


def _move(context: dict[str, Any], connection: BaseDatabaseWrapper) -> None:
    """Point Django's cursor at a new one of another connection, for this one statement."""
    cursor = context["cursor"]
    if is_server_side(cursor) and not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        new = connection.chunked_cursor()
    else:
        new = connection.cursor()
    with contextlib.suppress(Exception):  # whatever a driver says of a cursor that is gone
        cursor.cursor.close()
    cursor.cursor, cursor.db = new.cursor, connection
    cursor.execute = cursor.executemany = cursor.callproc = _refuse
    context["connection"] = connection


def _refuse(*_: Any, **__: Any) -> Any:
    """Stands for the methods of a cursor that was moved: it was opened on a replica to read."""
    raise OperationalError("The replica of this cursor failed. Open a new cursor.")


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: watch the connection if it is a replica's."""
    cluster = clusters().of_alias(connection.alias)
    if cluster is None or connection.alias == cluster.primary:
        return
    rerunner: Rerunner = connection.__dict__.setdefault(_ATTRIBUTE, Rerunner(cluster))
    rerunner.connected()
    if rerunner not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, rerunner)
