"""Notes what the engine of a primary runs and commits, as it is noted on Django's connections.

SQLAlchemy has events for most of it, but none for after a commit, which tells the position. So
methods of the engine's dialect are replaced.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from django.db import Error
from sqlalchemy import Connection, Engine

from pinning.contrib.sqlalchemy.borrowed import Borrowed, borrowed
from pinning.databases import hooks, state_of
from pinning.exceptions import PinningError
from pinning.scopes import transaction_of
from pinning.writes.recorder import recorder_of

_WATCHED = "pinning"


def watch(engine: Engine, alias: str) -> None:
    """Watch the engine of the primary ``alias`` from now on, whoever uses it."""
    if _WATCHED not in engine.get_execution_options():
        engine.update_execution_options(**{_WATCHED: _Watch(engine, alias)})


def was_told(engine: Engine, begun: Connection | None) -> bool:
    """Whether a session of the engine was told what decides which rows it shows, as a tenant does.

    A replica's was not. What is told in a transaction, and ends with it, counts for that alone: for
    ``begun``, the one that the asking session has open.
    """
    watch: _Watch = engine.get_execution_options()[_WATCHED]
    if any(_is_told_for_long(each) for each in list(watch.told)):
        return True
    return begun is not None and state_of(watch.borrowed(begun)).told != ""


class _Watch:
    """What runs in the place of a dialect's methods: each gets the method and its arguments."""

    def __init__(self, engine: Engine, alias: str) -> None:
        self._dialect, self._alias = engine.dialect, alias
        #: Whose sessions were told something, and perhaps for longer than a transaction.
        self.told = WeakSet[Borrowed]()
        for name, call in {
            "do_execute": functools.partial(self._run, False),
            "do_execute_no_params": functools.partial(self._run, False),
            "do_executemany": functools.partial(self._run, True),
            "do_commit": self._commit,
            "do_rollback": self._rollback,
            "do_savepoint": self._savepoint,
            "do_rollback_to_savepoint": self._rollback_to,
            "do_commit_twophase": self._commit_twophase,
            "do_rollback_twophase": self._rollback,
        }.items():
            hooks.put_around(self._dialect, name, call)  # type: ignore[arg-type]  # no connection

    def _run(self, many: bool, method: Any, cursor: Any, statement: str, *rest: Any) -> None:
        """Run a statement. ``rest`` are its parameters, if it has any, and SQLAlchemy's context."""
        connection = self.borrowed(rest[-1].root_connection)
        connection.autocommit = self._dialect.detect_autocommit_setting(connection.raw)

        def execute(*_: Any) -> None:
            with connection.wrap_database_errors:
                method(cursor, statement, *rest)

        context = {"connection": connection, "cursor": cursor}
        try:
            with _drivers_errors():
                recorder_of(connection)(execute, statement, _params_of(*rest), many, context)
        finally:
            if state_of(connection).told != "":
                self.told.add(connection)

    def _commit(self, _: Any, of: Any) -> None:
        """Commit as Django does: the answer brings the position along if the driver can."""
        connection = self.borrowed(of)
        recorder_of(connection)
        with _drivers_errors():
            connection._commit()  # type: ignore[attr-defined]  # BaseDatabaseWrapper has it
        connection.savepoint_ids.clear()

    def _commit_twophase(self, method: Any, of: Connection, *args: Any, **options: Any) -> None:
        connection = self.borrowed(of)
        try:
            method(of, *args, **options)
        finally:  # after an error, too: the server may have committed
            recorder_of(connection).committed()

    def _rollback(self, method: Any, of: Any, *args: Any, **options: Any) -> None:
        connection = self.borrowed(of)
        try:
            method(of, *args, **options)
        finally:
            recorder_of(connection).rolled_back()
            connection.savepoint_ids.clear()

    def _savepoint(self, method: Any, of: Connection, name: str) -> None:
        """Set a savepoint. No other one of the transaction gets its name."""
        method(of, name)
        self.borrowed(of).savepoint_ids.append(name)

    def _rollback_to(self, method: Any, of: Connection, name: str) -> None:
        connection = self.borrowed(of)
        try:
            method(of, name)
        finally:
            transaction_of(connection).roll_back_to(name)

    def borrowed(self, of: Any) -> Borrowed:
        proxied = of.connection if isinstance(of, Connection) else of
        return borrowed(proxied, self._dialect, self._alias)


def _is_told_for_long(connection: Borrowed) -> bool:
    """Whether what its session was told outlives the open transaction, if there is one."""
    state = state_of(connection)
    return (state.told if state.told_outside is None else state.told_outside) != ""


def _params_of(*rest: Any) -> Any:
    return rest[0] if len(rest) > 1 else None


@contextmanager
def _drivers_errors() -> Iterator[None]:
    """In the block Django's errors become the driver's again, by which SQLAlchemy goes."""
    try:
        yield
    except Error as error:
        cause = error.__cause__
        if isinstance(error, PinningError) or cause is None:
            raise
        raise cause from cause.__cause__
