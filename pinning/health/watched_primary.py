"""A primary as the monitor watches it: at each tick it asks how far the log is, or waits."""

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import databases
from pinning.health.lag import History
from pinning.health.probe import LONGER, Probe, probe_timeout
from pinning.pins import Position


class WatchedPrimary:
    """A primary whose positions are noted, to measure how far its replicas lag."""

    def __init__(self, connection: BaseDatabaseWrapper, max_lag: float) -> None:
        """Ask the server that ``connection`` leads to."""
        self.history = History(2 * max_lag)  # enough to see a lag above ``max_lag``
        self._probe = Probe(connection)
        self._sent_at = 0.0
        self._is_asked = False

    def is_expected(self, now: float) -> bool:
        """Whether an answer may still come soon."""
        return self._probe.is_waiting and now - self._sent_at < LONGER * probe_timeout()

    def close(self) -> None:
        """Close the connection on which it is asked."""
        self._probe.close()

    def tick(self, now: float, interval: float) -> None:
        """Take an answer, and ask again if it is time."""
        is_due = now - self._sent_at >= interval
        if self._probe.is_waiting:
            if now - self._sent_at >= LONGER * interval:
                self._probe.hurry()
            return
        if self._is_asked and isinstance(self._probe.answer, Position):
            self.history.add(now, self._probe.answer)
        self._is_asked = is_due and self._probe.send(databases.of_log)
        if is_due:
            self._sent_at = now
