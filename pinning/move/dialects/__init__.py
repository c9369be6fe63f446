"""The SQL of triggers, locks and counters, by vendor."""

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.move.dialects.base import Dialect
from pinning.move.dialects.mysql import MySQL
from pinning.move.dialects.postgresql import PostgreSQL
from pinning.move.dialects.sqlite import SQLite
from pinning.move.errors import MoveError
from pinning.move.names import Name

_DIALECTS: dict[str, type[Dialect]] = {"postgresql": PostgreSQL, "mysql": MySQL, "sqlite": SQLite}


def dialect_of(connection: BaseDatabaseWrapper, name: Name) -> Dialect:
    """What a move says to the database behind ``connection``. Raises MoveError."""
    try:
        return _DIALECTS[connection.vendor](connection, name)
    except KeyError:
        known = ", ".join(_DIALECTS)
        raise MoveError(f"Rows move between {known}, not {connection.vendor}.") from None
