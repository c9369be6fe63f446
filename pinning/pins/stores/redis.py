"""Pins in Redis, through the raw client of a django-redis cache."""

import math
from typing import Any

from django_redis import get_redis_connection

from pinning import conf
from pinning.pins import Pin, Pins, Visitor
from pinning.pins.stores.base import Exchange, Store, YoungMemoryError

# A hash for each identity, a field for each pin: "timeline cluster" holds "written_at position" in
# digits of fixed width, which compare as text. Lua's numbers are doubles; a position may outgrow
# them. A save is this one command, so neither two workers nor a reader can come in between.
_SAVE = """
for i = 2, #ARGV, 3 do
  local written_at, position = ARGV[i + 1], ARGV[i + 2]
  local old = redis.call('HGET', KEYS[1], ARGV[i])
  local old_written_at, old_position = string.match(old or '', '^(%d+) (%d+)$')
  if old_written_at and old_written_at > written_at then written_at = old_written_at end
  if old_position and old_position > position then position = old_position end
  redis.call('HSET', KEYS[1], ARGV[i], written_at .. ' ' .. position)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
"""

# A restart or FLUSHDB loses pins that users rely on. The first mark is gone with them; it is made
# anew together with one that expires as late as any pin that may have been lost. Until then the
# store cannot tell. One hash tag keeps both on one node of a Redis Cluster.
_LASTING = "pinning:{memory}:lasting"
_YOUNG = "pinning:{memory}:young"


class RedisStore(Store):
    """One atomic command for a save, one for a load; nothing is deleted, everything expires."""

    def load(self, visitor: Visitor) -> Pins:
        """The pins under all the visitor's identities, in one round trip."""
        pipeline = _client().pipeline(transaction=False)
        for identity in visitor.identities:
            pipeline.hgetall(_key(identity))
        pipeline.mget(_LASTING, _YOUNG)  # last: the memory may be lost in between
        *hashes, (lasting, young) = pipeline.execute()
        if lasting is None:
            _mark_memory()
        if lasting is None or young is not None:
            raise YoungMemoryError
        entries = [entry for found in hashes for entry in found.items()]
        return Pins.decode([_decode(_text(field), _text(value)) for field, value in entries])

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:  # noqa: ARG002
        """Merge on the server, under all the visitor's identities, in one round trip."""
        settings = conf.settings()
        seconds = pins.lasts(window=settings.window, max_pin=settings.max_pin)
        arguments = [math.ceil(seconds * 1000), *(part for pin in pins for part in _encode(pin))]
        pipeline = _client().pipeline(transaction=False)
        for identity in visitor.identities:
            pipeline.eval(_SAVE, 1, _key(identity), *arguments)
        pipeline.execute()


def _mark_memory() -> None:
    """Begin to measure how far the server's memory reaches back."""
    settings = conf.settings()
    seconds = max(settings.max_pin, settings.window)
    pipeline = _client().pipeline(transaction=True)
    pipeline.set(_YOUNG, 1, px=math.ceil(seconds * 1000))
    pipeline.set(_LASTING, 1)
    pipeline.execute()


def _client() -> Any:
    """The primary's client also for loading: a replica of Redis may lag like any other."""
    return get_redis_connection(conf.settings().cache, write=True)


def _key(identity: str) -> str:
    return f"pinning:{identity}"


def _encode(pin: Pin) -> tuple[str, str, str]:
    microseconds = math.ceil(pin.written_at * 1_000_000)
    return f"{pin.timeline} {pin.cluster}", f"{microseconds:020}", f"{pin.position or 0:020}"


def _decode(field: str, value: str) -> list[object]:
    """A field as ``Pins.decode`` takes it, which drops what does not fit."""
    timeline, _, cluster = field.partition(" ")
    written_at, _, position = value.partition(" ")
    if not (written_at.isdecimal() and position.isdecimal()):
        return []
    return [cluster, int(written_at) / 1_000_000, timeline, int(position) if timeline else None]


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
