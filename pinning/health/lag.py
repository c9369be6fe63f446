"""How far a replica lags, measured by where its primary was some time ago. No I/O.

The age of the last commit that was replayed is no measure: it grows while the primary is idle.
"""

import math
from collections import deque

from pinning.pins import Position


class History:
    """The positions of a primary at several times, as far back as a lag has to be measured.

    Times are in seconds of any one clock. A replica that has not reached the primary's position of
    some time lags by more than the time since.
    """

    def __init__(self, memory_seconds: float) -> None:
        """Remember the positions of the last ``memory_seconds``, and one before them."""
        self._memory = memory_seconds
        self._seen: deque[tuple[float, Position]] = deque()

    def add(self, at: float, position: Position) -> None:
        """Note where the primary is now. After a failover the earlier positions are forgotten."""
        if self._seen and not _continues(self._seen[-1][1], position):
            self._seen.clear()
        self._seen.append((at, position))
        while len(self._seen) > 1 and self._seen[1][0] <= at - self._memory:
            self._seen.popleft()

    def lag(self, at: float, replica: Position) -> float:
        """By how many seconds at least a replica lags that was at ``replica`` at the time ``at``.

        The time since the primary was last seen does not count: a primary that is gone may never
        have sent what it had.
        """
        at = min(at, self._seen[-1][0]) if self._seen else at
        return next((at - then for then, primary in self._seen if replica.is_behind(primary)), 0.0)

    def most(self, at: float, replica: Position) -> float:
        """By how many seconds at most a replica lags that was at ``replica`` at the time ``at``.

        Infinite if it lacks all that is remembered, and does not tell when it was written.
        """
        if not self._seen:
            return math.inf
        last, primary = self._seen[-1]
        reached = [then for then, place in self._seen if not replica.is_behind(place)]
        age = math.inf if replica.replayed_at is None else primary.clock - replica.replayed_at
        return max(0.0, min(min(at, last) - max(reached, default=-math.inf), age))

    def __len__(self) -> int:
        """How many positions are remembered."""
        return len(self._seen)


def _continues(old: Position, new: Position) -> bool:
    return all(new.places.get(timeline, -1) >= place for timeline, place in old.places.items())
