"""Where the rows of a move are: a callable for MODELS, which answers from memory.

A thread asks the primary that the rows leave. Its answer "they are still here" holds for
``LEASE_SECONDS`` from before it was asked. The move waits longer than that between telling that
they have left and opening the other cluster for writes. So who still reads here misses nothing.
"""

import os
import threading
import time
import weakref
from typing import Any

from django.db import Error, connections

from pinning.databases import apart, shut
from pinning.exceptions import one_line
from pinning.move.errors import UnknownHomeError
from pinning.move.names import Name
from pinning.move.records import LEFT, phase_of

#: For how long an answer of the primary holds.
LEASE_SECONDS = 2.0
#: How often it is asked.
_INTERVAL_SECONDS = 0.5
#: For how long a read waits for an answer, if none holds.
_PATIENCE_SECONDS = 1.0
#: After so long without a question nobody asks the primary any more.
_IDLE_SECONDS = 30.0
_THREAD = "pinning-move"


def moved(label: str, *, from_: str, to: str, where: str = "") -> "Moved":
    """The callable for MODELS while rows move from the cluster ``from_`` to ``to``.

    ``label`` is the first model that ``pinning_move`` is given, ``where`` what it is given as
    ``--where``. One object serves all models of the move::

        orders = moved("shop.Order", from_="default", to="archive")
        PINNING = {"MODELS": {"shop.Order": orders, "shop.Line": orders}, ...}

    Calling it raises UnknownHomeError if the primary of ``from_`` has not answered for a while.
    """
    made = Moved(Name.of(label, where), from_, to)
    _MADE.add(made)
    return made


def known() -> list["Moved"]:
    """All that this process has made, and that are still in use."""
    return list(_MADE)


class Moved:
    """Where the rows of one move are."""

    #: For the check of keys: all rows of a model are in one place.
    has_one_answer = True

    def __init__(self, name: Name, from_: str, to: str) -> None:
        self.name, self.from_, self.to = name, from_, to
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Know nothing, as a child process that has its parent's memory and not its thread."""
        self._told, self._is_closed = threading.Condition(), threading.Event()
        self._thread: threading.Thread | None = None
        self._asked_at = self._holds_until = 0.0
        #: Since when the primary is asked, and on which connection. None: it is not asked now.
        self._question: tuple[float, Any] | None = None
        self._has_left = False
        self._error = ""

    def __call__(self, model: Any = None, **hints: Any) -> str:  # noqa: ARG002
        """The name of the cluster that has the rows now, whichever row is meant."""
        if self._has_left:
            return self.to
        self._asked_at = time.monotonic()
        return self.from_ if self._asked_at < self._holds_until else self._wait()

    def close(self) -> None:
        """Ask no more, until it is called again. For tests, which take the database away."""
        self._is_closed.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()
        self._begin()

    def _wait(self) -> str:
        with self._told:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, name=_THREAD, daemon=True)
                self._thread.start()
            self._told.wait_for(self._is_known, _PATIENCE_SECONDS)
            if not self._is_known():
                self._end_a_question_in_vain()
                raise UnknownHomeError(self.name.title, self.from_, self._error)
            return self.to if self._has_left else self.from_

    def _is_known(self) -> bool:
        return self._has_left or time.monotonic() < self._holds_until

    def _end_a_question_in_vain(self) -> None:
        """End one whose answer would hold no more. Its server may be gone without a word."""
        question = self._question
        if question is not None and time.monotonic() - question[0] > LEASE_SECONDS:
            shut(question[1])

    def _look(self) -> None:
        """Ask the primary until the rows have left, which is for good, or nobody wants to know."""
        connection = apart(connections[self.from_])
        try:
            while not self._is_over():
                self._ask(connection)
                self._is_closed.wait(_INTERVAL_SECONDS)
        finally:
            connection.close()

    def _is_over(self) -> bool:
        is_idle = time.monotonic() - self._asked_at > _IDLE_SECONDS
        return self._has_left or is_idle or self._is_closed.is_set()

    def _ask(self, connection: Any) -> None:
        began = time.monotonic()
        self._question = began, connection
        try:
            has_left = phase_of(connection, self.name) in LEFT
        except Error as error:
            self._error = one_line(error)
            connection.close()
            return
        finally:
            self._question = None
        with self._told:
            self._has_left, self._holds_until = has_left, began + LEASE_SECONDS
            self._told.notify_all()


_MADE: weakref.WeakSet[Moved] = weakref.WeakSet()
