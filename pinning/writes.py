"""Writes: a wrapper on each primary's connection that tells the scope what was committed.

``db_for_write`` is no use for it: the router is asked with no write to come, and is not asked for
raw SQL, ``using()`` and generic relations. Nor is ``on_commit``: callbacks that were registered
earlier would read before ours had run, and tests that count callbacks would count ours.
"""

from collections.abc import Callable
from typing import Any

from django.db import DataError, IntegrityError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.clusters import Cluster, clusters
from pinning.scope import Scope, current_scope
from pinning.statements import is_write, written_table

_ATTRIBUTE = "_pinning_recorder"


class Recorder:
    """Watches the connection of one thread to one primary."""

    def __init__(self, cluster: Cluster, connection: BaseDatabaseWrapper) -> None:
        """Watch ``connection`` from now on, through reconnects, for as long as it is used."""
        self._cluster = cluster.primary
        self._connection = connection
        self._pending: list[tuple[Scope, frozenset[str]]] = []
        for name in ("_commit", "_rollback", "_savepoint_rollback", "_set_autocommit", "_close"):
            self._replace(name)

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Django's execute wrapper: run the statement, and note it if it writes."""
        if not self._counts(sql):
            return execute(sql, params, many, context)
        try:
            result = execute(sql, params, many, context)
        except (IntegrityError, DataError):
            raise  # the database refused it
        except BaseException:
            self.note()  # a connection may have been lost after the server had committed
            raise
        self.note()
        return result

    def note(self) -> None:
        """Note a write by the current scope: at once, or when the open transaction commits."""
        scope = current_scope()
        if scope is None:
            return
        if is_in_transaction(self._connection):
            self._note_pending(scope)
        else:
            scope.wrote(self._cluster)

    def has_pending(self) -> bool:
        """Whether the open transaction has written something."""
        return bool(self._pending)

    def _counts(self, sql: Any) -> bool:
        text = sql if isinstance(sql, str) else self._as_text(sql)
        if not is_write(text):
            return False
        tables = clusters().primary_tables
        return not tables or written_table(text) not in tables

    def _as_text(self, sql: Any) -> str:
        """A driver's composed statement or bytes, as text."""
        if isinstance(sql, bytes):
            return sql.decode(errors="replace")
        as_string = getattr(sql, "as_string", None)
        return str(as_string(self._connection.connection)) if as_string else str(sql)

    def _note_pending(self, scope: Scope) -> None:
        """Remember the write with the savepoints it may be rolled back with.

        Savepoints that were released meanwhile cannot be rolled back alone any more; an entry
        that survives wherever another one does makes that other one superfluous.
        """
        open_now = frozenset(self._connection.savepoint_ids)
        entries = {(entry, sids & open_now) for entry, sids in self._pending}
        if not any(entry is scope and sids <= open_now for entry, sids in entries):
            entries.add((scope, open_now))
        self._pending = list(entries)

    def _replace(self, name: str) -> None:
        """Put ``_after<name>`` behind the connection's own method, on this connection alone."""
        original = getattr(self._connection, name)
        after = getattr(self, f"_after{name}")

        def replacement(*args: Any) -> Any:
            try:
                result = original(*args)
            except IntegrityError:
                raise  # a deferred constraint: nothing was committed, a rollback follows
            except BaseException:
                after(*args)
                raise
            after(*args)
            return result

        setattr(self._connection, name, replacement)

    def _after_commit(self) -> None:
        """Tell the scopes. Also when COMMIT failed: the server may have done it all the same."""
        pending, self._pending = self._pending, []
        for scope, _ in pending:
            scope.wrote(self._cluster)

    def _after_rollback(self) -> None:
        self._pending.clear()

    def _after_close(self) -> None:
        """The database rolls back what was open."""
        self._pending.clear()

    def _after_savepoint_rollback(self, sid: str) -> None:
        self._pending = [(scope, sids) for scope, sids in self._pending if sid not in sids]

    def _after_set_autocommit(self, autocommit: bool) -> None:
        """Some databases commit what is open when autocommit is switched on."""
        if autocommit:
            self._after_commit()


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open, atomic or managed by hand.

    Told without ``get_autocommit()``, which would open a connection to find out; the attribute is
    also False on one that was never opened.
    """
    return not connection.autocommit and connection.connection is not None


def recorder_of(connection: BaseDatabaseWrapper, cluster: Cluster) -> Recorder:
    """The recorder of a primary's connection, put there at the first call.

    It stands in front of other execute wrappers: ``execute_wrapper()`` takes away the last one
    when it ends, whosever that is.
    """
    recorder: Recorder | None = connection.__dict__.get(_ATTRIBUTE)
    if recorder is None:
        recorder = connection.__dict__[_ATTRIBUTE] = Recorder(cluster, connection)
    if recorder not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, recorder)
    return recorder


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: watch the connection if it is a primary's."""
    cluster = clusters().of_alias(connection.alias)
    if cluster is not None and connection.alias == cluster.primary:
        recorder_of(connection, cluster)


def watch_open_connections() -> None:
    """Watch what was connected before the apps were ready."""
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            watch(connection)


def mark_written(using: str = "default") -> None:
    """Say that the current scope writes to the cluster of ``using``, where no wrapper can see it.

    For ``copy``, ``callproc``, functions that write when selected and the driver's own cursors.
    In a transaction it counts once that commits. Raises UnknownClusterError.
    """
    cluster = clusters().of_alias(using) or clusters().named(using)
    recorder_of(connections[cluster.primary], cluster).note()
