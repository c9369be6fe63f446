"""For databases whose positions pinning does not read, SQLite for example."""

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.base import Positions
from pinning.pins import Position


class ClockPositions(Positions):
    """Knows no positions, so that pins hold for WINDOW."""

    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:  # noqa: ARG002
        """None: no position is known."""
        return None

    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:  # noqa: ARG002
        """None: no position is known."""
        return None
