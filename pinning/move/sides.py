"""The two databases of a move, and what is remembered in each."""

from dataclasses import dataclass

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.move.dialects import Dialect, dialect_of
from pinning.move.errors import MoveError
from pinning.move.log import Log
from pinning.move.names import Name
from pinning.move.records import Records


@dataclass(frozen=True, slots=True)
class Side:
    """The primary that rows leave, or the one that they go to."""

    alias: str
    connection: BaseDatabaseWrapper
    dialect: Dialect
    records: Records
    log: Log

    @classmethod
    def of(cls, alias: str, name: Name) -> "Side":
        """The side of a move. Raises MoveError."""
        connection = connections[alias]
        if not connection.settings_dict["AUTOCOMMIT"]:
            raise MoveError(
                f"A move commits each of its steps. Set AUTOCOMMIT of {alias!r} to True."
            )
        dialect = dialect_of(connection, name)
        return cls(alias, connection, dialect, Records(connection, name), Log(connection, name))
