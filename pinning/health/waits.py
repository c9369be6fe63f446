"""The waits of this process for the answers of a replica, and how to end such a wait.

A replica that was stopped rather than killed keeps its connections open. So does one behind a
network that swallows packets. A query then waits for hours, and no driver can be told to give up.
The monitor finds out that the replica is silent, and ends the waits from outside.
"""

import contextlib
import contextvars
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from pinning.databases import close_pool, give_back, hooks, is_server_side, note_socket, shut


class Waits:
    """All waits of this process for one replica, while the monitor watches it."""

    __slots__ = ("_activity", "_begun", "_opened", "_streams")

    def __init__(self) -> None:
        self._activity: threading.Event | None = None
        self._begun: set[Wait] = set()
        self._opened: dict[int, weakref.ref[BaseDatabaseWrapper]] = {}
        self._streams: dict[int, weakref.ref[CursorWrapper]] = {}

    @property
    def are_watched(self) -> bool:
        """Whether the monitor watches them."""
        return self._activity is not None

    def watch(self, activity: threading.Event) -> None:
        """From now on, set ``activity`` whenever a wait begins."""
        self._activity = activity

    @property
    def activity(self) -> threading.Event:
        """What wakes the monitor, or an event that nobody waits for."""
        return self._activity or threading.Event()

    def begun(self) -> "list[Wait]":
        """The waits that have begun and not ended."""
        return list(self._begun)

    def note_opened(self, connection: BaseDatabaseWrapper) -> bool:
        """Remember a connection to the replica. Whether it is new here."""
        key = id(connection)
        if not self.are_watched or key in self._opened:
            return False
        self._opened[key] = weakref.ref(connection, lambda _: self._opened.pop(key, None))
        return True

    def note_stream(self, cursor: CursorWrapper) -> None:
        """Remember a cursor that will fetch more rows from the server, as long as it exists."""
        if self._activity is not None and is_server_side(cursor):
            key = id(cursor)
            self._streams[key] = weakref.ref(cursor, lambda _: self._streams.pop(key, None))

    def are_held(self) -> bool:
        """Whether code is in the middle of something with the replica: rows, a transaction."""
        return bool(self._streams) or any(each.in_atomic_block for each in self._connections())

    def cut_all(self) -> None:
        """End all waits for the replica, also for rows that are being fetched."""
        for wait in self.begun():
            wait.cut()
        connections = self._connections()
        for connection in connections:
            shut(connection)
        close_pool(connections)

    def _connections(self) -> list[BaseDatabaseWrapper]:
        known = [reference() for reference in list(self._opened.values())]
        return [connection for connection in known if connection is not None]


class Wait:
    """One wait of a thread for a replica: for an answer, or for a connection.

    The wait is harmless if ending it causes no error in the project's code. ``since`` is when an
    answer could come: later than the question if that lets the server wait.
    """

    __slots__ = ("_connecting", "_waits", "connection", "is_harmless", "since")

    def __init__(
        self,
        waits: Waits,
        connection: BaseDatabaseWrapper,
        *,
        is_harmless: bool = True,
        seconds: float = 0.0,
    ) -> None:
        self._waits = waits
        self.connection = connection
        self.is_harmless = is_harmless
        self.since = time.monotonic() + seconds
        self._connecting: Future[Any] | None = None

    def __enter__(self) -> "Wait":
        activity = self._waits._activity
        if activity is not None:
            self._waits._begun.add(self)
            if not activity.is_set():
                activity.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._waits._begun.discard(self)

    def connect(self) -> None:
        """Connect if need be. Raises OperationalError as soon as the wait is cut.

        The driver connects in a thread of its own. Otherwise nothing could end the wait before the
        driver's timeout, which is 2 s at the shortest.
        """
        connection = self.connection
        if connection.connection is not None or not self._waits.are_watched:
            connection.ensure_connection()
            return
        with hooks.connecting_by(connection, self._in_thread):
            connection.ensure_connection()

    def cut(self) -> None:
        """End the wait: its thread sees a lost connection. Harmless if it has just ended itself."""
        connecting = self._connecting
        if connecting is None or not connecting.cancel():
            shut(self.connection)

    def _in_thread(self, connect: Callable[[Any], Any], params: Any) -> Any:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                result = connect(params)
                note_socket(result)
            except BaseException as error:  # the waiting thread gets it, whatever it is
                with contextlib.suppress(InvalidStateError):
                    future.set_exception(error)
                return
            try:
                future.set_result(result)
            except InvalidStateError:  # the thread that waited has gone
                give_back(self.connection, result)

        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=[run], name="pinning-connect", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no more threads
            return connect(params)
        self._connecting = future
        try:
            return future.result()
        except CancelledError:
            raise OperationalError("The replica did not answer in time.") from None
        finally:
            future.cancel()  # this thread may have been interrupted
            self._connecting = None
