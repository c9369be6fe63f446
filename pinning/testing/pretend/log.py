"""The log of a pretended primary: its places are counted, one for each commit."""

import time
from bisect import bisect_right
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases import Positions
from pinning.pins import Position

C = TypeVar("C")

_TIMELINE = "pretended.1"


class Log(Generic[C]):
    """What was committed, in its order. Times are in seconds since 1970, and may be frozen."""

    def __init__(self) -> None:
        self._times: list[float] = []
        #: What was committed, each with its place.
        self.changes: list[tuple[int, C]] = []

    @property
    def place(self) -> int:
        """How many commits there are: the place of the last one."""
        return len(self._times)

    def place_at(self, when: float) -> int:
        """The place of the last commit that was made until ``when``."""
        return bisect_right(self._times, when)

    def append(self, changes: list[C]) -> None:
        """Note a commit of ``changes``."""
        self._times.append(max([time.time(), *self._times[-1:]]))
        self.changes += [(self.place, change) for change in changes]

    def since(self, place: int) -> list[C]:
        """What was committed after ``place``."""
        return [change for at, change in self.changes if at > place]


class PretendedPositions(Positions):
    """Positions of pretended logs, in the place of what the vendor's servers would tell."""

    def __init__(self, place_of: Callable[[BaseDatabaseWrapper], int]) -> None:
        """``place_of`` tells the place of a primary's connection, or of a replica's."""
        self._place_of = place_of

    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """Where the log ends."""
        return Position(places={_TIMELINE: self._place_of(connection)}, clock=time.time())

    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """How much of it the replica has."""
        return self.of_primary(connection)
