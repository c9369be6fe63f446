"""One database and a cluster on the same servers, one after the other. The replay is paused."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.test import override_settings

from pinning.testing.mariadb import MariaDBReplica
from pinning.testing.pair import Pair
from tests.differential import rows
from tests.differential.twins import PRIMARY, Statement, Twins, without_pinning

_REPLICA = "replica1"

Rows = dict[str, list[tuple[Any, ...]]]


class _RealClock:
    """Goes by itself."""

    def move_to(self, when: str) -> None: ...

    def tick(self, seconds: float) -> None: ...


class ServerTwins(Twins):
    """The one database is the primary, without its replica and without pinning.

    The replica may move at any moment: for a visitor who is alone.
    """

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.cluster = {alias: connections[alias] for alias in (PRIMARY, _REPLICA)}
        primary = self.cluster[PRIMARY]
        self.own = type(primary)(primary.settings_dict, PRIMARY)
        with override_settings(PINNING={}):
            self.own.ensure_connection()

    def begin(self, *, has_positions: bool, moves: list[int]) -> None:
        self._moves = list(moves)
        for connection in self.cluster.values():
            connection.ensure_connection()
        self._fill()
        self._catch_up()
        self._pair.replica.pause_replay()

    @contextlib.contextmanager
    def on_one(self) -> Iterator[None]:
        self._fill()
        with super().on_one():
            yield

    def close(self) -> None:
        rows.remove(self.own)
        self._catch_up()
        self.own.close()

    def _fill(self) -> None:
        rows.remove(self.own)
        with without_pinning(self.own):
            rows.create()

    def _catch_up(self) -> None:
        self._pair.replica.resume_replay()
        self._pair.replica.wait_until_caught_up()

    @contextlib.contextmanager
    def clock(self) -> Iterator[_RealClock]:
        yield _RealClock()

    def replay(self, commits: int) -> None:
        """Replay all, and stop again after it if the number is even."""
        self._catch_up()
        if commits % 2 == 0:
            self._pair.replica.pause_replay()

    def tick(self) -> None:
        """Replay from now on, and wait for nothing."""
        if isinstance(self._pair.replica, MariaDBReplica):
            self._pair.replica.resume_replay()
        else:
            self._pair.replica.execute("SELECT pg_wal_replay_resume()")

    def before(self, statement: Statement) -> None:
        if statement.alias != PRIMARY and self._moves and self._moves.pop():
            self.tick()


class SteadyTwins(ServerTwins):
    """The replica moves between the steps alone: it is known how far it is.

    After each commit all rows are kept, and the one database can be set back to them.
    """

    def begin(self, *, has_positions: bool, moves: list[int]) -> None:
        super().begin(has_positions=has_positions, moves=[])
        self._states = [self._rows()]
        self._place, self._has_written = 0, False
        self._shown = {0: self._states[0]}

    def replay(self, commits: int) -> None:
        """Replay all."""
        self.note()
        self._catch_up()
        self._pair.replica.pause_replay()
        self._place = len(self._states) - 1

    def tick(self) -> None:
        """Time alone moves nothing."""

    def before(self, statement: Statement) -> None:
        self._has_written = self._has_written or statement.writes

    def note(self) -> None:
        """Keep the rows if others have been committed since the last time."""
        if not self._has_written or self.cluster[PRIMARY].in_atomic_block:
            return
        self._has_written, found = False, self._rows()
        if found != self._states[-1]:
            self._states.append(found)

    def place_of(self, alias: str) -> int:
        return len(self._states) - 1 if alias == PRIMARY else self._place

    def remember(self, place: int) -> None:
        if not self.own.in_atomic_block:
            self._shown[place] = self._rows()

    def knows(self, place: int) -> bool:
        return place in self._shown

    @contextlib.contextmanager
    def showing(self, place: int) -> Iterator[None]:
        latest = self._rows()
        self._set(self._shown[place])
        try:
            yield
        finally:
            self._set(latest)

    def _rows(self) -> Rows:
        with contextlib.closing(self.own.connection.cursor()) as cursor:
            return rows.read(cursor)

    def _set(self, found: Rows) -> None:
        """The keys of new rows go on where they were."""
        if found == self._rows():
            return
        with contextlib.closing(self.own.connection.cursor()) as cursor:
            rows.write(cursor, found)
