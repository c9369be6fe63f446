"""Whether a replica has caught up with pins: known from what it told before, or asked.

What a connection was told is remembered with the connection. It is shared by all connections of the
process to the same server, so that a place in the log is asked for once.
"""

import logging
import time
from collections.abc import Mapping

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf, databases
from pinning.databases import is_in_transaction, is_news, state_of
from pinning.exceptions import one_line
from pinning.health import give_up_if_lost, replica
from pinning.pins import Pin, Position

logger = logging.getLogger("pinning")

#: By timeline: the place reached, and since when the replica is known to be on the timeline.
Places = Mapping[str, tuple[int, float]]


class _Server:
    """What one server told last."""

    __slots__ = ("__weakref__", "name", "places")

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: Places = {}


class Reached:
    """The positions that a connection was told its replica has replayed."""

    __slots__ = ("_own", "server")

    def __init__(self) -> None:
        self._own: dict[str, tuple[int, float]] = {}
        #: The server it leads to. None if that is not known for sure, as behind a pooler.
        self.server: _Server | None = None

    def covers(self, pin: Pin, *, in_transaction: bool) -> bool:
        """Whether it is known that later statements on the connection see the write behind ``pin``.

        A new connection knows nothing until it has asked: only then is it known which server it
        leads to. Inside a transaction only what this connection knew before it began counts: the
        transaction's snapshot may be older than what other connections have been told since.
        """
        if _covers(self._own, pin):
            return True
        if self.server is None or in_transaction:
            return False
        places = self.server.places  # read once, as another thread may replace them
        if not _covers(places, pin):
            return False
        self._own.update(places)
        return True

    def note(self, seen: Position, server: _Server | None) -> None:
        """Add an answer. The server's latest answer replaces the one that it gave before."""
        places = {timeline: (place, seen.since) for timeline, place in seen.places.items()}
        self._own.update(places)
        self.server = server
        if server is not None:
            server.places = places


def is_known(connection: BaseDatabaseWrapper, pin: Pin) -> bool:
    """Whether it is known, without asking, that ``connection`` shows the write behind ``pin``."""
    return _reached_of(connection).covers(pin, in_transaction=is_in_transaction(connection))


def note(connection: BaseDatabaseWrapper, seen: Position) -> None:
    """Remember the position that the replica behind ``connection`` has just told."""
    server = None
    if seen.server:
        server = replica(connection.alias).servers.setdefault(seen.server, _Server(seen.server))
    _reached_of(connection).note(seen, server)


def begin(connection: BaseDatabaseWrapper) -> None:
    """Forget earlier answers if ``connection`` is a pooler's, as a scope is about to read on it.

    Such a connection outlives its server. The server may begin again from an earlier place, or
    another one may replace it.
    """
    if _reached_of(connection).server is None:
        state_of(connection).reached = None


def has_caught_up(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> bool:
    """Like ``has_reached``, but asks nothing of a replica that is known to be far behind.

    That "no" is a guess, which may cost a read on the primary. All that this process has seen of
    the replica counts for it, on whichever connection.
    """
    return not _is_far_behind(connection, pins) and has_reached(connection, pins)


def has_reached(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> bool:
    """Whether later statements on ``connection`` see the writes behind ``pins``.

    This costs a query only if the pins are newer than what is known. The query is a statement of
    its own, before the snapshot of any read. Inside a transaction on the replica nothing is asked,
    and the answer is False: its snapshot may be older.
    """
    left = [pin for pin in pins if not is_known(connection, pin)]
    if not left:
        return True
    try:
        connection.ensure_connection()
        if is_in_transaction(connection):
            return False
        with replica(connection.alias).wait(connection):
            seen = _ask(connection, left) if any(pin.position is not None for pin in left) else None
    except Error as error:
        name = connection.alias
        if not give_up_if_lost(connection, error) and is_news("replica's position", name):
            logger.warning("Replica %r does not tell its position: %s", name, one_line(error))
        return False
    settings, now = conf.settings(), time.time()
    return all(
        pin.is_over(seen, now, window=settings.window, max_pin=settings.max_pin) for pin in left
    )


def server_of(connection: BaseDatabaseWrapper) -> str:
    """The name of the server that told a position on ``connection``; "" if it is not certain."""
    server = _reached_of(connection).server
    return "" if server is None else server.name


def _is_far_behind(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> bool:
    progress, now = replica(connection.alias).progress, time.time()
    name = server_of(connection)
    return any(
        progress.is_far(pin, now, name)
        for pin in pins
        if not (pin.is_by_clock or is_known(connection, pin))
    )


def _ask(connection: BaseDatabaseWrapper, pins: list[Pin]) -> Position | None:
    seen = databases.of_replica(connection)
    if seen is not None:
        note(connection, seen)
        replica(connection.alias).progress.note(seen, pins, time.time())
    return seen


def _reached_of(connection: BaseDatabaseWrapper) -> Reached:
    state = state_of(connection)
    if state.reached is None:
        state.reached = Reached()
    reached: Reached = state.reached
    return reached


def _covers(places: Places, pin: Pin) -> bool:
    place, since = places.get(pin.timeline, (-1, 0.0))
    return pin.position is not None and place >= pin.position and pin.written_at >= since
