"""The connections to a pretended replica, which are the test's own or show old rows.

What they do in another way than the vendor's: transactions and ``close`` leave the driver's
connection alone, because it is the test's, or holds a snapshot.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any, cast

from django.db import NotSupportedError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

#: Names of cursors on the server must differ from those of the primary's connection.
_FIRST_NAMED_CURSOR = 1_000_000

#: How a snapshot is taken, by vendor.
_SNAPSHOTS = {
    "postgresql": ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT 1"),
    "mysql": (
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
}


class _Pretended:
    """It has the driver's connection of the primary, with all rows of the test's transaction."""

    pretends_for: Any = None
    queries_log: Any
    is_dead = False
    _is_counted_on_primary = False

    @property
    def connection(self) -> Any:
        """The driver's connection. None while the replica is dead."""
        return None if self.is_dead else self._driver()

    @connection.setter
    def connection(self, driver: Any) -> None:
        self._take(driver)

    def connect(self) -> None:
        """Connect. Raises OperationalError while the replica is dead."""
        if self.is_dead:
            raise OperationalError("This pretended replica was killed.")
        self._connect()

    @property
    def queries_logged(self) -> bool:
        """Whether queries are logged: where they count as the primary's, as it says."""
        counts: Any = self.pretends_for if self._is_counted_on_primary else super()
        return bool(counts.queries_logged)

    @contextlib.contextmanager
    def counted_on_primary(self) -> Iterator[None]:
        """Log and count the queries as the primary's in the block."""
        before = self.queries_log, self._is_counted_on_primary
        self.queries_log, self._is_counted_on_primary = self.pretends_for.queries_log, True
        try:
            yield
        finally:
            self.queries_log, self._is_counted_on_primary = before

    def follow(self, *, is_paused: bool) -> None:
        """Show what there is now: from now on if it is paused, else as it changes."""

    def end(self) -> None:
        """Close what belongs to it alone."""

    def close(self) -> None:
        """Stay open."""

    _close = _commit = _rollback = _start_transaction_under_autocommit = close

    def _set_autocommit(self, autocommit: bool) -> None:
        pass

    def _driver(self) -> Any:
        return None if self.pretends_for is None else self.pretends_for.connection

    def _take(self, driver: Any) -> None:
        pass

    def _connect(self) -> None:
        self.pretends_for.ensure_connection()


class _Snapshot(_Pretended):
    """It has a connection of its own, and keeps a snapshot on it while it is paused."""

    _own: Any = None

    def follow(self, *, is_paused: bool) -> None:
        """Take a new snapshot, or let the old one go."""
        statements = ("ROLLBACK", *(_SNAPSHOTS[self._vendor] if is_paused else ()))
        with self._own.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def end(self) -> None:
        """Close its own connection."""
        self._own.close()
        self._own = None

    @property
    def _vendor(self) -> str:
        return str(self.pretends_for.vendor)

    def _driver(self) -> Any:
        return self._own

    def _take(self, driver: Any) -> None:
        self._own = driver

    def _connect(self) -> None:
        super(_Pretended, self).connect()  # type: ignore[misc]  # the vendor's


def pretended_connection(primary: BaseDatabaseWrapper, alias: str) -> BaseDatabaseWrapper:
    """A connection with the ``alias`` of a replica, which has what ``primary`` has."""
    made = _made(_Pretended, primary, alias)
    made.autocommit = True
    return cast(BaseDatabaseWrapper, made)


def snapshot_connection(primary: BaseDatabaseWrapper, alias: str) -> BaseDatabaseWrapper:
    """The same, with the old rows while the replica is paused. Its ``end()`` closes it.

    Raises NotSupportedError where the database cannot do that, or what the test writes is not
    committed.
    """
    if primary.vendor not in _SNAPSHOTS:
        raise NotSupportedError(f"Old rows cannot be shown on {primary.vendor}.")
    if primary.in_atomic_block:
        raise NotSupportedError("Old rows can be shown in a TransactionTestCase alone.")
    made = _made(_Snapshot, primary, alias)
    made.connect()
    return cast(BaseDatabaseWrapper, made)


def _made(kind: type[_Pretended], primary: BaseDatabaseWrapper, alias: str) -> Any:
    settings = {**primary.settings_dict, "ATOMIC_REQUESTS": False}
    vendors: Any = type(primary)
    kinds: Any = (kind, vendors)
    made: Any = _kind(*kinds)(settings, alias)
    made.pretends_for = primary
    made.features = primary.features  # what it has asked the server already
    made._named_cursor_idx = _FIRST_NAMED_CURSOR
    return made


@functools.cache
def _kind(kind: type[Any], vendors: type[Any]) -> type[Any]:
    return type(vendors.__name__, (kind, vendors), {})
