"""Reads whose replica failed under them, run again elsewhere on the cursor that Django holds.

What is run again, and what is not, is all in ``may_rerun``.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from django.db import Error, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import replicas
from pinning.clusters import Cluster, clusters
from pinning.scope import current_scope
from pinning.statements import as_text, is_write
from pinning.writes import is_in_transaction

_ATTRIBUTE = "_pinning_rerunner"

# A recovery conflict that left the connection open: serialization_failure, deadlock_detected. Other
# conflicts, and a server that is shut down, end the connection.
_CONFLICTS = frozenset({"40001", "40P01"})


def may_rerun(error: Error, connection: BaseDatabaseWrapper, sql: str, many: bool) -> bool:
    """Whether a statement that failed on a replica is run again elsewhere.

    It is when the connection was lost or the replica cancelled it because of recovery. It is not
    when it may write, when it was one of many, when the code opened a transaction on the replica
    (whose snapshot is gone), or when anything else is wrong: a timeout that the project set
    would only pass again. Rows that were already fetched never come through here.
    """
    if many or is_write(sql) or is_in_transaction(connection):
        return False
    return _sqlstate(error) in _CONFLICTS or replicas.give_up_if_lost(connection, error)


class Rerunner:
    """Watches the connection of one thread to one replica: an execute wrapper."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Run the statement; where a replica fails under it, again on another database."""
        tried: set[str] = set()
        while True:
            try:
                return execute(sql, params, many, context)
            except (OperationalError, InterfaceError) as error:
                failed: BaseDatabaseWrapper = context["connection"]
                text = as_text(sql, failed.connection)
                if failed.alias == self._cluster.primary or not may_rerun(
                    error, failed, text, many
                ):
                    raise
                tried.add(failed.alias)
                _move(context, connections[self._next(tried)])

    def _next(self, tried: set[str]) -> str:
        """Where the statement, and the rest of the scope, goes now."""
        scope = current_scope()
        if scope is None:
            return self._cluster.primary
        choice = replicas.choose(scope, self._cluster, without=tried)
        scope.work(self._cluster.primary).choice = choice
        return choice.alias


def _move(context: dict[str, Any], connection: BaseDatabaseWrapper) -> None:
    """Point Django's cursor at a new one of another connection, of the same kind."""
    cursor = context["cursor"]
    is_server_side = getattr(cursor.cursor, "name", None) is not None
    new = connection.chunked_cursor() if is_server_side else connection.cursor()
    with contextlib.suppress(Exception):  # whatever a driver says of a cursor that is gone
        cursor.cursor.close()
    cursor.cursor, cursor.db = new.cursor, connection
    context["connection"] = connection


def _sqlstate(error: BaseException) -> str | None:
    """The driver's code: psycopg 3 calls it ``sqlstate``, psycopg2 ``pgcode``."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: watch the connection if it is a replica's."""
    cluster = clusters().of_alias(connection.alias)
    if cluster is None or connection.alias == cluster.primary:
        return
    rerunner = connection.__dict__.setdefault(_ATTRIBUTE, Rerunner(cluster))
    if rerunner not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, rerunner)
