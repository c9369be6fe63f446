"""How far a replica lags, told by what its primary had some time ago. No I/O.

Not by the age of the last commit that was replayed: while a primary is idle, that grows alone.
"""

from collections import deque

from pinning.pins import Position


class History:
    """Where a primary was at several times, for as long back as somebody wants to know.

    Times are in seconds of any one clock. A replica that has not reached what the primary had at
    some time lags by more than what has passed since.
    """

    def __init__(self, memory_seconds: float) -> None:
        """Remember so far back, and one place before that."""
        self._memory = memory_seconds
        self._seen: deque[tuple[float, Position]] = deque()

    def add(self, at: float, position: Position) -> None:
        """Note where the primary is now. After a failover what was seen before is forgotten."""
        if self._seen and not _continues(self._seen[-1][1], position):
            self._seen.clear()
        self._seen.append((at, position))
        while len(self._seen) > 1 and self._seen[1][0] <= at - self._memory:
            self._seen.popleft()

    def lag(self, at: float, replica: Position) -> float:
        """By how many seconds at least a replica lags that was there at the time ``at``.

        Up to when the primary was last seen: what it had may never have left it.
        """
        at = min(at, self._seen[-1][0]) if self._seen else at
        return next((at - then for then, primary in self._seen if replica.is_behind(primary)), 0.0)


def _continues(old: Position, new: Position) -> bool:
    return all(new.places.get(timeline, -1) >= place for timeline, place in old.places.items())
