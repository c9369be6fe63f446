"""Whose pins: what a client is known by, told without the database.

The session row is itself a read: from a replica that does not have it yet it would look like no
session, and Django would log the user out for good. So the session cookie's value is the identity,
never its content. It changes at login, logout and at any time in another tab, so a client that
writes gets a name of ours as well. One that keeps no cookies is known by its Authorization header.
Users, who may have several clients, are known once something else has resolved them (``users``).
"""

import itertools
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings as django_settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponseBase

from pinning import conf
from pinning.pins.cookies import cookies_named, new_cookie, set_cookie
from pinning.pins.identity_rule import rule
from pinning.pins.signing import IDENTITY_SALT, hashed

#: A client has one name of ours, and some more for a while if its first writes were at once.
_MOST_NAMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whom a store loads and saves pins for.

    ``cookies`` are those of the request. ``identities`` name the visitor in a server-side store:
    hashes, from which no session key or token can be read.
    """

    cookies: Mapping[str, str]
    identities: tuple[str, ...] = ()
    #: A websocket has those of its handshake, and what the browser wrote since is not in them.
    are_cookies_current: bool = True


def identities_of(request: HttpRequest, users: Iterable[str] = ()) -> tuple[str, ...]:
    """What the client is known by when its request arrives, and the ids of its ``users``."""
    return _hashed(session_of(request), _own_of(request.COOKIES), token_of(request), users)


def session_of(request: HttpRequest) -> str | None:
    """The session cookie's value."""
    return request.COOKIES.get(django_settings.SESSION_COOKIE_NAME) or None


def token_of(request: HttpRequest) -> str | None:
    """The Authorization header as it is, whatever its scheme."""
    return request.META.get("HTTP_AUTHORIZATION") or None


def session_after(request: HttpRequest, response: HttpResponseBase) -> str | None:
    """The session cookie's value that the client will send after ``response``.

    Login and logout change it in the very response that wrote.
    """
    morsel = response.cookies.get(django_settings.SESSION_COOKIE_NAME)
    return session_of(request) if morsel is None else morsel.value or None


def identities_after(
    request: HttpRequest, response: HttpResponseBase, users: Iterable[str] = ()
) -> tuple[str, ...]:
    """What the client will be known by once it has ``response``."""
    session, own = session_after(request, response), _own_of(_cookies_after(request, response))
    return _hashed(session, own, token_of(request), users)


def introduce(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the client a name of ours that outlasts its session, for as long as a pin lasts.

    Not where IDENTITY names the clients, as such names do not count there.

    It keeps the one it has, or was given in this response before. Each is in a cookie of its own,
    so that of two first answers that cross neither takes the other's name away.
    """
    if rule() is not None:
        return
    settings = conf.settings()
    known = _own_of(_cookies_after(request, response))
    new = {secrets.token_hex(16): new_cookie(_own_name())}
    name, cookie = next(iter((known or new).items()))
    seconds = max(settings.max_pin, settings.window)
    set_cookie(request, response, cookie, _signer().sign(name), seconds)


def _own_name() -> str:
    return f"{conf.settings().cookie.name}-id"


def _own_of(cookies: Mapping[str, str]) -> dict[str, str]:
    """The client's names of ours, with their cookies, in the same order each time.

    Cookies are only those that ``introduce`` may have given, and few: a client can send more.
    """
    names = (
        (name, cookie)
        for cookie in sorted(cookies_named(_own_name(), cookies))
        if (name := _unsigned(cookies[cookie]))
    )
    return dict(itertools.islice(names, _MOST_NAMES))


def _cookies_after(request: HttpRequest, response: HttpResponseBase) -> dict[str, str]:
    return request.COOKIES | {name: morsel.value for name, morsel in response.cookies.items()}


def _unsigned(value: str) -> str | None:
    try:
        return _signer().unsign(value)
    except (BadSignature, ValueError):
        return None


def _signer() -> Signer:
    return Signer(salt=IDENTITY_SALT)


def _hashed(
    session: str | None, own: Iterable[str], token: str | None, users: Iterable[str]
) -> tuple[str, ...]:
    names = [("session", session), *(("own", name) for name in own), ("token", token)]
    names += [("user", id_) for id_ in users]
    return tuple(one for kind, name in names if name for one in hashed(kind, name))


def names_of(request: HttpRequest, users: Iterable[str] = ()) -> tuple[str, ...] | None:
    """Whoever sent ``request``, and the ids of its ``users`` so far. None where nobody can tell."""
    own = rule()
    return identities_of(request, users) if own is None else own.names_of(request)


def names_after(
    request: HttpRequest, response: HttpResponseBase | None, users: Iterable[str] = ()
) -> tuple[str, ...]:
    """All names to save under: the old ones, and those that the client has after ``response``."""
    names = names_of(request, users) or ()
    if response is None or rule() is not None:
        return names
    return (*names, *identities_after(request, response, users))
