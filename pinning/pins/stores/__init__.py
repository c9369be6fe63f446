"""The stores of the STORES setting as one: loaded from all, saved to all."""

import functools
import inspect
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from pinning import breaker, conf
from pinning.pins import Pins, Visitor
from pinning.pins.stores.base import Exchange, Store, YoungMemoryError
from pinning.pins.stores.cookie import CookieStore

__all__ = ["NAMED", "Exchange", "Store", "Stores", "YoungMemoryError", "stores"]

logger = logging.getLogger("pinning")

T = TypeVar("T")

#: Stores that said so when they were asked last.
_young: set[str] = set()

#: What STORES may name without a dotted path.
NAMED = {
    "cookie": "pinning.pins.stores.cookie.CookieStore",
    "redis": "pinning.pins.stores.redis.RedisStore",
    "cache": "pinning.pins.stores.cache.CacheStore",
}


class Stores:
    """Several stores. One that fails is skipped; what the others know still counts."""

    def __init__(self, members: dict[str, Store]) -> None:
        """Take stores by the names that logs and health know them by."""
        self._members = members
        self.has_server_side = any(store.is_server_side for store in members.values())
        has_cookie = any(isinstance(store, CookieStore) for store in members.values())
        self._last_resort = None if has_cookie else CookieStore()

    @classmethod
    def named(cls, names: Iterable[str]) -> "Stores":
        """Those that STORES names. Raises ImproperlyConfigured."""
        return cls({name: load_store(name) for name in names})

    def load(self, visitor: Visitor) -> Pins | None:
        """What any of them knows. None where none of them could tell."""
        known: list[Pins] = []
        is_told = False
        for name, store in self._members.items():
            answers = _ask(name, store, visitor)
            known += answers
            is_told |= bool(answers) and (store.is_server_side or _may_have_cookies(visitor))
        if not is_told:
            return None
        if self._last_resort is not None:
            known.append(self._last_resort.load(visitor))
        settings = conf.settings()
        pins = functools.reduce(Pins.merge, known)
        return pins.fresh(time.time(), window=settings.window, max_pin=settings.max_pin)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        """Save to all of them; where none takes the pins, to a cookie, if there can be one.

        A server takes none of one who has no name there.
        """
        taken = [
            _attempt(name, store.save, visitor, pins, exchange)
            for name, store in self._members.items()
            if visitor.identities or not store.is_server_side
        ]
        if self._last_resort is not None and not any(taken):
            self._last_resort.save(visitor, pins, exchange)

    def tidy(self, visitor: Visitor, exchange: Exchange) -> None:
        """Let each remove what it found broken."""
        for name, store in self._members.items():
            try:
                store.tidy(visitor, exchange)
            except Exception as error:
                logger.warning("The %r store could not tidy up: %r", name, error)
        if self._last_resort is not None:
            self._last_resort.tidy(visitor, exchange)


def _may_have_cookies(visitor: Visitor) -> bool:
    """Whether no pin in cookies may mean that there is none.

    Not for one who has names on a server and sends no cookies, nor for one whose cookies are old: a
    program with a token, which keeps none, work for a user that is no request, or a websocket.
    """
    return not visitor.identities or (bool(visitor.cookies) and visitor.are_cookies_current)


def _ask(name: str, store: Store, visitor: Visitor) -> list[Pins]:
    """The store's answer, or nothing. A server knows no pins of one who has no name there."""
    if store.is_server_side and not visitor.identities:
        return [Pins()]
    answers = _attempt(name, store.load, visitor)
    if answers and name in _young:
        _young.discard(name)
        logger.info("The %r store is believed again.", name)
    return answers


def _attempt(name: str, action: Callable[..., T], *arguments: Any) -> list[T]:
    """What ``action`` returns; nothing while the store is set aside, or where it fails now.

    Whatever it raises: which errors a cache's client has is known to the cache alone.
    """
    if not breaker.stores.may_try(name):
        return []
    try:
        result = action(*arguments)
    except YoungMemoryError:
        breaker.stores.restore(name)
        if name not in _young:
            _young.add(name)
            logger.warning(
                "The %r store is new or was emptied: it is not believed for a while.", name
            )
        return []
    except Exception as error:
        seconds = conf.settings().retry_after
        if breaker.stores.set_aside(name, seconds):
            logger.warning("The %r store is left alone for %s s: %r", name, seconds, error)
        return []
    if breaker.stores.restore(name):
        logger.info("The %r store works again.", name)
    return [result]


def load_store(name: str) -> Store:
    """The store that STORES names. Raises ImproperlyConfigured."""
    path = NAMED.get(name, name)
    try:
        kind = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"The store {name!r} cannot be loaded: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, Store)):
        raise ImproperlyConfigured(
            f"The store {name!r} is no subclass of pinning.pins.stores.Store."
        )
    if inspect.isabstract(kind):
        raise ImproperlyConfigured(f"The store {name!r} lacks load() or save().")
    return kind()


_stores: Stores | None = None


def stores() -> Stores:
    """The stores of this process."""
    global _stores
    known = _stores  # which another thread may forget meanwhile
    if known is None:
        known = _stores = Stores.named(conf.settings().stores)
    return known


def reset(*, setting: str = "PINNING", **_: object) -> None:
    """Build them anew at the next use; called when a test overrides PINNING."""
    global _stores
    if setting == "PINNING":
        _stores = None
        _young.clear()
        breaker.stores.reset()


setting_changed.connect(reset)
