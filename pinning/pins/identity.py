"""The identity of a client: the names under which its pins are kept. No name costs a query.

To load the session is itself a read: on a replica that does not have the row yet, Django would see
no session and log the user out for good. So the value of the session cookie is the name, and the
session is not loaded. But that value changes at login, at logout and at any time in another tab, so
a client that writes also gets a name from pinning, in a cookie. A client that keeps no cookies is
known by its Authorization header. A user, who may have several clients, is known once other code
has resolved ``request.user`` (see ``users``).
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

#: A client has one name from pinning, and more for a while if its first writes ran in parallel.
_MOST_NAMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The client for which a store loads and saves pins.

    ``cookies`` are the cookies of the request. ``identities`` are the visitor's names in a store on
    a server: hashes, from which no session key or token can be read.
    """

    cookies: Mapping[str, str]
    identities: tuple[str, ...] = ()
    #: False for a websocket: its cookies are those of the handshake, without later writes.
    are_cookies_current: bool = True
    #: Whether other clients have one of the identities too: a user's phone and laptop have.
    is_shared: bool = False


def identities_of(request: HttpRequest, users: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the client when its request arrives, and of its ``users`` (ids), hashed."""
    return _hashed(session_of(request), _own_of(request.COOKIES), token_of(request), users)


def session_of(request: HttpRequest) -> str | None:
    """The value of the session cookie."""
    return request.COOKIES.get(django_settings.SESSION_COOKIE_NAME) or None


def token_of(request: HttpRequest) -> str | None:
    """The Authorization header as it is, whatever its scheme."""
    return request.META.get("HTTP_AUTHORIZATION") or None


def session_after(request: HttpRequest, response: HttpResponseBase) -> str | None:
    """The value of the session cookie that the client will send after ``response``.

    Login and logout write, and change the cookie in the same response.
    """
    morsel = response.cookies.get(django_settings.SESSION_COOKIE_NAME)
    return session_of(request) if morsel is None else morsel.value or None


def identities_after(
    request: HttpRequest, response: HttpResponseBase, users: Iterable[str] = ()
) -> tuple[str, ...]:
    """The names of the client once it has ``response``, and of its ``users`` (ids), hashed."""
    session, own = session_after(request, response), _own_of(_cookies_after(request, response))
    return _hashed(session, own, token_of(request), users)


def introduce(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the client a name, in a cookie that outlasts its session and lives as long as a pin.

    If IDENTITY is set this does nothing, because then only the names from IDENTITY count.

    A client keeps the name that it has, or that this response gave it before. Each name is in a
    cookie of its own: if two first responses cross, neither overwrites the other's name.
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
    """The names that pinning gave the client, each with its cookie, always in the same order.

    Only cookies that ``introduce`` may have set count, and few of them: a client can send more.
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
    """The names of the client and of its ``users`` (ids) so far, hashed. None if IDENTITY fails."""
    own = rule()
    return identities_of(request, users) if own is None else own.names_of(request)


def is_shared(request: HttpRequest, users: Iterable[str] = ()) -> bool:
    """Whether other clients may have one of the names that ``names_of`` gives."""
    return rule() is not None or token_of(request) is not None or any(True for _ in users)


def names_after(
    request: HttpRequest, response: HttpResponseBase | None, users: Iterable[str] = ()
) -> tuple[str, ...]:
    """All names to save pins under: those of the client before ``response`` and after it."""
    names = names_of(request, users) or ()
    if response is None or rule() is not None:
        return names
    return (*names, *identities_after(request, response, users))
