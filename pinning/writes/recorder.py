"""Watches each primary's connection, and tells the scope what was committed.

``db_for_write`` cannot do it: Django also asks the router if no write follows, and does not ask for
raw SQL, ``using()`` and generic relations. ``on_commit`` cannot do it either: callbacks that were
registered earlier would read before ours had run, and tests that count callbacks would count ours.
"""

import functools
from collections.abc import Callable
from typing import Any

from django.db import (
    DataError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import debug_transaction

from pinning.conf import clusters
from pinning.databases import (
    Statement,
    as_text,
    hooks,
    is_autocommit_off,
    is_failed,
    is_in_transaction,
    is_passing,
    isolation,
    leaves_mark,
    note_held,
    note_held_after_error,
    positions_of,
    sessions,
    state_of,
    statement_of,
    was_commit_refused,
)
from pinning.exceptions import NotAPrimaryError, ReadOnlyClusterError
from pinning.pins import Position
from pinning.scopes import (
    Scope,
    Transaction,
    Write,
    current_scope,
    transaction,
    transaction_of,
    wishes,
)
from pinning.writes import standby
from pinning.writes.naming import as_subject, marked, write_of

_REFUSED = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


class Recorder:
    """Watches the connection of one thread to one primary."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        """Watch ``connection`` from now on, through reconnects, for as long as it is used."""
        self._cluster = connection.alias
        self._connection = connection
        self._state = state_of(connection)
        self._told: Position | None = None  # came with the last commit
        self._is_djangos = False  # what runs now is a method of Django's connection
        for name in hooks.TRANSACTION_METHODS:
            after = getattr(self, f"_after{name}")
            hooks.put_around(connection, name, functools.partial(self._run_method, after))
        hooks.put_around(connection, "clean_savepoints", self._clean_savepoints)

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run the statement, and note it if it writes. It is called as execute wrappers are."""
        text = as_text(sql, self._connection.connection)
        statement = statement_of(text, self._connection.vendor)
        plain = functools.partial(execute, sql, params, many, context)
        if statement.is_plain_select:
            return standby.run(self._connection, plain)  # nothing to note
        if leaves_mark(self._connection, statement, text):
            self._state.is_plain = False
        scope = current_scope()
        if statement.writes and scope is not None:
            scope.before_write(statement.table)
        if statement.marks and isolation.note_statement(self._connection, text, params):
            self._bind()
        if statement.locks and not statement.writes:
            self._note_lock(statement, text)

        def run() -> Any:
            if not statement.changes_session:
                return plain()
            with sessions.changing(self._connection, text, params, many):
                return plain()

        if self._ends(statement):
            self._state.has_begun = False  # before it runs: nothing is open even if it fails
        elif self._state.begins_again and not is_in_transaction(self._connection):
            self._note_begin()
        note = self._note_of(statement)
        try:
            if note is not None:
                result = self._run_write(run, statement, many, note)
            else:
                result = standby.run(self._connection, run)
        except BaseException:
            if statement.locks:
                note_held_after_error(self._connection, text)
            self._note_commit(statement)
            raise
        if statement.locks or statement.word == "discard":
            note_held(self._connection, text, context["cursor"], many=many)
        self._note_commit(statement)
        if statement.sets_autocommit:
            self._state.begins_again = is_autocommit_off(self._connection)
        if statement.opens and self._connection.autocommit and not self._is_djangos:
            self._note_begin()
            if note is not None:
                note()  # it wrote in what it has begun, too
        return result

    def _note_begin(self) -> None:
        """Note a transaction that SQL has begun: what it reads and locks binds the scope."""
        transaction.begin(self._connection)
        self._state.has_begun = True
        self._bind()

    def _run_write(
        self, run: Callable[[], Any], statement: Statement, many: bool, note: Callable[[], None]
    ) -> Any:
        """Run and note a write, also if its outcome is unknown: the server may have committed it.

        A plain statement that the database refused wrote nothing. One with many parameter sets, a
        procedure, or several statements in one may have written something before the refusal.
        """
        is_plain = statement.table is not None
        run_on_primary = standby.run_write if is_plain else standby.run
        try:
            result = run_on_primary(self._connection, run)
        except NotAPrimaryError:
            raise
        except _REFUSED as error:
            if isinstance(error, IntegrityError):
                self._note_conflict()
            if many or not is_plain:
                note()
            raise
        except BaseException:
            note()
            raise
        note()
        return result

    def _note_conflict(self) -> None:
        """Note a row that is in the way: somebody wrote it, and the code may look for it now."""
        self._bind()

    def _bind(self) -> None:
        """Keep the reads of the current scope on the primary, to its end."""
        scope = current_scope()
        if scope is not None:
            scope.locked(self._cluster)

    def _ends(self, statement: Statement) -> bool:
        return statement.ends(self._connection.features.can_rollback_ddl)

    def _note_commit(self, statement: Statement) -> None:
        """Note what ``statement`` may have committed, also if it failed after that.

        Where that is not sure, the commit that follows is noted as well.
        """
        open_ = self._state.transaction
        may_commit = statement.commits(self._connection.features.can_rollback_ddl)
        if open_ is None or not (may_commit and open_.has_written()):
            return
        if self._ends(statement):
            self._after_commit()
            return
        for scope, writes in open_.tell_listeners(current_scope()).items():
            scope.wrote(self._cluster, writes=writes)

    def note(self, scope: Scope | None, write: Write) -> None:
        """Note a write by ``scope``, if any: at once, or when the open transaction commits.

        In a transaction that SQL has begun it is both: it may be ended where we do not see it.
        """
        is_open = is_in_transaction(self._connection)
        is_now = not is_open or self._state.has_begun
        if is_open:
            savepoints = frozenset(self._connection.savepoint_ids)
            self._transaction.note(scope, savepoints, None if is_now else write)
        if scope is not None and is_now:
            session = self._state.session if not is_open or self._transaction.is_seen else None
            scope.wrote(self._cluster, session=session, writes={write: 1})

    def _note_unpinned(self, scope: Scope | None) -> None:
        """Note a write that pins nobody. It binds its scope at once: it may be read back."""
        if scope is not None:
            scope.wrote_unpinned(self._cluster)

    def note_unseen(self) -> None:
        """Note a write that may have been made in any session."""
        scope = current_scope()
        write = marked(self._cluster, scope)
        if is_in_transaction(self._connection):
            self._transaction.is_seen = False
            self.note(scope, write)
        elif scope is not None:
            scope.wrote(self._cluster, writes={write: 1})

    def _note_lock(self, statement: Statement, text: str) -> None:
        """Note a lock, also of a transaction that ends within the scope.

        What was read under it is newer than what a replica may show later. A function that we do
        not know may lock, or tell the session which tenant's rows it sees; in the view's
        transaction it counts also where it is known to do no more than that.
        """
        scope, connection = current_scope(), self._connection
        if scope is None:
            return
        is_views = is_in_transaction(connection) and scope.is_views(connection, self._transaction)
        lasts = statement.marks and not (statement.changes_session or is_passing(text))
        if statement.names_lock or is_views or lasts:
            scope.locked(self._cluster)

    @property
    def _transaction(self) -> Transaction:
        return transaction_of(self._connection)

    def _note_of(self, statement: Statement) -> Callable[[], None] | None:
        """What notes the statement as a write. None: it writes nothing that a replica would show.

        Raises ReadOnlyClusterError.
        """
        known = clusters()
        if not statement.writes or known.of_alias(self._cluster) is None:
            return None  # the settings of another test have made it a primary
        if self._cluster in known.read_only:
            raise ReadOnlyClusterError(self._cluster, as_subject(statement.table))
        is_kept = known.unpinned_tables.get((self._cluster, statement.table or ""))
        scope = current_scope()
        pins = is_kept is None and not wishes().is_unpinned
        write = write_of(statement, self._cluster, scope, pins=pins)
        if is_kept:
            return None
        if pins:
            return functools.partial(self.note, scope, write)
        return functools.partial(self._note_unpinned, scope)

    def _run_method(
        self, after: Callable[..., None], method: Callable[..., Any], *args: Any
    ) -> Any:
        """Run a method of the connection, and then ``after`` unless the method surely failed."""
        run = functools.partial(self._commit, method) if after == self._after_commit else method
        around, self._is_djangos = self._is_djangos, True
        self._state.has_begun = False  # each begins or ends a transaction
        if after == self._after_set_autocommit:
            self._state.begins_again = False
        try:
            result = run(*args)
        except IntegrityError:  # a deferred constraint: nothing was committed, a rollback follows
            self._note_conflict()
            raise
        except BaseException as error:
            if not was_commit_refused(error):
                after(*args)
            raise
        finally:
            self._is_djangos = around
        after(*args)
        return result

    def _commit(self, commit: Callable[[], Any]) -> Any:
        """Commit. If the driver can, and a scope has written, the answer brings the position."""
        connection = self._connection
        open_ = self._transaction
        if is_failed(connection):
            open_.roll_back()  # as the server does, and says no word
        is_heard = bool(open_.listeners(current_scope()))
        is_plain = is_heard and open_.is_seen and hooks.is_djangos(commit)
        positions = positions_of(connection)
        if not (is_plain and positions.can_commit(connection)):
            return commit()
        with debug_transaction(connection, "COMMIT"), connection.wrap_database_errors:
            self._told = positions.commit(connection)
        return None

    def committed(self) -> None:
        """Tell the scopes. Also after an error of COMMIT: the server may have committed even so."""
        told, self._told = self._told, None
        session = self._state.session if self._transaction.is_seen else None
        for scope, writes in self._transaction.take_listeners(current_scope()).items():
            scope.wrote(self._cluster, told, session, writes)
        sessions.note_transaction_end(self._connection)

    def rolled_back(self) -> None:
        """Forget the open transaction."""
        sessions.note_transaction_end(self._connection)
        self._transaction.roll_back()

    def _after_close(self) -> None:
        """Forget the open transaction, which the database rolls back."""
        self._transaction.roll_back()

    def _after_savepoint_rollback(self, sid: str) -> None:
        self._transaction.roll_back_to(sid)

    def _clean_savepoints(self, clean: Callable[[], None]) -> None:
        """Number savepoints anew, but not in a transaction: two would have the same name."""
        if not is_in_transaction(self._connection):
            clean()

    def _after_set_autocommit(self, autocommit: bool) -> None:
        """A transaction begins. Or, with some databases, what is open is committed."""
        if autocommit:
            self._after_commit()
        else:
            self._after_start_transaction_under_autocommit()

    def began(self) -> None:
        """Note a transaction that begins by ``atomic``."""
        begun = transaction.begin(self._connection)
        scope = current_scope()
        if scope is not None:
            scope.began_transaction(self._connection, begun)

    # As the hooks call them.
    _after_commit, _after_rollback = committed, rolled_back
    _after_start_transaction_under_autocommit = began


def recorder_of(connection: BaseDatabaseWrapper) -> Recorder:
    """The recorder of a primary's connection, put there at the first call."""
    return hooks.watcher_of(connection, Recorder, lambda: Recorder(connection))


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: watch the connection if it is a primary's."""
    cluster = clusters().of_alias(connection.alias)
    if cluster is not None and connection.alias == cluster.primary:
        recorder_of(connection)
        isolation.look(connection)
        standby.look(connection)


def watch_open_connections(**_: object) -> None:
    """Watch connections that were opened before the apps were ready, or a test changed settings.

    Also receives ``setting_changed``.
    """
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            watch(connection)


def mark_written(using: str = "default") -> None:
    """Say that the current scope writes to the cluster of ``using`` where no wrapper can see it.

    Use it for ``copy``, ``stream``, ``callproc``, functions that write when they are selected, and
    cursors of the driver's own. In a transaction the write counts once that commits. Raises
    UnknownClusterError.
    """
    cluster = clusters().of_alias(using) or clusters().named(using)
    recorder_of(connections[cluster.primary]).note_unseen()
