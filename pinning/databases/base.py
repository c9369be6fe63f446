"""The two questions about positions that a vendor answers."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.errors import sqlstate_of
from pinning.pins import Position

# PostgreSQL's read_only_sql_transaction; MySQL's and MariaDB's errors under --read-only.
_READ_ONLY_STATE = "25006"
_READ_ONLY_NUMBERS = frozenset({1290, 1836})


class Grant(NamedTuple):
    """What a role lacks, and the statement that a superuser runs to give it."""

    role: str
    statement: str


class Positions(ABC):
    """Reads positions on the connections of one vendor, and whether it takes writes.

    Both answers are None where the database cannot tell, which is never an error: the clock
    decides then. A database that fails to answer raises ``django.db.Error``.
    """

    @abstractmethod
    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """A position at or past every commit that returned before the call."""

    def of_log(self, connection: BaseDatabaseWrapper) -> Position | None:
        """What of the primary's log its replicas can have by now; they are late from then on."""
        return self.of_primary(connection)

    def can_commit(self, connection: BaseDatabaseWrapper) -> bool:  # noqa: ARG002
        """Whether ``commit`` can end the open transaction."""
        return False

    def commit(self, connection: BaseDatabaseWrapper) -> Position | None:  # noqa: ARG002
        """Commit, and ``of_primary`` after that, in one round trip. Raises what COMMIT raises.

        None where it was committed and the position is not known.
        """
        return None

    @abstractmethod
    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """A position that every statement sent after the call, on this connection, will see.

        Called outside any transaction on the replica, where each statement takes a snapshot of
        its own; an older snapshot would not show what the log has reached since.
        """

    def missing_grant(self, connection: BaseDatabaseWrapper) -> Grant | None:  # noqa: ARG002
        """What the role that reads from a replica lacks to tell its position; None if nothing."""
        return None

    def is_standby(self, connection: BaseDatabaseWrapper) -> bool | None:  # noqa: ARG002
        """Whether an open connection leads to a standby, told without a query; None if unknown."""
        return None

    def is_refusal(self, connection: BaseDatabaseWrapper, error: Error) -> bool:  # noqa: ARG002
        """Whether the database refused a statement with ``error`` because it takes no writes."""
        if sqlstate_of(error) == _READ_ONLY_STATE:
            return True
        number = error.args[0] if error.args else None
        return number in _READ_ONLY_NUMBERS and "read-only" in str(error)  # 1290 has other reasons
