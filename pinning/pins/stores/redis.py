"""A store that keeps pins in Redis, through the raw client of a django-redis cache."""

import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from django.core.cache import caches
from django_redis import get_redis_connection
from redis.cluster import RedisCluster
from redis.exceptions import ClusterError, RedisClusterException, RedisError, ResponseError

from pinning import conf
from pinning.pins import Pin, Pins, Visitor
from pinning.pins.stores.base import Condition, Exchange, Loaded, Store

# Each identity has a hash, and each pin a field in it: "timeline cluster" holds "written_at
# position". The numbers have a fixed width and are compared as text, because Lua's numbers are
# doubles and cannot hold every position. A save is this one command, so that nothing that another
# worker saves or loads can come in between. What is no hash, or no such number, is replaced: as
# text a number of more digits would be the largest for ever.
_SAVE = """
local number = '(' .. string.rep('%d', 20) .. ')'
local value = '^' .. number .. ' ' .. number .. '$'
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
  for i = 2, #ARGV, 3 do
    local written_at, position = ARGV[i + 1], ARGV[i + 2]
    local old = redis.call('HGET', key, ARGV[i]) or ''
    local old_written_at, old_position = string.match(old, value)
    if (old_position or '') > '09223372036854775807' then
      old_written_at, old_position = nil, nil
    end
    if old_written_at and old_written_at > written_at then written_at = old_written_at end
    if old_position and old_position > position then position = old_position end
    redis.call('HSET', key, ARGV[i], written_at .. ' ' .. position)
  end
  if redis.call('PTTL', key) < tonumber(ARGV[1]) then
    redis.call('PEXPIRE', key, ARGV[1])
  end
end
"""

# The replication ID of the server. It is another one after a restart, and on a replica that was
# promoted: the last pins may be missing there. It also changes, and nothing is lost, when the first
# replica connects. A client that may not ask cannot tell.
_REPLICATION_ID = """
local function replication_id()
  local told = redis.pcall('INFO', 'replication')
  return type(told) == 'string' and string.match(told, 'master_replid:(%x+)') or 'unknown'
end
"""

# For each key the fields with their values, or whether it is a mark of this server. What somebody
# else has stored under a key of ours counts for nothing.
#
# A server that is full, or for another reason takes no writes, still answers, and it lacks the pins
# that it did not take. Its marks do not count. SETRANGE writes nothing here; it is refused as a pin
# would be.
_LOAD = (
    _REPLICATION_ID
    + """
local found = {}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'hash' then
    found[i] = redis.call('HGETALL', key)
  elseif kind == 'string' and redis.call('GET', key) == replication_id() then
    found[i] = type(redis.pcall('SETRANGE', key, 0, '')) == 'number' and 1 or 0
  else
    found[i] = 0
  end
end
return found
"""
)

# A restart, FLUSHDB or a failover loses pins that users rely on. The first mark is lost with them,
# or is of another server. It is then set again, together with the second, which expires no earlier
# than any pin that may be lost. Until the second expires, the store cannot tell whether it has all.
_LASTING = "lasting"
_YOUNG = "young"

_MARK = (
    _REPLICATION_ID
    + """
local name = replication_id()
if redis.pcall('GET', KEYS[1]) == name then
  redis.call('SETRANGE', KEYS[1], 0, '')
else
  redis.call('SET', KEYS[2], name, 'PX', ARGV[1])
  redis.call('SET', KEYS[1], name)
end
"""
)

# Each node of a cluster may lose its memory alone. So the identities are spread over as many
# memories, each with marks of its own. The hash tag keeps all of a memory on one node.
_MEMORIES = 64

# ``int`` refuses to read 4,300 digits.
_VALUE = re.compile(r"([0-9]{20}) ([0-9]{20})")


class RedisStore(Store):
    """Saves and loads in one round trip to each node. Nothing is deleted, all expires."""

    def load(self, visitor: Visitor) -> Loaded:
        """The pins under all the visitor's identities.

        The marks come last, that of being young at the very end: a memory that is lost, and marked
        again, between two commands to a cluster is then seen to be young.
        """
        client = _client()
        memories, keys = _keys(client, visitor)
        marks = [_mark(memory, mark) for mark in (_LASTING, _YOUNG) for memory in memories]
        answers = _answers(client, _LOAD, [*keys, *marks])
        hashes, marks_found = answers[: len(keys)], answers[len(keys) :]
        lasting, young = marks_found[: len(memories)], marks_found[len(memories) :]
        lost = [memory for memory, mark in zip(memories, lasting, strict=True) if mark != 1]
        takes_pins = not lost or _mark_memories(client, lost)
        entries = [
            _decode(_text(field), _text(value))
            for parts in hashes
            if isinstance(parts, list)
            for field, value in zip(parts[::2], parts[1::2], strict=True)
        ]
        is_complete = not lost and not any(young)
        return Loaded(Pins.decode(entries), is_complete=is_complete, takes_pins=takes_pins)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:  # noqa: ARG002
        """Merge on the server, under all the visitor's names.

        If it refuses, no process may take its memory for complete: a server that is full takes no
        pins, but lets the mark be deleted.
        """
        settings = conf.settings()
        seconds = pins.lasts(window=settings.window, max_pin=settings.max_pin)
        arguments = [math.ceil(seconds * 1000), *(part for pin in pins for part in _encode(pin))]
        client = _client()
        memories, keys = _keys(client, visitor)
        try:
            _answers(client, _SAVE, keys, *arguments)
        except ResponseError:
            with suppress(RedisError):
                _run(client, [("DEL", _mark(memory, _LASTING)) for memory in memories])
            raise

    def condition(self) -> Condition:
        """Whether it has its marks, and what it does when it is full. Nothing is set."""
        client = _client()
        memories = _memories(client)
        lasting = _answers(client, _LOAD, [_mark(memory, _LASTING) for memory in memories])
        # below 0: there is no such key
        young = max(_run(client, [("PTTL", _mark(memory, _YOUNG)) for memory in memories]))
        is_complete = all(lasting) and young < 0
        seconds = young / 1000 if all(lasting) and young > 0 else None
        policies = sorted(set(_policies(client)))
        return Condition(
            is_complete=is_complete,
            young_seconds=seconds,
            policy=", ".join(policies),
            evicts=any(policy not in _KEEPING for policy in policies),
        )


