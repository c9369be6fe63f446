"""The lag meter: how late the replica is, measured twice a second, for the chart."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import Error, connections

from pinning.databases.postgresql import PostgreSQLPositions
from pinning.health.lag import History
from pinning.pins.pin import Position

SECONDS_SHOWN = 60.0
_INTERVAL_SECONDS = 0.5
_MEMORY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The lag in seconds at a time of the monotonic clock; None where the replica was silent."""

    at: float
    lag: float | None


class Meter:
    """Asks both servers where they are, on connections of its own."""

    def __init__(self) -> None:
        self._positions = PostgreSQLPositions()
        self._history = History(_MEMORY_SECONDS)
        self._samples: deque[Sample] = deque(maxlen=int(SECONDS_SHOWN / _INTERVAL_SECONDS))
        self.primary: Position | None = None
        self.replica: Position | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure in a thread, until the end of the block."""
        stop = threading.Event()
        thread = threading.Thread(target=self._measure_until, args=[stop], name="meter")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    @property
    def samples(self) -> list[Sample]:
        """Those of the last minute, the oldest first."""
        return list(self._samples)

    @property
    def lag(self) -> float | None:
        """The last that was measured, in seconds."""
        return self._samples[-1].lag if self._samples else None

    def _measure_until(self, stop: threading.Event) -> None:
        while not stop.wait(_INTERVAL_SECONDS):
            self._measure()
        connections.close_all()

    def _measure(self) -> None:
        now = time.monotonic()
        self.primary = self._ask("default") or self.primary
        if self.primary is not None:
            self._history.add(now, self.primary)
        self.replica = self._ask("replica1")
        lag = None if self.replica is None else self._history.lag(now, self.replica)
        self._samples.append(Sample(now, lag))

    def _ask(self, alias: str) -> Position | None:
        connection = connections[alias]
        ask = self._positions.of_log if alias == "default" else self._positions.of_replica
        try:
            return ask(connection)
        except Error:
            connection.close()
            return None


meter = Meter()
