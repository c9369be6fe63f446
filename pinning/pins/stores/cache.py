"""A store that keeps pins in one of Django's caches, memcached for example."""

import math
from typing import Any

from django.core.cache import BaseCache, caches

from pinning import conf
from pinning.pins import Pins, Visitor
from pinning.pins.stores.base import Exchange, Loaded, Store

# ``redis`` explains what these marks are for.
_LASTING = "pinning:memory:lasting"
_YOUNG = "pinning:memory:young"


class CacheStore(Store):
    """Reads, merges and writes back: of two saves at the same moment, one may be lost.

    The Redis store and the cookie store do not have this gap. Use one of them if you can.
    """

    def load(self, visitor: Visitor) -> Loaded:
        """The pins under all the visitor's identities, in one call."""
        found = _cache().get_many([*map(_key, visitor.identities), _LASTING, _YOUNG])
        lasting, young = found.pop(_LASTING, None), found.pop(_YOUNG, None)
        if lasting is None:
            _mark_memory()
        return Loaded(_merged(found), is_complete=lasting is not None and young is None)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:  # noqa: ARG002
        """Merge with what is stored, and write the result under all the visitor's identities."""
        keys = [_key(identity) for identity in visitor.identities]
        pins = _merged(_cache().get_many(keys)).merge(pins)
        settings = conf.settings()
        seconds = pins.lasts(window=settings.window, max_pin=settings.max_pin)
        failed = _cache().set_many(dict.fromkeys(keys, pins.encode()), timeout=math.ceil(seconds))
        if failed:
            raise CacheRefusedError(f"The cache did not take {len(failed)} of {len(keys)} pins.")


class CacheRefusedError(Exception):
    """The cache answered that it did not store something."""


def _merged(found: dict[str, Any]) -> Pins:
    return Pins(pin for raw in found.values() for pin in Pins.decode(raw))


def _mark_memory() -> None:
    """Set the marks that show how far the cache's memory reaches back."""
    settings = conf.settings()
    _cache().set(_YOUNG, 1, timeout=math.ceil(max(settings.max_pin, settings.window)))
    _cache().set(_LASTING, 1, timeout=None)


def _cache() -> BaseCache:
    return caches[conf.settings().cache]


def _key(identity: str) -> str:
    return f"pinning:{identity}"
