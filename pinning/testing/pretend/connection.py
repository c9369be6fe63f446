"""The connection to a pretended replica: it runs its statements on the test's own connection."""

import functools
from typing import Any, cast

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

#: Names of cursors on the server must differ from those of the primary's connection.
_FIRST_NAMED_CURSOR = 1_000_000


class _Pretended:
    """What a pretended connection does in another way than its vendor's."""

    pretends_for: Any = None
    is_dead = False

    @property
    def connection(self) -> Any:
        """The driver's connection of the primary, with all rows of the test's transaction."""
        return None if self.pretends_for is None or self.is_dead else self.pretends_for.connection

    @connection.setter
    def connection(self, _: object) -> None:
        pass

    def connect(self) -> None:
        """Connect the primary. Raises OperationalError while the replica is dead."""
        if self.is_dead:
            raise OperationalError("This pretended replica was killed.")
        self.pretends_for.ensure_connection()

    def close(self) -> None:
        """The connection is the test's: it stays open."""

    _close = _commit = _rollback = _start_transaction_under_autocommit = close

    def _set_autocommit(self, autocommit: bool) -> None:
        pass


def pretended_connection(primary: BaseDatabaseWrapper, alias: str) -> BaseDatabaseWrapper:
    """A connection with the ``alias`` of a replica, which has what ``primary`` has."""
    settings = {**primary.settings_dict, "ATOMIC_REQUESTS": False}
    vendors: Any = type(primary)
    made: Any = _kind(vendors)(settings, alias)
    made.pretends_for, made.autocommit = primary, True
    made.features = primary.features  # what it has asked the server already
    made._named_cursor_idx = _FIRST_NAMED_CURSOR
    return cast(BaseDatabaseWrapper, made)


@functools.cache
def _kind(vendors: type[Any]) -> type[Any]:
    return type(vendors.__name__, (_Pretended, vendors), {})
