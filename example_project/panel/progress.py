"""How far the replica has got, as both servers tell when they are asked."""

from dataclasses import dataclass, field

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from example_project.panel.modes import REPLICA
from pinning.databases import fetch_row
from pinning.databases.postgresql import PostgreSQLPositions
from pinning.pins import Position

# Each transaction that writes takes the next number, and a server tells the first that it has not
# seen the end of. What a replica has yet to replay is the difference.
_ENDED = "pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint"
_OF_PRIMARY = f"SELECT {_ENDED}"
_OF_REPLICA = f"SELECT {_ENDED}, pg_catalog.pg_get_wal_replay_pause_state()"
_REPLAY = {"not paused": "running", "pause requested": "pausing", "paused": "paused"}

DEAD = "dead"

_positions = PostgreSQLPositions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the servers have told. Two are equal if no write has ended or arrived in between.

    ``replayed`` and ``position`` are None while the replica does not answer. ``replay`` is
    `running`, `pausing`, `paused` or `dead`.
    """

    committed: int
    replayed: int | None
    replay: str = field(compare=False)
    position: Position | None = field(compare=False)

    @property
    def behind(self) -> int | None:
        """How many writes the replica lacks. None while it does not answer."""
        return None if self.replayed is None else max(0, self.committed - self.replayed)


def ask() -> Progress:
    """Ask both, on the connections of this thread."""
    (committed,) = fetch_row(connections["default"], _OF_PRIMARY)
    connection = connections[REPLICA]
    try:
        return _told(committed, connection)
    except Error:
        connection.close()
        return Progress(committed=committed, replayed=None, replay=DEAD, position=None)


def _told(committed: int, connection: BaseDatabaseWrapper) -> Progress:
    """The position last: a commit is seen a moment before the position is at its end."""
    replayed, state = fetch_row(connection, _OF_REPLICA)
    position = _positions.of_replica(connection)
    return Progress(
        committed=committed, replayed=replayed, replay=_REPLAY[state], position=position
    )
