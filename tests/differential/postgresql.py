"""One database and a cluster on the same servers, one after the other. The replay is paused."""

import contextlib
from collections.abc import Iterator

from django.db import connections
from django.test import override_settings

from pinning.testing.pair import Pair
from tests.differential import rows
from tests.differential.twins import PRIMARY, Twins, without_pinning

_REPLICA = "replica1"


class _RealClock:
    """Goes by itself."""

    def move_to(self, when: str) -> None: ...

    def tick(self, seconds: float) -> None: ...


class PostgresTwins(Twins):
    """The one database is the primary, without its replica and without pinning."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.cluster = {alias: connections[alias] for alias in (PRIMARY, _REPLICA)}
        primary = self.cluster[PRIMARY]
        self.own = type(primary)(primary.settings_dict, PRIMARY)
        with override_settings(PINNING={}):
            self.own.ensure_connection()

    def begin(self, *, has_positions: bool, moves: list[int]) -> None:
        self._moves = list(moves)
        self._fill()
        self._pair.catch_up()
        self._pair.replica.pause_replay()

    @contextlib.contextmanager
    def on_one(self) -> Iterator[None]:
        self._fill()
        with super().on_one():
            yield

    def close(self) -> None:
        self._empty()
        self._pair.catch_up()
        self.own.close()

    def _fill(self) -> None:
        self._empty()
        with without_pinning(self.own):
            rows.create()

    def _empty(self) -> None:
        self._pair.execute(f"TRUNCATE {', '.join(rows.TABLES)} RESTART IDENTITY")

    @contextlib.contextmanager
    def clock(self) -> Iterator[_RealClock]:
        yield _RealClock()

    def replay(self, commits: int) -> None:
        """Replay all, and stop again after it if the number is even."""
        self._pair.catch_up()
        if commits % 2 == 0:
            self._pair.replica.pause_replay()

    def tick(self) -> None:
        """Replay from now on, and wait for nothing."""
        self._pair.replica.execute("SELECT pg_wal_replay_resume()")

    def before_read(self, alias: str) -> None:
        if alias != PRIMARY and self._moves and self._moves.pop():
            self.tick()
