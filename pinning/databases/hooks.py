"""Wraps methods and statements of Django's connections, to hear of events that have no signal.

A method is replaced on one connection only. If another package has replaced it before, the wrapper
calls that package's method.

- ``_commit``, ``_rollback``, ``_savepoint_rollback``, ``_set_autocommit``, ``_close`` and
  ``_start_transaction_under_autocommit`` (SQLite begins a transaction by it) tell ``writes`` when a
  write is committed. ``on_commit`` is too late: other packages' callbacks run before, and may read.
- ``clean_savepoints`` would let two savepoints of one transaction have the same name.
- ``_commit``, ``_rollback`` and ``is_usable`` wait for the server without a cursor. ``health`` must
  know of every wait to end it.
- ``get_new_connection`` waits too, and no driver can be told to give up while it connects.
- ``make_cursor`` and ``make_debug_cursor`` give cursors whose statements our watcher runs. In
  ``execute_wrappers`` it would be lost with a ``clear()`` of anybody's.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from pinning.databases.state import state_of

Watcher = TypeVar("Watcher", bound=Callable[..., Any])

#: How a transaction begins and ends.
TRANSACTION_METHODS = (
    "_commit",
    "_rollback",
    "_savepoint_rollback",
    "_set_autocommit",
    "_start_transaction_under_autocommit",
    "_close",
)

#: Methods that may wait for the server without a cursor, and whether such a wait can be ended
#: without harm.
WAITING_METHODS = {"_commit": False, "_rollback": False, "is_usable": True}

_CURSOR_METHODS = ("make_cursor", "make_debug_cursor")

_NOTHING = object()


def put_around(connection: BaseDatabaseWrapper, name: str, call: Callable[..., Any]) -> None:
    """Replace the method ``name`` of ``connection``, if it has one, by ``call(method, *args)``."""
    method = getattr(connection, name, None)
    if method is not None:
        setattr(connection, name, functools.partial(call, method))


@contextmanager
def connecting_by(
    connection: BaseDatabaseWrapper, connect: Callable[[Callable[[Any], Any], Any], Any]
) -> Iterator[None]:
    """In the block, ``connect(method, params)`` replaces ``get_new_connection(params)``."""
    before = connection.__dict__.get("get_new_connection", _NOTHING)
    put_around(connection, "get_new_connection", connect)
    try:
        yield
    finally:
        if before is _NOTHING:
            del connection.__dict__["get_new_connection"]
        else:
            connection.__dict__["get_new_connection"] = before


def watcher_of(
    connection: BaseDatabaseWrapper, kind: type[Watcher], make: Callable[[], Watcher]
) -> Watcher:
    """What runs every statement on ``connection``, made at the first call. It is of one ``kind``.

    It is called as Django's execute wrappers are, and stands around those of others.
    """
    state = state_of(connection)
    if state.watcher is None:
        for name in _CURSOR_METHODS:
            put_around(connection, name, _make_watched)
    if not isinstance(state.watcher, kind):  # or a test has made the replica a primary
        state.watcher = make()
    watcher: Watcher = state.watcher
    return watcher


def _make_watched(make: Callable[..., CursorWrapper], *args: Any) -> CursorWrapper:
    cursor = make(*args)
    kind: Any = type(cursor)
    cursor.__class__ = _watched(kind)
    return cursor


@functools.cache
def _watched(kind: Any) -> type[CursorWrapper]:
    """A ``kind`` of cursors that leaves each statement to its connection's watcher.

    A subclass, because other packages build cursors of their own from the class of the one they
    get.
    """

    def run(self: Any, sql: Any, params: Any, many: bool, executor: Callable[..., Any]) -> Any:
        def execute(sql: Any, params: Any, many: bool, _: object) -> Any:
            return kind._execute_with_wrappers(self, sql, params, many, executor)

        context = {"connection": self.db, "cursor": self}
        return state_of(self.db).watcher(execute, sql, params, many, context)

    return type(kind.__name__, (kind,), {"_execute_with_wrappers": run})


def is_djangos(method: Any) -> bool:
    """Whether a connection's method is Django's own, and not from a backend or a tracer."""
    function = getattr(method, "__func__", None)
    is_wrapped = hasattr(function, "__wrapped__")
    return not is_wrapped and getattr(function, "__module__", "") == BaseDatabaseWrapper.__module__
