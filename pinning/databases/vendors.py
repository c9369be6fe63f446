"""Asks for positions in a primary's log, through one file for each vendor.

If no vendor can tell (None), pins hold for WINDOW. So they do if the server refuses the question,
to this role for example. It is then not asked again on that connection: not at each write.
"""

import logging
from collections.abc import Callable

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.breaker import breaker_of
from pinning.databases.base import Positions
from pinning.databases.clock import ClockPositions
from pinning.databases.errors import is_refused
from pinning.databases.mysql import MySQLPositions
from pinning.databases.postgresql import PostgreSQLPositions
from pinning.databases.state import state_of
from pinning.exceptions import one_line
from pinning.pins import Position

logger = logging.getLogger("pinning")

#: By ``connection.vendor``, which is ``mysql`` for MariaDB too. A backend of another vendor may add
#: its own.
VENDORS: dict[str, Positions] = {"postgresql": PostgreSQLPositions(), "mysql": MySQLPositions()}

_CLOCK = ClockPositions()


def positions_of(connection: BaseDatabaseWrapper) -> Positions:
    """What answers for the vendor of ``connection``."""
    return VENDORS.get(connection.vendor, _CLOCK)


def may_tell(connection: BaseDatabaseWrapper) -> bool:
    """Whether the server behind ``connection`` may tell a position. This asks it nothing."""
    return connection.vendor in VENDORS and not state_of(connection).is_refused


def of_primary(connection: BaseDatabaseWrapper) -> Position | None:
    """Where the primary is now: at or past everything that was committed there so far."""
    return _unless_refused(connection, positions_of(connection).of_primary)


def of_commits(connection: BaseDatabaseWrapper) -> Position | None:
    """A position at or past everything committed by the session of ``connection`` so far."""
    return _unless_refused(connection, positions_of(connection).of_commits)


def of_log(connection: BaseDatabaseWrapper) -> Position | None:
    """The part of the primary's log that replicas can have by now. Lag is measured from it."""
    return _unless_refused(connection, positions_of(connection).of_log)


def of_replica(connection: BaseDatabaseWrapper) -> Position | None:
    """What the replica behind ``connection`` has replayed and shows to later statements there."""
    return _unless_refused(connection, positions_of(connection).of_replica)


def _unless_refused(
    connection: BaseDatabaseWrapper, ask: Callable[[BaseDatabaseWrapper], Position | None]
) -> Position | None:
    """Ask. None if the server refuses the question, which is logged once for each alias."""
    if state_of(connection).is_refused:
        return None
    try:
        return ask(connection)
    except Error as error:
        if not is_refused(error):
            raise
        state_of(connection).is_refused = True
        if breaker_of("position", connection.alias).set_aside(0):
            logger.warning(
                "%r may not be asked for its position, so pins hold for WINDOW: %s",
                connection.alias,
                one_line(error),
            )
    return None
