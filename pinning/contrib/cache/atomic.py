"""Changes one key of a cache in one step: what it is to be depends on what it is.

Redis and memcached compare and set. Other caches are locked meanwhile, by a key beside it.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.cache.backends.base import BaseCache

from pinning.contrib.cache.cell import MISSING

#: For how long another process is waited for, and how long its lock lasts, in seconds.
_WAIT_SECONDS, _LOCK_SECONDS = 5.0, 10.0
_MOST_TRIES = 1000


class Change(NamedTuple):
    """What to keep under a key, for so many seconds; None is for ever."""

    value: Any
    seconds: float | None


#: From what a key holds, or MISSING, to what it is to hold; None leaves it.
Rule = Callable[[Any], Change | None]

_SWAP = """
local old = redis.call('GET', KEYS[1])
if (ARGV[1] == '1') ~= (old ~= false) or (old and old ~= ARGV[2]) then return 0 end
if ARGV[4] == '' then redis.call('SET', KEYS[1], ARGV[3])
else redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) end
return 1
"""


def change(cache: BaseCache, key: str, rule: Rule) -> bool:
    """Change what is under ``key`` as ``rule`` says. Whether it was changed.

    ``rule`` is called again if somebody else was quicker. Raises what the cache raises.
    """
    attempt = _way(cache)
    if attempt is None:
        return _change_locked(cache, key, rule)
    for _ in range(_MOST_TRIES):
        done = attempt(cache, key, rule)
        if done is not None:
            return done
    return False


Attempt = Callable[[Any, str, Rule], bool | None]


def _way(cache: BaseCache) -> Attempt | None:
    """How this cache compares and sets. None if it cannot."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(cache).__mro__}
    if "django.core.cache.backends.memcached.PyMemcacheCache" in names:
        return _on_memcached
    if "django.core.cache.backends.redis.RedisCache" in names:
        return _on_djangos_redis
    client = getattr(cache, "client", None)
    is_single = type(client).__module__.endswith((".client.default", ".client.sentinel"))
    return _on_django_redis if "django_redis.cache.RedisCache" in names and is_single else None


def _on_django_redis(cache: Any, key: str, rule: Rule) -> bool | None:
    from redis.exceptions import RedisError

    client = cache.client
    try:
        connection, name = client.get_client(write=True), client.make_key(key)
        return _swap(connection, name, rule, client.decode, client.encode)
    except (RedisError, OSError):
        if cache._ignore_exceptions:
            return False
        raise


def _on_djangos_redis(cache: Any, key: str, rule: Rule) -> bool | None:
    name = cache.make_and_validate_key(key)
    connection, serializer = cache._cache.get_client(name, write=True), cache._cache._serializer
    return _swap(connection, name, rule, serializer.loads, serializer.dumps)


def _swap(
    connection: Any, name: Any, rule: Rule, decode: Callable[..., Any], encode: Callable[..., Any]
) -> bool | None:
    old = connection.get(name)
    new = rule(MISSING if old is None else _decoded(decode, old))
    if new is None:
        return False
    ends = "" if new.seconds is None else max(1, int(new.seconds * 1000))
    is_there = "0" if old is None else "1"
    given = (is_there, old or b"", encode(new.value), ends)
    return True if connection.eval(_SWAP, 1, name, *given) else None


def _decoded(decode: Callable[..., Any], raw: Any) -> Any:
    """The value, or MISSING if it cannot be read: its class may be gone."""
    try:
        return decode(raw)
    except Exception:
        return MISSING


class SilentServerError(ConnectionError):
    """The server of a key does not answer: nobody knows what it keeps under it."""


def _on_memcached(cache: Any, key: str, rule: Rule) -> bool | None:
    client, name = cache._cache, cache.make_and_validate_key(key)
    found = client.gets(name)
    if found is None:  # pymemcache raises once, and for a second finds nothing
        if client.ignore_exc:
            return False
        raise SilentServerError(f"The memcached of {name!r} does not answer.")
    old, mark = found
    new = rule(MISSING if mark is None else old)
    if new is None:
        return False
    ends = cache.get_backend_timeout(new.seconds)
    if mark is None:
        return True if client.add(name, new.value, ends) else None
    return True if client.cas(name, new.value, mark, ends) else None


def _change_locked(cache: BaseCache, key: str, rule: Rule) -> bool:
    lock, end = f"{key}:pinning", time.monotonic() + _WAIT_SECONDS  # projects have ":lock"
    while not cache.add(lock, 1, _LOCK_SECONDS):
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    try:
        new = rule(cache.get(key, MISSING))
        if new is not None:
            cache.set(key, new.value, new.seconds)
        return new is not None
    finally:
        cache.delete(lock)
