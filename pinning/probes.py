"""A probe: a question to a database that may hang, asked by a thread that may hang with it."""

import contextlib
import threading
from collections.abc import Callable

from django.db import Error, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import waits
from pinning.pins import Position

Ask = Callable[[BaseDatabaseWrapper], Position | None]


class Probe:
    """Asks one server where it is, on a connection of its own; one question at a time."""

    def __init__(self, connection: BaseDatabaseWrapper, ask: Ask) -> None:
        """Ask the server that ``connection`` leads to, or would lead to."""
        self._connection = _apart(connection)
        self._ask = ask
        self._thread: threading.Thread | None = None
        #: The last answer, once ``is_waiting`` is over: None where the database knows no position.
        self.answer: Position | Error | None = None
        #: Whether the last question was put on a connection that was there before.
        self.was_connected = False

    @property
    def is_waiting(self) -> bool:
        """Whether the last question hangs."""
        return self._thread is not None and self._thread.is_alive()

    def send(self) -> None:
        """Ask. It is asked once again if the connection turns out to be broken."""
        self.answer = OperationalError("The probe ended without an answer.")
        self.was_connected = self._connection.connection is not None
        self._thread = threading.Thread(target=self._run, name="pinning-probe", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Have a question that hangs on an old connection asked on a new one."""
        waits.shut(self._connection)

    def _run(self) -> None:
        try:
            self.answer = self._once_or_twice()
        except Error as error:
            self._close()
            self.answer = error

    def _once_or_twice(self) -> Position | None:
        try:
            return self._ask(self._connection)
        except Error:
            if not self.was_connected:
                raise
            self._close()
            self.was_connected = False
        return self._ask(self._connection)

    def _close(self) -> None:
        with contextlib.suppress(Error):
            self._connection.close()


def _apart(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Another connection to the same server, outside any pool, of whose few it would keep one."""
    settings = dict(connection.settings_dict)
    settings["OPTIONS"] = {
        key: value for key, value in settings["OPTIONS"].items() if key != "pool"
    }
    other = type(connection)(settings, alias=connection.alias)
    other.inc_thread_sharing()
    return other
