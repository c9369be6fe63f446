"""What replicas were seen to have reached, so that a place in the log is asked for once.

Remembered with the connection that asked, and shared by all connections of the process that lead to
the same server.
"""

from collections.abc import Mapping
from weakref import WeakValueDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases import is_in_transaction
from pinning.pins import Pin, Position

#: By timeline: the place, and since when that timeline is known to be the replica's.
Places = Mapping[str, tuple[int, float]]

_OWN = "_pinning_reached"
_SERVER = "_pinning_reached_by_server"


class _Server:
    """What a server told last."""

    __slots__ = ("__weakref__", "places")

    def __init__(self) -> None:
        self.places: Places = {}


_servers: WeakValueDictionary[str, _Server] = WeakValueDictionary()


def has(connection: BaseDatabaseWrapper, pin: Pin) -> bool:
    """Whether it is known that later statements on ``connection`` see what ``pin`` stands for.

    A new connection knows nothing until it has asked for itself: only then it is known which server
    it leads to. Inside a transaction, whose snapshot may be older than what other connections have
    been told since, what was known before counts alone.
    """
    own = _own(connection)
    if _covers(own, pin):
        return True
    server: _Server | None = connection.__dict__.get(_SERVER)
    if server is None or is_in_transaction(connection):
        return False
    places = server.places  # once, as another connection may replace them
    if not _covers(places, pin):
        return False
    own.update(places)
    return True


def begin(connection: BaseDatabaseWrapper) -> None:
    """Forget what was told before if ``connection`` is a pooler's; a scope is about to read on it.

    Such a connection outlives its server, which may begin again from an earlier place or be
    replaced by another one.
    """
    if _SERVER not in connection.__dict__:
        connection.__dict__.pop(_OWN, None)


def note(connection: BaseDatabaseWrapper, seen: Position) -> None:
    """Add what ``connection`` was told. The server's latest answer replaces what it told before."""
    places = {timeline: (place, seen.since) for timeline, place in seen.places.items()}
    _own(connection).update(places)
    connection.__dict__.pop(_SERVER, None)
    if seen.server:
        name = f"{connection.alias} {seen.server}"
        server = connection.__dict__[_SERVER] = _servers.setdefault(name, _Server())
        server.places = places


def forget(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``: a new connection has been seen to reach nothing."""
    connection.__dict__.pop(_OWN, None)
    connection.__dict__.pop(_SERVER, None)


def _own(connection: BaseDatabaseWrapper) -> dict[str, tuple[int, float]]:
    own: dict[str, tuple[int, float]] = connection.__dict__.setdefault(_OWN, {})
    return own


def _covers(places: Places, pin: Pin) -> bool:
    place, since = places.get(pin.timeline, (-1, 0.0))
    return pin.position is not None and place >= pin.position and pin.written_at >= since
