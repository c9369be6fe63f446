"""One database, and a primary with replicas that lag: all in memory, and moved as the test says.

After each commit a copy of the whole database is kept. A replica shows one of the copies. So can
the one database, to compare it with a replica that had come so far.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from freezegun import freeze_time

from pinning.databases import VENDORS, forget
from pinning.databases.base import Positions
from pinning.databases.clock import ClockPositions
from pinning.pins import Position
from tests.differential import models, rows
from tests.differential.twins import PRIMARY, REPLICAS, Statement, Twins, without_pinning

#: The bytes at the beginning of a database in which SQLite counts commits.
_HEADER = 100


class Log:
    """The copies of a database after each commit, and when each was made."""

    def __init__(self, connection: BaseDatabaseWrapper, copy: bytes) -> None:
        self.raw = connection.connection
        self.begin(copy)

    def begin(self, copy: bytes) -> None:
        self.raw.deserialize(copy)
        self.copies, self.times = [copy], [time.time()]
        self._changes = self.raw.total_changes

    def note(self) -> None:
        """Add a copy if anything was committed since the last one."""
        if self.raw.in_transaction or self.raw.total_changes == self._changes:
            return
        self._changes = self.raw.total_changes
        copy = self.raw.serialize()
        if copy[_HEADER:] != self.copies[-1][_HEADER:]:  # a rollback to a savepoint changes no row
            self.copies.append(copy)
            self.times.append(time.time())

    @property
    def end(self) -> int:
        return len(self.copies) - 1


class LogPositions(Positions):
    """The number of a copy is its position."""

    def __init__(self, twins: "SqliteTwins") -> None:
        self._twins = twins

    def of_primary(self, connection: Any) -> Position | None:
        self._twins.log.note()
        return self._position(self._twins.log.end, connection.alias)

    def of_replica(self, connection: Any) -> Position | None:
        return self._position(self._twins.places[connection.alias], connection.alias)

    def _position(self, place: int, alias: str) -> Position:
        server = f"{alias} of program {self._twins.number}"
        return Position(places={"7.1": place}, clock=time.time(), server=server)


class SqliteTwins(Twins):
    """The one database is ``own``; the others are the cluster's."""

    def __init__(self) -> None:
        self.number = 0
        with override_settings(PINNING={}):
            self.own = _made(PRIMARY)
        with without_pinning(self.own):
            _create_tables(self.own)
            rows.create()
            self._template = self.own.connection.serialize()
        self.cluster = {alias: _made(alias) for alias in (PRIMARY, *REPLICAS)}
        self.log = Log(self.cluster[PRIMARY], self._template)
        self.places = dict.fromkeys(REPLICAS, 0)
        self._positions = LogPositions(self)

    def begin(self, *, has_positions: bool, moves: list[int]) -> None:
        self.number += 1
        self._horizon = 55.0 if has_positions else 5.0
        self._moves = list(moves)
        VENDORS["sqlite"] = self._positions if has_positions else ClockPositions()
        self.log.begin(self._template)
        self.own.connection.deserialize(self._template)
        self._shown = {0: self._template}
        for alias in REPLICAS:
            self.cluster[alias].connection.deserialize(self._template)
            self.places[alias] = 0
        for connection in self.cluster.values():
            forget(connection)

    def close(self) -> None:
        VENDORS.pop("sqlite", None)
        for connection in (self.own, *self.cluster.values()):
            connection.connection.close()

    def clock(self) -> contextlib.AbstractContextManager[Any]:
        return freeze_time(self.begins)

    # The lag

    def replay(self, commits: int) -> None:
        """Each replica goes on by so many commits, the second by fewer."""
        self.log.note()
        for number, alias in enumerate(REPLICAS):
            self._go(alias, self.places[alias] + commits // (number + 1))

    def tick(self) -> None:
        """Time has passed. No replica is later than a pin may be old."""
        self.log.note()
        for alias in REPLICAS:
            old = [n for n, at in enumerate(self.log.times) if at <= time.time() - self._horizon]
            self._go(alias, max([self.places[alias], *old]))

    def before(self, statement: Statement) -> None:
        if statement.alias != PRIMARY and self._moves:
            self._go(statement.alias, self.places[statement.alias] + self._moves.pop())

    def _go(self, alias: str, place: int) -> None:
        place = min(place, self.log.end)
        if place <= self.places[alias]:
            return
        with contextlib.suppress(sqlite3.OperationalError):  # rows of a query are still to come
            self.cluster[alias].connection.deserialize(self.log.copies[place])
            self.places[alias] = place

    # What is seen

    def note(self) -> None:
        self.log.note()

    def place_of(self, alias: str) -> int:
        return self.log.end if alias == PRIMARY else self.places[alias]

    def remember(self, place: int) -> None:
        if not self.own.connection.in_transaction:
            self._shown[place] = self.own.connection.serialize()

    def knows(self, place: int) -> bool:
        return place in self._shown

    @contextlib.contextmanager
    def showing(self, place: int) -> Iterator[None]:
        latest = self.own.connection.serialize()
        self.own.connection.deserialize(self._shown[place])
        try:
            yield
        finally:
            self.own.connection.deserialize(latest)


def _made(alias: str) -> BaseDatabaseWrapper:
    """A connection to a database of its own, which is forgotten when it is closed."""
    connection = connections.create_connection(alias)
    connection.settings_dict = {**connection.settings_dict, "NAME": ":memory:"}
    connection.ensure_connection()
    return connection


def _create_tables(connection: BaseDatabaseWrapper) -> None:
    connection.connection.execute("PRAGMA page_size = 1024")
    with connection.schema_editor() as editor:
        for model in (ContentType, *models.MODELS):
            editor.create_model(model)
