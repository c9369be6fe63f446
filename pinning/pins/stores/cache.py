"""A store that keeps pins in one of Django's caches, memcached for example."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.core.cache import BaseCache, caches

from pinning import conf
from pinning.pins import Pins, Visitor, held
from pinning.pins.stores.base import Condition, Exchange, Loaded, Store

# ``redis`` explains what these marks are for.
_LASTING = "pinning:memory:lasting"
_YOUNG = "pinning:memory:young"

#: How often pins are written until the cache shows that it has them.
_TRIES = 3

#: A key that has no value, so that only a server that is down fails to answer for it.
_NOTHING = "pinning:memory:nothing"


class CacheStore(Store):
    """Reads, merges, writes back and looks: of two saves at the same moment, one may be lost.

    It looks because a cache may be told to ignore errors, and then seems to take what is lost.

    The Redis store and the cookie store do not have this gap. Use one of them if you can.
    """

    def load(self, visitor: Visitor) -> Loaded:
        """The pins under all the visitor's identities, in one call."""
        found = _read([*map(_key, visitor.identities), _LASTING, _YOUNG])
        is_young = _YOUNG in found
        lasting, young = found.pop(_LASTING, None), found.pop(_YOUNG, 1)
        is_marked = lasting is not None and young is not None
        takes_pins = is_marked or _mark_memory()
        is_complete = lasting is not None and not is_young
        return Loaded(_merged(found), is_complete=is_complete, takes_pins=takes_pins)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:  # noqa: ARG002
        """Merge with what is stored, and write the result under all the visitor's identities.

        If the server refuses, no process may take its memory for complete.
        """
        try:
            self._save(visitor, pins)
        except Exception as error:
            if _is_refusal(error):
                _forget_memory()
            raise

    def _save(self, visitor: Visitor, pins: Pins) -> None:
        keys = [_key(identity) for identity in visitor.identities]
        found, is_contended = _read(keys), False
        for _ in range(_TRIES):
            before, pins = found, _merged(found).merge(pins)
            _write(keys, pins)
            found = _read(keys)
            if all(_has(found.get(key), pins) for key in keys):
                return
            is_contended = is_contended or found != before
        if is_contended:
            raise CacheContendedError("Other pins of the visitor were written at the same time.")
        raise CacheRefusedError("The cache does not have pins that were written to it.")

    def condition(self) -> Condition:
        """Whether it has its marks. Nothing is set."""
        found = _read([_LASTING, _YOUNG])
        return Condition(is_complete=found.get(_LASTING) is not None and _YOUNG not in found)


class CacheRefusedError(Exception):
    """The cache answered that it did not store something."""


class CacheContendedError(Exception):
    """Each time the pins were written, another save wrote others in their place."""


def _is_refusal(error: Exception) -> bool:
    """Whether the server answered, and took nothing: it is full, say."""
    names = {kind.__name__ for kind in type(error).__mro__}
    # of redis-py and of pymemcache
    return not names.isdisjoint({"CacheRefusedError", "ResponseError", "MemcacheServerError"})


def _read(keys: Sequence[str]) -> dict[str, Any]:
    """What the cache has under ``keys``: None for a value that cannot be read.

    What somebody else has stored under our key is no failure of the server. Reading it may raise
    anything, and one such value keeps ``get_many`` from giving the others.
    """
    found: dict[str, Any]
    try:
        found = _cache().get_many(keys)
    except Exception:
        _cache().get(_NOTHING)  # raises while the server fails
        found = {name: value for key in keys for name, value in _read_one(key).items()}
        if None not in found.values():  # pymemcache tells of a failed server once, then finds none
            raise
    return found


def _write(keys: Sequence[str], pins: Pins) -> None:
    settings = conf.settings()
    seconds = pins.lasts(window=settings.window, max_pin=settings.max_pin)
    failed = _cache().set_many(dict.fromkeys(keys, pins.encode()), timeout=math.ceil(seconds))
    if failed:
        raise CacheRefusedError(f"The cache did not take {len(failed)} of {len(keys)} pins.")


def _has(raw: Any, pins: Pins) -> bool:
    """Whether nothing of ``pins`` is missing in what the cache has under a key."""
    known = Pins.decode(raw)
    return known.merge(pins) == known


def _read_one(key: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = _cache().get_many([key])
    except Exception:
        return {key: None}
    return found


def _merged(found: dict[str, Any]) -> Pins:
    """All pins in ``found``. A value that cannot be read may be a pin of any cluster, as of now."""
    pins = [pin for raw in found.values() for pin in Pins.decode(raw)]
    if None in found.values():
        pins += [held(name, time.time()) for name in conf.settings().replicas]
    return Pins(pins)


def _mark_memory() -> bool:
    """Set the marks that show how far the cache's memory reaches back. Whether it took them."""
    settings = conf.settings()
    try:
        _cache().set(_YOUNG, 1, timeout=math.ceil(max(settings.max_pin, settings.window)))
        _cache().set(_LASTING, 1, timeout=None)
    except Exception:
        return False
    return True


def _forget_memory() -> None:
    with suppress(Exception):
        _cache().delete(_LASTING)


def _cache() -> BaseCache:
    return caches[conf.settings().cache]


def _key(identity: str) -> str:
    return f"pinning:{identity}"
