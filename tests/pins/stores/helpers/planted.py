"""Redis stores with a bug each, which those who search for lost pins must find."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

from django_redis import get_redis_connection

from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from pinning.pins.stores import Exchange, Loaded, Store, redis
from pinning.pins.stores.redis import RedisStore

#: How far the replicas are at first. Pins up to there may go.
REACHED = 5


class GetsMergesAndSets(RedisStore):
    """Three steps instead of one. Together with ``last_writer_wins``."""

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        super().save(visitor, self.load(visitor).pins.merge(pins), exchange)


class DeletesWhatIsOver(RedisStore):
    """Deletes pins that the replicas have reached. Meanwhile somebody may have written."""

    reached = REACHED

    def load(self, visitor: Visitor) -> Loaded:
        loaded = super().load(visitor)
        pins = loaded.pins
        if pins and all(pin.position is not None and pin.position <= self.reached for pin in pins):
            for identity in visitor.identities:
                client = get_redis_connection("default")
                client.delete(redis._key(client, identity))
        return loaded


class KnowsNoTimelines(RedisStore):
    """Of each cluster the largest position stays, on whichever timeline."""

    def load(self, visitor: Visitor) -> Loaded:
        best: dict[str, Pin] = {}
        loaded = super().load(visitor)
        for pin in loaded.pins:
            other = best.get(pin.cluster, pin)
            best[pin.cluster] = max(pin, other, key=lambda one: one.position or 0)
        return Loaded(Pins(best.values()), is_complete=loaded.is_complete)


class LooksForMarksFirst(RedisStore):
    """Vouches for its memory before it looks into it."""

    def load(self, visitor: Visitor) -> Loaded:
        is_complete = super().load(Visitor(cookies={}, identities=("nobody",))).is_complete
        client = get_redis_connection("default")
        found = [client.hgetall(redis._key(client, name)) for name in visitor.identities]
        entries = [(k.decode(), v.decode()) for each in found for k, v in each.items()]
        pins = Pins.decode([redis._decode(key, value) for key, value in entries])
        return Loaded(pins, is_complete=is_complete)


class ForgetsWithItsMemory(RedisStore):
    """Throws away what it was told since its server lost its memory."""

    def load(self, visitor: Visitor) -> Loaded:
        loaded = super().load(visitor)
        return loaded if loaded.is_complete else Loaded(Pins(), is_complete=False)


@contextmanager
def last_writer_wins() -> Iterator[type[Store]]:
    """The merge on the server is gone."""
    lines = redis._SAVE.splitlines(keepends=True)
    kept = [line for line in lines if not line.lstrip().startswith("if old_")]
    assert len(kept) == len(lines) - 2
    with patch.object(redis, "_SAVE", "".join(kept)):
        yield RedisStore


@contextmanager
def newest_pin_sets_the_expiry() -> Iterator[type[Store]]:
    """A short pin takes a long one along when it ends."""
    condition = "redis.call('PTTL', key) < tonumber(ARGV[1])"
    assert condition in redis._SAVE
    with patch.object(redis, "_SAVE", redis._SAVE.replace(condition, "true")):
        yield RedisStore


@contextmanager
def gets_merges_and_sets() -> Iterator[type[Store]]:
    """No two saves at once lose nothing; any two may."""
    with last_writer_wins():
        yield GetsMergesAndSets


@contextmanager
def _store(kind: type[Store]) -> Iterator[type[Store]]:
    yield kind


#: Each enters a bug, and gives the store that has it.
PLANTED: dict[str, Callable[[], AbstractContextManager[type[Store]]]] = {
    "the last writer wins": last_writer_wins,
    "get, merge and set": gets_merges_and_sets,
    "read, then delete": lambda: _store(DeletesWhatIsOver),
    "the newest pin sets the expiry": newest_pin_sets_the_expiry,
    "timelines do not count": lambda: _store(KnowsNoTimelines),
    "a young memory is not looked into": lambda: _store(ForgetsWithItsMemory),
    "the marks are read first": lambda: _store(LooksForMarksFirst),
}
