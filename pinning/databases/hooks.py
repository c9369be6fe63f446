"""Wraps methods and statements of Django's connections, to hear of events that have no signal.

A method is replaced on one connection only. If another package has replaced it before, the wrapper
calls that package's method.

- ``_commit``, ``_rollback``, ``_savepoint_rollback``, ``_set_autocommit``, ``_close`` and
  ``_start_transaction_under_autocommit`` (SQLite begins a transaction by it) tell ``writes`` when a
  write is committed. ``on_commit`` is too late: other packages' callbacks run before, and may read.
- ``_commit``, ``_rollback`` and ``is_usable`` wait for the server without a cursor. ``health`` must
  know of every wait to end it.
- ``get_new_connection`` waits too, and no driver can be told to give up while it connects.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

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
    """Our execute wrapper on ``connection``, made at the first call. There is one, of one ``kind``.

    It stands before other execute wrappers, because ``execute_wrapper()`` removes the last wrapper
    when it ends, whichever package put that there.
    """
    state, wrappers = state_of(connection), connection.execute_wrappers
    if not isinstance(state.watcher, kind):
        if state.watcher in wrappers:  # a test has made the replica a primary, or the reverse
            wrappers.remove(state.watcher)
        state.watcher = make()
    put_back(connection)
    watcher: Watcher = state.watcher
    return watcher


def put_back(connection: BaseDatabaseWrapper) -> None:
    """Put our execute wrapper back if somebody has emptied ``execute_wrappers``."""
    watcher = state_of(connection).watcher
    if watcher is not None and watcher not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, watcher)


def is_djangos(method: Any) -> bool:
    """Whether a connection's method is Django's own, and not from a backend or a tracer."""
    function = getattr(method, "__func__", None)
    is_wrapped = hasattr(function, "__wrapped__")
    return not is_wrapped and getattr(function, "__module__", "") == BaseDatabaseWrapper.__module__
