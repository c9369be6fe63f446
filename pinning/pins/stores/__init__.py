"""The stores that STORES names, used as one: pins are loaded from all and saved to all."""

import functools
import inspect
import time
from collections.abc import Iterable, Sequence

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from pinning import conf
from pinning.conf import made_once
from pinning.pins import Pins, Visitor
from pinning.pins.stores.base import Condition, Exchange, Loaded, Store
from pinning.pins.stores.cookie import CookieStore
from pinning.pins.stores.member import Member

__all__ = ["NAMED", "Condition", "Exchange", "Loaded", "Store", "Stores", "load_store", "stores"]

#: The stores that STORES may name without a dotted path.
NAMED = {
    "cookie": "pinning.pins.stores.cookie.CookieStore",
    "redis": "pinning.pins.stores.redis.RedisStore",
    "cache": "pinning.pins.stores.cache.CacheStore",
}


class Stores:
    """Several stores. A store that fails is skipped; the pins from the others still count."""

    def __init__(self, members: dict[str, Store]) -> None:
        """Take stores, by the names that logs use."""
        self._members = [Member(name, store) for name, store in members.items()]
        self.has_server_side = any(store.is_server_side for store in members.values())
        has_cookie = any(isinstance(store, CookieStore) for store in members.values())
        self._last_resort = None if has_cookie else CookieStore()

    @classmethod
    def named(cls, names: Iterable[str]) -> "Stores":
        """The stores that STORES names. Raises ImproperlyConfigured."""
        return cls({name: load_store(name) for name in names})

    def load(self, visitor: Visitor) -> Pins | None:
        """The pins that all stores have. None if nobody can tell whether there are others."""
        answers = [(member.store, member.load(visitor)) for member in self._members]
        told = [(store, loaded) for store, loaded in answers if loaded is not None]
        if not _is_complete(told, visitor):
            return None
        known = [loaded.pins for _, loaded in told]
        if self._last_resort is not None:
            known.append(self._last_resort.load(visitor).pins)
        settings = conf.settings()
        pins = functools.reduce(Pins.merge, known)
        return pins.fresh(time.time(), window=settings.window, max_pin=settings.max_pin)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> bool:
        """Save to all stores; to a cookie too, if none takes the pins or may find them again.

        To a browser another response may be on its way that gives it other names. False if the
        pins are kept nowhere: no store took them, and no header can be set any more.
        """
        taken = [member.save(visitor, pins, exchange) for member in self._members]
        if any(taken) and not visitor.may_be_renamed:
            return True
        if self._last_resort is not None:
            self._last_resort.save(visitor, pins, exchange)
            return exchange is not None or any(taken)
        return any(taken)

    def keeps_late(self, visitor: Visitor) -> bool:
        """Whether its pins can be saved and found again when no header can be set any more.

        A server is asked whether it works: where it does not, the headers have to pin.
        """
        if visitor.is_new or not visitor.identities:
            return False
        servers = [member for member in self._members if member.store.is_server_side]
        return any(member.load(visitor) is not None for member in servers)


def _is_complete(told: Sequence[tuple[Store, Loaded]], visitor: Visitor) -> bool:
    """Whether the visitor has no other pins than those that stores have told.

    A server that has lost nothing knows. The cookies know if they are those of now, but they do not
    have what another client of the visitor wrote: while a server has lost its memory, nobody knows.
    A server that is down may be so for long; then its pins are done without.
    """
    knowing = [store for store, loaded in told if loaded.is_complete]
    if any(store.is_server_side for store in knowing):
        return True
    is_forgetful = len(knowing) < len(told)
    return bool(knowing) and _may_have_cookies(visitor) and not (visitor.is_shared and is_forgetful)


def _may_have_cookies(visitor: Visitor) -> bool:
    """Whether the client has no pins of its own if its cookies hold none.

    Not so if it has names on a server and sends no cookies: a program with a token keeps none, and
    work for a user outside a request has none. Nor if its cookies are old, as a websocket's are.
    """
    return not visitor.identities or (bool(visitor.cookies) and visitor.are_cookies_current)


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


@made_once
def stores() -> Stores:
    """The stores of this process."""
    return Stores.named(conf.settings().stores)