#: What a server that is full does without dropping pins.
_UNLIMITED = "no maxmemory"
_KEEPING = ("noeviction", _UNLIMITED)


def _policies(client: Any) -> Iterator[str]:
    """What each node does when its memory is full. Nothing of those that do not tell."""
    nodes: Iterable[dict[str, Any]]
    try:
        if isinstance(client, RedisCluster):
            nodes = client.info("memory", target_nodes=RedisCluster.PRIMARIES).values()
        else:
            nodes = [client.info("memory")]
    except ResponseError:  # not allowed
        return
    for node in nodes:
        if "maxmemory_policy" in node:
            yield node["maxmemory_policy"] if node["maxmemory"] else _UNLIMITED


def _mark_memories(client: Any, lost: Sequence[str]) -> bool:
    """Set the marks that show how far memories reach back, wherever they are missing.

    False if the server does not take them.
    """
    settings = conf.settings()
    milliseconds = math.ceil(max(settings.max_pin, settings.window) * 1000)
    marks = [[_mark(memory, _LASTING), _mark(memory, _YOUNG)] for memory in _memories(client)]
    try:
        if isinstance(client, RedisCluster):
            # The node that gets a slot from another one takes no command with two keys, if it lacks
            # one of them.
            keys = [_mark(memory, _YOUNG) for memory in lost]
            _run(client, [("SET", key, "", "PX", milliseconds, "NX") for key in keys])
        _run(client, [("EVAL", _MARK, len(keys), *keys, milliseconds) for keys in marks])
    except (ResponseError, ClusterError):  # it is full, or a replica, or moves slots
        return False
    return True


def _answers(client: Any, script: str, keys: Sequence[str], *arguments: Any) -> list[Any]:
    """What ``script`` answers for each of ``keys``, by one command.

    On a cluster each key has a command of its own. It refuses to look for several keys of a slot
    that is being moved, if one of them is not there (TRYAGAIN, in Redis's cluster
    specification).
    """
    groups = [[key] for key in keys] if isinstance(client, RedisCluster) else [keys]
    answers = _run(client, [("EVAL", script, len(each), *each, *arguments) for each in groups])
    return [found for answer in answers for found in answer or ()]


def _run(client: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What the commands answer, in one round trip to each node. Raises what one of them raises."""
    if len(commands) == 1:
        return [client.execute_command(*commands[0], **_target(client, commands[0]))]
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        # ``eval`` of a cluster's pipeline refuses to be used, although all keys are on one node.
        pipeline.execute_command(*command, **_target(client, command))
    answers: list[Any] = pipeline.execute()
    return answers


def _target(client: Any, command: Sequence[Any]) -> dict[str, Any]:
    """The node of a cluster that has the command's key.

    By itself redis-py asks its default node for the keys of each EVAL. Where that node is gone, it
    would not look for another one.
    """
    if not isinstance(client, RedisCluster):
        return {}
    key = command[3] if command[0] == "EVAL" else command[1]
    try:
        node = client.get_node_from_key(key)  # type: ignore[no-untyped-call]  # of redis-py
    except RedisClusterException:  # it knows no node of this slot, and looks for one
        return {}
    return {"target_nodes": node}


def _client() -> Any:
    """The client of Redis's primary, also to load: a replica of Redis may lag like any other."""
    return get_redis_connection(conf.settings().cache, write=True)


def _memories(client: Any) -> list[str]:
    """The hash tags under which all is kept."""
    is_cluster = isinstance(client, RedisCluster)
    return [f"memory{number}" for number in range(_MEMORIES)] if is_cluster else ["memory"]


def _memory_of(client: Any, identity: str) -> str:
    if not isinstance(client, RedisCluster):
        return "memory"
    return f"memory{zlib.crc32(identity.encode()) % _MEMORIES}"


def _keys(client: Any, visitor: Visitor) -> tuple[list[str], list[str]]:
    """The memories that have one of the visitor's identities, and the keys of all identities."""
    memories = dict.fromkeys(_memory_of(client, identity) for identity in visitor.identities)
    return [*memories], [_key(client, identity) for identity in visitor.identities]


def _key(client: Any, identity: str) -> str:
    return _made(f"{{{_memory_of(client, identity)}}}:{identity}")


def _mark(memory: str, mark: str) -> str:
    return _made(f"{{{memory}}}:{mark}")


def _made(name: str) -> str:
    """The key as the cache makes it: KEY_PREFIX tells sites apart."""
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


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
