"""What this process waits for from its replicas, and how to end such a wait.

A replica that was stopped rather than killed keeps its connections open, and so does one behind a
network that swallows packets: a query waits there for hours, and no driver can be told to give up.
``probes`` finds out that the replica is silent and ends the waits from outside.
"""

import contextlib
import contextvars
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

#: Aliases whose waits are looked after.
watched: set[str] = set()

#: Set when a wait begins, for the thread that looks after them.
activity = threading.Event()

_waits: set["Wait"] = set()
_opened: dict[int, "weakref.ref[BaseDatabaseWrapper]"] = {}
_streams: dict[int, tuple[str, "weakref.ref[CursorWrapper]"]] = {}

#: Methods of a connection that may wait for its server, past any cursor; and whether nobody is the
#: worse for it when such a wait is ended.
_WAITING = {"_commit": False, "_rollback": False, "is_usable": True}


class Wait:
    """A thread waits for a replica: for an answer, or to be connected.

    It is harmless if its end is no error in the project's code.
    """

    __slots__ = ("_connecting", "connection", "is_harmless", "since")

    def __init__(self, connection: BaseDatabaseWrapper, *, is_harmless: bool = True) -> None:
        self.connection = connection
        self.is_harmless = is_harmless
        self.since = time.monotonic()
        self._connecting: Future[Any] | None = None

    def __enter__(self) -> "Wait":
        if self.connection.alias in watched:
            begin(self)
        return self

    def __exit__(self, *_: object) -> None:
        end(self)

    def connect(self) -> None:
        """Connect if need be. Raises OperationalError as soon as the wait is cut.

        A thread of its own does what only the driver can: nothing else would end it before the
        driver's timeout, of which the shortest is 2 s (libpq's).
        """
        connection = self.connection
        if connection.connection is not None or connection.alias not in watched:
            connection.ensure_connection()
            return
        original = connection.get_new_connection
        shadowed = connection.__dict__
        shadowed["get_new_connection"] = lambda params: self._new(original, params)
        try:
            connection.ensure_connection()
        finally:
            del shadowed["get_new_connection"]

    def cut(self) -> None:
        """End it: the thread sees a lost connection. Harmless if it has just ended by itself."""
        connecting = self._connecting
        if connecting is None or not connecting.cancel():
            shut(self.connection)

    def _new(self, get_new_connection: Callable[[Any], Any], params: Any) -> Any:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                result = get_new_connection(params)
            except BaseException as error:  # whatever it is, it belongs to the one who waits
                with contextlib.suppress(InvalidStateError):
                    future.set_exception(error)
                return
            try:
                future.set_result(result)
            except InvalidStateError:  # who waited has gone
                _give_back(self.connection, result)

        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=[run], name="pinning-connect", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no more threads
            return get_new_connection(params)
        self._connecting = future
        try:
            return future.result()
        except CancelledError:
            raise OperationalError("The replica did not answer in time.") from None
        finally:
            future.cancel()  # the one who waited was interrupted
            self._connecting = None


def begin(wait: Wait) -> None:
    """Note that the running thread waits."""
    _waits.add(wait)
    if not activity.is_set():
        activity.set()


def end(wait: Wait) -> None:
    """Note that it waits no more."""
    _waits.discard(wait)


def of(alias: str) -> list[Wait]:
    """All waits for the replica at present."""
    return [wait for wait in list(_waits) if wait.connection.alias == alias]


def note_opened(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: know the connection, and when it waits past any cursor."""
    key = id(connection)
    if connection.alias in watched and key not in _opened:
        _opened[key] = weakref.ref(connection, lambda _: _opened.pop(key, None))
        for name, is_harmless in _WAITING.items():
            _replace(connection, name, is_harmless=is_harmless)


def _replace(connection: BaseDatabaseWrapper, name: str, *, is_harmless: bool) -> None:
    """Have a method note that it waits, on this connection alone."""
    original = getattr(connection, name)
    known = weakref.ref(connection)

    def replacement(*args: Any) -> Any:
        itself = known()
        if itself is None or itself.connection is None:
            return original(*args)
        with Wait(itself, is_harmless=is_harmless):
            return original(*args)

    setattr(connection, name, replacement)


def note_stream(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
    """Know a cursor that will fetch more rows from the server, for as long as it is there."""
    if connection.alias in watched and is_server_side(cursor):
        key = id(cursor)
        reference = weakref.ref(cursor, lambda _: _streams.pop(key, None))
        _streams[key] = (connection.alias, reference)


def is_server_side(cursor: CursorWrapper) -> bool:
    """Whether its rows stay on the server until they are fetched: a driver names such a one."""
    return getattr(cursor.cursor, "name", None) is not None


def is_held(alias: str) -> bool:
    """Whether somebody is in the middle of something with the replica: rows, or a transaction."""
    if any(name == alias for name, _ in list(_streams.values())):
        return True
    return any(connection.in_atomic_block for connection in _connections(alias))


def cut_all(alias: str) -> None:
    """End all that this process waits for from the replica: also for rows that are under way."""
    for wait in of(alias):
        wait.cut()
    connections = _connections(alias)
    for connection in connections:
        shut(connection)
    pooled = next((each for each in connections if getattr(each, "pool", None) is not None), None)
    if pooled is not None:  # it may wait for the connections that it keeps
        close_pool: Any = getattr(pooled, "close_pool")  # noqa: B009  PostgreSQL's backend has it
        threading.Thread(target=close_pool, name="pinning-pool", daemon=True).start()


def _connections(alias: str) -> list[BaseDatabaseWrapper]:
    known = [reference() for reference in list(_opened.values())]
    return [each for each in known if each is not None and each.alias == alias]


def shut(connection: BaseDatabaseWrapper) -> None:
    """Shut the socket of a connection, which any thread may: who waits on it sees it lost.

    The socket is reached by a duplicate of its number. As the connection still has that number
    afterwards, it was its own also when it was duplicated.
    """
    raw = connection.connection
    with contextlib.suppress(Exception):  # closed meanwhile, in the words of whatever driver
        number = raw.fileno()
        with socket.socket(fileno=os.dup(number)) as duplicate:
            if raw.fileno() == number:
                duplicate.shutdown(socket.SHUT_RDWR)


def reset() -> None:
    """Watch nothing, between tests and in a forked process."""
    global activity
    activity = threading.Event()  # the old one may be locked for ever by a thread that is not here
    watched.clear()
    _waits.clear()
    _opened.clear()
    _streams.clear()


def _give_back(connection: BaseDatabaseWrapper, raw: Any) -> None:
    """Close the driver's connection that nobody waits for any more."""
    pool = getattr(connection, "pool", None)
    with contextlib.suppress(Exception):  # in the words of whatever driver
        if pool is None:
            raw.close()
        else:
            pool.putconn(raw)
