"""Pins in signed cookies that the browser keeps."""

from django.http import HttpResponseBase

from pinning import conf
from pinning.pins import Pins, Visitor, signing
from pinning.pins.cookies import cookies_named, new_cookie, remove_cookie, set_cookie
from pinning.pins.stores.base import Exchange, Store


class CookieStore(Store):
    """One cookie for each writing response, with all that the request had sent and what is new.

    Each has a name of its own, so that of two responses that cross on their way to the browser
    neither takes the other's pins away; a writing response removes the cookies it has merged.
    """

    is_server_side = False

    def load(self, visitor: Visitor) -> Pins:
        """The pins of all cookies that were signed here and are not over."""
        pins = Pins()
        for name in _names(visitor):
            pins = pins.merge(_read(visitor.cookies[name]))
        return pins

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        """Set a new cookie; without a response there is no way to."""
        if exchange is None:
            return
        settings = conf.settings()
        pins = self.load(visitor).merge(pins)
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
    """Those that ``save`` may have given."""
    return cookies_named(conf.settings().cookie.name, visitor.cookies)


def _read(value: str) -> Pins:
    return signing.unsign(value, signing.COOKIE)


def _remove(names: list[str], response: HttpResponseBase) -> None:
    for name in names:
        remove_cookie(response, name)
