"""Asks for positions in a primary's log, through one file for each vendor.

If no vendor can tell (None), pins hold for WINDOW.
"""

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.base import Grant, Positions
from pinning.databases.clock import ClockPositions
from pinning.databases.mysql import MySQLPositions
from pinning.databases.postgresql import PostgreSQLPositions
from pinning.pins import Position

#: By ``connection.vendor``, which is ``mysql`` for MariaDB too. A backend of another vendor may add
#: its own.
VENDORS: dict[str, Positions] = {"postgresql": PostgreSQLPositions(), "mysql": MySQLPositions()}

_CLOCK = ClockPositions()


def of_primary(connection: BaseDatabaseWrapper) -> Position | None:
    """Where the primary is now: at or past everything committed through ``connection`` so far."""
    return VENDORS.get(connection.vendor, _CLOCK).of_primary(connection)


def of_log(connection: BaseDatabaseWrapper) -> Position | None:
    """The part of the primary's log that replicas can have by now. Lag is measured from it."""
    return VENDORS.get(connection.vendor, _CLOCK).of_log(connection)


def can_commit(connection: BaseDatabaseWrapper) -> bool:
    """Whether ``commit`` can end the transaction that is open on a primary's connection."""
    return VENDORS.get(connection.vendor, _CLOCK).can_commit(connection)


def commit(connection: BaseDatabaseWrapper) -> Position | None:
    """Commit, and return where the primary is then, if known. Raises what the driver raises."""
    return VENDORS.get(connection.vendor, _CLOCK).commit(connection)


def of_replica(connection: BaseDatabaseWrapper) -> Position | None:
    """What the replica behind ``connection`` has replayed and shows to later statements there."""
    return VENDORS.get(connection.vendor, _CLOCK).of_replica(connection)


def missing_grant(connection: BaseDatabaseWrapper) -> Grant | None:
    """The right that the role lacks to see a replica's position; None if it lacks nothing."""
    return VENDORS.get(connection.vendor, _CLOCK).missing_grant(connection)


def is_standby(connection: BaseDatabaseWrapper) -> bool | None:
    """Whether an open connection is known to lead to a standby; None if not known."""
    return VENDORS.get(connection.vendor, _CLOCK).is_standby(connection)


def is_refusal(connection: BaseDatabaseWrapper, error: Error) -> bool:
    """Whether ``error`` says that the server behind ``connection`` takes no writes."""
    return VENDORS.get(connection.vendor, _CLOCK).is_refusal(connection, error)
