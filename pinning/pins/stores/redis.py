"""A store that keeps pins in Redis, through the raw client of a django-redis cache."""

import math
import re
from typing import Any

from django.core.cache import caches
from django_redis import get_redis_connection
from redis.exceptions import ResponseError

from pinning import conf
from pinning.pins import Pin, Pins, Visitor
from pinning.pins.stores.base import Exchange, Loaded, Store

# Each identity has a hash, and each pin a field in it: "timeline cluster" holds "written_at
# position". The numbers have a fixed width and are compared as text, because Lua's numbers are
# doubles and cannot hold every position. A save is this one command, so that nothing that another
# worker saves or loads can come in between. What is no hash, or no such number, is replaced: as
# text a number of more digits would be the largest for ever.
_SAVE = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local number = '(' .. string.rep('%d', 20) .. ')'
for i = 2, #ARGV, 3 do
  local written_at, position = ARGV[i + 1], ARGV[i + 2]
  local old = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  local old_written_at, old_position = string.match(old, '^' .. number .. ' ' .. number .. '$')
  if (old_position or '') > '09223372036854775807' then old_written_at, old_position = nil, nil end
  if old_written_at and old_written_at > written_at then written_at = old_written_at end
  if old_position and old_position > position then position = old_position end
  redis.call('HSET', KEYS[1], ARGV[i], written_at .. ' ' .. position)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
"""

# A restart or FLUSHDB loses pins that users rely on, and the first mark with them. It is then set
# again, together with the second, which expires no earlier than any pin that may be lost. Until the
# second expires, the store cannot tell whether it has all pins. The hash tag keeps both on one node
# of a Redis Cluster.
_LASTING = "{memory}:lasting"
_YOUNG = "{memory}:young"


# ``int`` refuses to read 4,300 digits.
_VALUE = re.compile(r"([0-9]{20}) ([0-9]{20})")


class RedisStore(Store):
    """Saves and loads by one atomic command for each identity. Nothing is deleted, all expires."""

    def load(self, visitor: Visitor) -> Loaded:
        """The pins under all the visitor's identities, in one round trip."""
        pipeline = _client().pipeline(transaction=False)
        for identity in visitor.identities:
            pipeline.hgetall(_key(identity))
        pipeline.mget(_key(_LASTING), _key(_YOUNG))  # last, to notice a loss of memory just before
        *hashes, marks = map(_answer, pipeline.execute(raise_on_error=False))
        lasting, young = marks
        if lasting is None:
            _mark_memory()
        entries = [entry for found in hashes if found is not None for entry in found.items()]
        pins = Pins.decode([_decode(_text(field), _text(value)) for field, value in entries])
        return Loaded(pins, is_complete=lasting is not None and young is None)

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
    """Set the marks that show how far the server's memory reaches back."""
    settings = conf.settings()
    seconds = max(settings.max_pin, settings.window)
    pipeline = _client().pipeline(transaction=True)
    pipeline.set(_key(_YOUNG), 1, px=math.ceil(seconds * 1000))
    pipeline.set(_key(_LASTING), 1)
    pipeline.execute()


def _client() -> Any:
    """The client of Redis's primary, also to load: a replica of Redis may lag like any other."""
    return get_redis_connection(conf.settings().cache, write=True)


def _key(name: str) -> str:
    """The key of an identity or a mark, as the cache makes it: KEY_PREFIX tells sites apart."""
    key: str = caches[conf.settings().cache].make_key(f"pinning:{name}")
    return key


def _encode(pin: Pin) -> tuple[str, str, str]:
    microseconds = math.ceil(pin.written_at * 1_000_000)
    return f"{pin.timeline} {pin.cluster}", f"{microseconds:020}", f"{pin.position or 0:020}"


def _decode(field: str, value: str) -> list[object]:
    """A field and its value as ``Pins.decode`` takes them. It drops what does not fit."""
    timeline, _, cluster = field.partition(" ")
    numbers = _VALUE.fullmatch(value)
    if numbers is None:
        return []
    written_at, position = map(int, numbers.groups())
    return [cluster, written_at / 1_000_000, timeline, position if timeline else None]


def _answer(found: Any) -> Any:
    """What the server answered, None for a key that is no hash. Raises an error that it answered.

    What somebody else has stored under our key is no failure of the server.
    """
    if isinstance(found, ResponseError) and "WRONGTYPE" in str(found):
        return None
    if isinstance(found, Exception):
        raise found
    return found


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
