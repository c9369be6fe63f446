"""The base class for a vendor's positions: how far is a primary's log, and how far a replica."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.errors import sqlstate_of
from pinning.databases.facts import Facts
from pinning.pins import Pin, Position

# PostgreSQL's read_only_sql_transaction; MySQL's and MariaDB's errors under --read-only.
_READ_ONLY_STATE = "25006"
_READ_ONLY_NUMBERS = frozenset({1290, 1836})


class Positions(ABC):
    """Reads positions on the connections of one vendor, and tells whether a server takes writes.

    A position is None if the database cannot tell one. That is no error: pins hold for WINDOW then.
    A database that fails to answer raises ``django.db.Error``.
    """

    @abstractmethod
    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """A position at or past every commit that returned before the call."""

    def of_commits(self, connection: BaseDatabaseWrapper) -> Position | None:
        """A position at or past every commit of this session that returned before the call.

        Commits of others, which ``of_primary`` covers as well, may be behind it.
        """
        return self.of_primary(connection)

    def of_log(self, connection: BaseDatabaseWrapper) -> Position | None:
        """The part of the primary's log that replicas can have by now. Lag is measured from it."""
        return self.of_primary(connection)

    def can_commit(self, connection: BaseDatabaseWrapper) -> bool:  # noqa: ARG002
        """Whether ``commit`` can end the open transaction."""
        return False

    def commit(self, connection: BaseDatabaseWrapper) -> Position | None:  # noqa: ARG002
        """Commit, then return ``of_commits``, in one round trip. Raises what COMMIT raises.

        None if the transaction was committed and the position is not known.
        """
        return None

    @abstractmethod
    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """A position that every statement sent after the call, on this connection, will see.

        It is called outside any transaction on the replica, so that each statement takes its own
        snapshot. An older snapshot would not show what was replayed since.
        """

    def waiting_for(
        self,
        connection: BaseDatabaseWrapper,  # noqa: ARG002
        pins: Sequence[Pin],  # noqa: ARG002
        seconds: float,  # noqa: ARG002
    ) -> str:
        """The statement that ends when a replica has ``pins``, and after ``seconds`` at the latest.

        Empty if the server has none. How it ends is no proof: ``of_replica`` is asked after it.
        """
        return ""

    def facts(self, connection: BaseDatabaseWrapper) -> Facts:  # noqa: ARG002
        """What the server tells of itself."""
        return Facts()

    def timeline_of(self, position: Position) -> str | None:  # noqa: ARG002
        """The timeline of a position, for people: "?" if it is not known, None if it has none."""
        return None

    def installation(self, roles: Sequence[str]) -> str:  # noqa: ARG002
        """The SQL that lets ``roles`` see a replica's position. Empty where every role may.

        It runs once on a primary, by a superuser or the like, in one transaction; again is fine.
        """
        return ""

    def is_standby(self, connection: BaseDatabaseWrapper) -> bool | None:  # noqa: ARG002
        """Whether an open connection leads to a standby; None if unknown. "No" costs no query."""
        return None

    def is_refusal(self, connection: BaseDatabaseWrapper, error: Error) -> bool:  # noqa: ARG002
        """Whether the database refused a statement with ``error`` because it takes no writes."""
        if sqlstate_of(error) == _READ_ONLY_STATE:
            return True
        number = error.args[0] if error.args else None
        return number in _READ_ONLY_NUMBERS and "read-only" in str(error)  # 1290 has other causes
