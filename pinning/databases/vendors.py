"""Asks for positions in a primary's log, through one file for each vendor.

If no vendor can tell (None), pins hold for WINDOW.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.base import Positions
from pinning.databases.clock import ClockPositions
from pinning.databases.mysql import MySQLPositions
from pinning.databases.postgresql import PostgreSQLPositions
from pinning.pins import Position

#: By ``connection.vendor``, which is ``mysql`` for MariaDB too. A backend of another vendor may add
#: its own.
VENDORS: dict[str, Positions] = {"postgresql": PostgreSQLPositions(), "mysql": MySQLPositions()}

_CLOCK = ClockPositions()


def positions_of(connection: BaseDatabaseWrapper) -> Positions:
    """What answers for the vendor of ``connection``."""
    return VENDORS.get(connection.vendor, _CLOCK)


def of_primary(connection: BaseDatabaseWrapper) -> Position | None:
    """Where the primary is now: at or past everything committed through ``connection`` so far."""
    return positions_of(connection).of_primary(connection)


def of_log(connection: BaseDatabaseWrapper) -> Position | None:
    """The part of the primary's log that replicas can have by now. Lag is measured from it."""
    return positions_of(connection).of_log(connection)


def of_replica(connection: BaseDatabaseWrapper) -> Position | None:
    """What the replica behind ``connection`` has replayed and shows to later statements there."""
    return positions_of(connection).of_replica(connection)
