"""A probe: a question to a server that may hang, asked in a thread that may hang with it."""

import contextlib
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable

from django.db import Error, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf
from pinning.databases import apart, has_answer, is_full, shut
from pinning.pins import Position

#: How many times PROBE_TIMEOUT is given to a probe that must connect first, and to a wait whose end
#: is an error in the project's code.
LONGER = 10

#: Of so many answers it is known how long they took: three that are slow make a slow replica.
_REMEMBERED = 5

#: A question that is to end is ended again after so long: it may hang on a second connection.
_PATIENCE_SECONDS = 1.0

Ask = Callable[[BaseDatabaseWrapper], Position | None]


def probe_timeout() -> float:
    """PROBE_TIMEOUT in seconds, or one second where it is not set."""
    return conf.settings().probe_timeout or 1.0


class Probe:
    """Asks one server, on a connection of its own, one question at a time."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        """Ask the server that ``connection`` leads to, or would lead to."""
        self._connection = apart(connection)
        self._thread: threading.Thread | None = None
        #: The last answer, once ``is_waiting`` is False. None means: answered without a position.
        self.answer: Position | Error | None = None
        #: Whether the last question was asked on a connection that was open before.
        self.was_connected = False
        self._began_at: float | None = None
        self._took = deque[float](maxlen=_REMEMBERED)

    @property
    def usual_seconds(self) -> float:
        """How long answers have lately taken on an open connection: mostly the round trip."""
        took = list(self._took)
        return statistics.median(took) if took else 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether the last question still has no answer."""
        return self._thread is not None and self._thread.is_alive()

    def is_unanswered(self) -> bool:
        """Whether the server causes the delay, and not this process by lack of processor time.

        A thread that has not run yet has asked nothing. An answer that has arrived may wait for its
        thread to run.
        """
        return self.is_waiting and self._began_at is not None and not has_answer(self._connection)

    def send(self, ask: Ask) -> bool:
        """Ask. Returns whether a thread could be started for the question.

        The question is asked once more if the connection turns out to be broken.
        """
        self.answer = OperationalError("The probe ended without an answer.")
        self.was_connected = self._connection.connection is not None
        self._began_at = None
        thread = threading.Thread(target=self._run, args=[ask], name="pinning-probe", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter ends
            return False
        self._thread = thread
        return True

    def hurry(self) -> None:
        """End a question that hangs on an old connection, so that it is asked on a new one."""
        shut(self._connection)

    def close(self) -> None:
        """Close the connection once the last question has ended, which is ended if it hangs."""
        thread = self._thread
        while thread is not None and thread.is_alive():
            self.hurry()
            thread.join(_PATIENCE_SECONDS)
        self._close()

    def _run(self, ask: Ask) -> None:
        self._began_at = time.monotonic()
        try:
            self.answer = self._once_or_twice(ask)
        except Error as error:
            self._close()
            self.answer = None if is_full(error) else error

    def _once_or_twice(self, ask: Ask) -> Position | None:
        try:
            return self._answer(ask)
        except Error:
            if not self.was_connected:
                raise
            self._close()
            self.was_connected = False
        return self._answer(ask)

    def _answer(self, ask: Ask) -> Position | None:
        """Ask. A server that refuses the question has answered too: a right may be missing."""
        try:
            self._connection.ensure_connection()
            began_at = time.monotonic()
            answer = ask(self._connection)
            self._took.append(time.monotonic() - began_at)
            return answer
        except Error:
            if self._connection.connection is None or not self._connection.is_usable():
                raise
            return None

    def _close(self) -> None:
        with contextlib.suppress(Error):
            self._connection.close()
