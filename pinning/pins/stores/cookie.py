"""A store that keeps pins in signed cookies of the browser."""

from django.http import HttpResponseBase

from pinning import conf
from pinning.pins import Pins, Visitor, signing
from pinning.pins.cookies import cookies_named, new_cookie, remove_cookie, set_cookie
from pinning.pins.stores.base import Exchange, Loaded, Store


class CookieStore(Store):
    """Each response after a write sets one cookie, with the pins of the request and the new ones.

    Each cookie has a name of its own: if two responses cross on their way to the browser, neither
    overwrites the other's pins. The response also removes the cookies that it has merged.
    """

    is_server_side = False

    def load(self, visitor: Visitor) -> Loaded:
        """The pins of all cookies, without those that are over or were not signed here."""
        return Loaded(_all(visitor))

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        """Set a new cookie. Without a response that is impossible, and nothing is saved."""
        if exchange is None:
            return
        settings = conf.settings()
        pins = _all(visitor).merge(pins)
        _remove(_names(visitor), exchange.response)
        seconds = pins.lasts(window=settings.window, max_pin=settings.max_pin)
        value = signing.sign(pins, signing.COOKIE)
        name = new_cookie(settings.cookie.name)
        set_cookie(exchange.request, exchange.response, name, value, seconds)

    def tidy(self, visitor: Visitor, exchange: Exchange) -> None:
        """Remove cookies that are forged, broken or over."""
        broken = [name for name in _names(visitor) if not _read(visitor.cookies[name])]
        _remove(broken, exchange.response)


def _names(visitor: Visitor) -> list[str]:
    """The names of the cookies that ``save`` may have set."""
    return cookies_named(conf.settings().cookie.name, visitor.cookies)


def _all(visitor: Visitor) -> Pins:
    pins = Pins()
    for name in _names(visitor):
        pins = pins.merge(_read(visitor.cookies[name]))
    return pins


def _read(value: str) -> Pins:
    return signing.unsign(value, signing.COOKIE)


def _remove(names: list[str], response: HttpResponseBase) -> None:
    for name in names:
        remove_cookie(response, name)
