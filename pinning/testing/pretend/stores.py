"""A store in memory, in the place of Redis and caches: a new or missing server proves nothing."""

import contextlib
from collections.abc import Iterator

from pinning import conf
from pinning.pins import Pins, Visitor
from pinning.pins.stores import NAMED, Exchange, Loaded, Store, stores

_SERVERS = ("redis", "cache")


class MemoryStore(Store):
    """Knows all pins of its life. ``pinning.pins.stores`` leaves out those that are over."""

    def __init__(self) -> None:
        self._kept: dict[str, Pins] = {}

    def load(self, visitor: Visitor) -> Loaded:
        """The pins under all the visitor's identities."""
        found = (self._kept.get(identity, Pins()) for identity in visitor.identities)
        return Loaded(Pins(pin for pins in found for pin in pins))

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:  # noqa: ARG002
        """Keep the pins under each of them."""
        for identity in visitor.identities:
            self._kept[identity] = self._kept.get(identity, Pins()).merge(pins)


@contextlib.contextmanager
def servers_in_memory() -> Iterator[None]:
    """In the block, "redis" and "cache" of STORES are stores in memory that have lost nothing."""
    before = {name: NAMED[name] for name in _SERVERS}
    NAMED.update(dict.fromkeys(_SERVERS, f"{__name__}.MemoryStore"))
    _renew()
    try:
        yield
    finally:
        NAMED.update(before)
        _renew()


def _renew() -> None:
    """Make the stores anew, if that makes a difference."""
    if stores().has_server_side:
        conf.forget()
