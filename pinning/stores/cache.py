"""Pins in any cache that Django knows, memcached for one."""

import math
from typing import Any

from django.core.cache import BaseCache, caches

from pinning import conf
from pinning.identity import Visitor
from pinning.pins import Pins
from pinning.stores.base import Exchange, Store


class CacheStore(Store):
    """Reads, merges and writes back: two saves at the same moment may lose one of them.

    The Redis store does not have that gap, nor does the cookie; use one of them where you can.
    """

    def load(self, visitor: Visitor) -> Pins:
        """The pins under all the visitor's identities, in one call."""
        if not visitor.identities:
            return Pins()
        found = _cache().get_many([_key(identity) for identity in visitor.identities])
        return Pins(pin for raw in found.values() for pin in Pins.decode(raw))

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:  # noqa: ARG002
        """Merge with what is there, and write the same under all the visitor's identities."""
        pins = self.load(visitor).merge(pins)
        settings = conf.settings()
        seconds = pins.lasts(window=settings.window, max_pin=settings.max_pin)
        values: dict[str, Any] = {_key(name): pins.encode() for name in visitor.identities}
        failed = _cache().set_many(values, timeout=math.ceil(seconds))
        if failed:
            raise CacheRefusedError(f"The cache did not take {len(failed)} of {len(values)} pins.")


class CacheRefusedError(Exception):
    """The cache answered that it did not store something."""


def _cache() -> BaseCache:
    return caches[conf.settings().cache]


def _key(identity: str) -> str:
    return f"pinning:{identity}"
