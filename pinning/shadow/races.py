"""Finds out whether a wait would have been long enough: the replica is asked when it would end.

A thread of the process asks, on connections of its own, at most once for each length of a wait.
"""

import contextlib
import heapq
import itertools
import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf, databases
from pinning.databases import apart
from pinning.health import is_under_test, replica
from pinning.pins import Pin, Position
from pinning.shadow.limits import WAITS

#: So many reads are watched at once. What is more is not known.
_MOST = 100

#: An answer that came so many seconds late says nothing if the replica has the pins by then.
_LATE = 0.02

#: Reads that end at nearly the same moment share an answer that is no older than so many seconds.
_SHARED = 0.001

#: A replica that could not be asked is left alone for so many seconds.
_REST = 1.0


@dataclass(order=True, slots=True)
class _Race:
    """One read. ``limits`` are the lengths of its wait for each of WAITS, in seconds.

    ``ends`` are those that are not over, in order. ``due`` is when the first of them is.
    """

    due: float
    number: int
    begun: float = field(compare=False)
    limits: tuple[float, ...] = field(compare=False)
    ends: list[float] = field(compare=False)
    aliases: Sequence[str] = field(compare=False)
    pins: tuple[Pin, ...] = field(compare=False)
    result: "Future[tuple[float, ...] | None]" = field(compare=False)

    def end(self, seconds: float | None) -> None:
        """Tell which waits were long enough, if the pins were there after ``seconds``."""
        if seconds is None:
            self.result.set_result(None)
            return
        waits = zip(WAITS, self.limits, strict=True)
        self.result.set_result(tuple(wait for wait, limit in waits if seconds <= limit))


class Races:
    """The reads that would wait now. The thread starts with the first of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._races: list[_Race] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._replicas: dict[str, _Asked] = {}

    def begin(
        self, aliases: Sequence[str], pins: tuple[Pin, ...], limits: tuple[float, ...]
    ) -> "Future[tuple[float, ...] | None]":
        """For which of WAITS one of the replicas has the pins in time. None if nobody knows.

        ``limits`` are the seconds that a read would wait for each of WAITS.
        """
        begun, ends = time.monotonic(), sorted({*limits} - {0.0})
        due, number = begun + ends[0], next(self._numbers)
        race = _Race(due, number, begun, limits, ends, aliases, pins, Future())
        if not self._add(race):
            race.end(None)
        return race.result

    def _add(self, race: _Race) -> bool:
        """Whether it is watched. In tests nobody is: Django could not drop the database."""
        with self._changed:
            if is_under_test() or len(self._races) >= _MOST or not self._start():
                return False
            heapq.heappush(self._races, race)
            self._changed.notify()
        return True

    def _start(self) -> bool:
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name="pinning-shadow", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            race = self._next()
            seconds = self._seconds(race)
            if seconds != math.inf or len(race.ends) == 1:
                race.end(seconds)
                continue
            race.ends.pop(0)
            race.due = race.begun + race.ends[0]
            with self._changed:
                heapq.heappush(self._races, race)

    def _next(self) -> _Race:
        """The race that ends next, when it does."""
        with self._changed:
            while not self._races or self._races[0].due > time.monotonic():
                left = self._races[0].due - time.monotonic() if self._races else None
                self._changed.wait(left)
            return heapq.heappop(self._races)

    def _seconds(self, race: _Race) -> float | None:
        """After how many seconds a replica had the pins, as seen now. None: nobody knows."""
        seen = [self._ask(alias) for alias in race.aliases]
        if any(each is not None and _has(each, race.pins) for each in seen):
            is_late = time.monotonic() > race.due + _LATE
            return None if is_late else race.ends[0]
        return None if None in seen else math.inf

    def _ask(self, alias: str) -> Position | None:
        known = self._replicas.get(alias) or self._replicas.setdefault(alias, _Asked(alias))
        return known.position()


class _Asked:
    """A replica, and what it told last."""

    def __init__(self, alias: str) -> None:
        self._connection: BaseDatabaseWrapper = apart(connections[alias])
        self._asked_at = self._rests_until = 0.0
        self._told: Position | None = None

    def position(self) -> Position | None:
        """How far it is now. None if it does not tell."""
        now = time.monotonic()
        if now > self._asked_at + _SHARED and now >= self._rests_until:
            self._told = self._ask()
            self._asked_at = time.monotonic()
            if self._told is None:
                self._rests_until = self._asked_at + _REST
        return self._told

    def _ask(self) -> Position | None:
        """Ask on an open connection. The monitor ends the wait for a replica that is silent."""
        try:
            with replica(self._connection.alias).wait(self._connection) as wait:
                wait.connect()
                return databases.of_replica(self._connection)
        except Error:
            with contextlib.suppress(Error):
                self._connection.close()
            return None


def _has(seen: Position, pins: tuple[Pin, ...]) -> bool:
    settings, now = conf.settings(), time.time()
    window, max_pin = settings.window, settings.max_pin
    return all(pin.is_over(seen, now, window=window, max_pin=max_pin) for pin in pins)
