"""Makes pins for what was committed on a primary until now."""

import contextlib
import logging
import time

from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases import vendors
from pinning.databases.connections import is_in_transaction, is_open_in_driver
from pinning.databases.notices import is_news
from pinning.databases.state import state_of
from pinning.exceptions import one_line
from pinning.pins import Pin, Pins, Position, held

logger = logging.getLogger("pinning")


def pin_now(cluster: str, session: object = None) -> Pins:
    """Pins on ``cluster`` for what was committed until now: by ``session`` alone, if one is given.

    They have a position if the primary tells one. What one session has committed is with the
    replicas sooner than all that anybody has.
    """
    connection = connections[cluster]
    if _is_busy(connection):
        return _pins_of_unknown(cluster)
    try:
        position = _position_now(connection, session)
    except (Error, SynchronousOnlyOperation):
        return _pins_of_unknown(cluster)
    return pin_by_clock(cluster) if position is None else pins_at(cluster, position)


def pins_of_seen(cluster: str) -> Pins | None:
    """Pins at or past all that this thread may have seen on ``cluster``. None if nobody can tell.

    Unlike ``pin_now`` this leaves a broken connection alone: work goes on, and will see it.
    """
    connection = connections[cluster]
    try:
        position = None if _is_busy(connection) else vendors.of_primary(connection)
    except (Error, SynchronousOnlyOperation):
        return None
    return None if position is None else pins_at(cluster, position)


def pins_at(cluster: str, position: Position) -> Pins:
    """Pins on ``cluster`` for ``position``, one for each timeline."""
    return Pins(
        Pin(cluster=cluster, written_at=position.clock, timeline=timeline, position=place)
        for timeline, place in position.places.items()
    )


def pin_by_clock(cluster: str) -> Pins:
    """A pin on ``cluster`` that holds for WINDOW from now."""
    return Pins([Pin(cluster=cluster, written_at=time.time())])


def _pins_of_unknown(cluster: str) -> Pins:
    """Pins on ``cluster`` for commits whose position cannot be asked for now.

    They hold for MAX_PIN: nobody knows how long replicas need. Where the primary tells no positions
    at all, they hold by the clock, for WINDOW.
    """
    if not vendors.may_tell(connections[cluster]):
        return pin_by_clock(cluster)
    return Pins([held(cluster, time.time())])


def _position_now(connection: BaseDatabaseWrapper, session: object) -> Position | None:
    """Where the primary is; None if it tells no positions.

    If the connection is broken, a new one is opened and asked. Raises ``django.db.Error`` if that
    fails too, and SynchronousOnlyOperation on an event loop.
    """
    ask = vendors.of_commits if state_of(connection).session is session else vendors.of_primary
    try:
        return ask(connection)
    except Error:
        with contextlib.suppress(Error):
            connection.close()
    try:
        return vendors.of_primary(connection)
    except Error as error:
        name = connection.alias
        if is_news("position is unknown", name):
            logger.warning(
                "The position of %r is unknown, so a pin holds for MAX_PIN: %s",
                name,
                one_line(error),
            )
        raise


def _is_busy(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open, which a question that fails would break, or was lost."""
    was_lost = connection.in_atomic_block and connection.connection is None
    if was_lost or is_in_transaction(connection):
        return True
    return connection.autocommit and is_open_in_driver(connection)  # else it is a TestCase's
