"""The identity of a client: the names under which its pins are kept. No name costs a query.

To load the session is itself a read: on a replica that does not have the row yet, Django would see
no session and log the user out for good. So the value of the session cookie is the name, and the
session is not loaded. But that value changes at login, at logout and at any time in another tab, so
a session that writes also gets a name from pinning, in a cookie. A client that keeps no cookies is
known by its Authorization header, or by another one of IDENTITY_HEADERS. A user, who may have
several clients, is known once other code has resolved ``request.user`` (see ``users``).
"""

import base64
import functools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from pinning import conf
from pinning.pins.cookies import hidden, names, set_cookies
from pinning.pins.identity_rule import rule
from pinning.pins.signing import IDENTITY_SALT, hashed
from pinning.pins.tokens import DAY_SECONDS

#: Of a name of ours, and of the time when it was given, in bytes.
_NAME, _TIME = 12, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The client for which a store loads and saves pins.

    ``cookies`` are the cookies of the request. ``identities`` are the visitor's names in a store on
    a server: hashes, from which no session key or token can be read.
    """

    cookies: Mapping[str, str]
    #: More cookies of names that ``cookies`` has already (see ``cookies.hidden``).
    hidden: tuple[tuple[str, str], ...] = ()
    identities: tuple[str, ...] = ()
    #: False for a websocket: its cookies are those of the handshake, without later writes.
    are_cookies_current: bool = True
    #: Whether other clients have one of the identities too: a user's phone and laptop have.
    is_shared: bool = False
    #: Whether it came without a name.
    is_new: bool = False
    #: Whether another response may replace all its names (see ``may_be_renamed``).
    may_be_renamed: bool = False


def identities_of(request: HttpRequest, users: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the client when its request arrives, and of its ``users`` (ids), hashed."""
    return _hashed(session_of(request), _own_of(request), tokens_of(request), users)


def session_of(request: HttpRequest) -> str | None:
    """The value of the session cookie."""
    return request.COOKIES.get(django_settings.SESSION_COOKIE_NAME) or None


def tokens_of(request: HttpRequest) -> tuple[str, ...]:
    """The values of the IDENTITY_HEADERS that it has, as they are: any scheme of Authorization."""
    values = map(request.META.get, conf.settings().identity_headers)
    return tuple(value for value in values if value)


def seed_of(request: HttpRequest) -> str | None:
    """What leads the client to the same replica each time: its session, else its token."""
    return session_of(request) or next(iter(tokens_of(request)), None)


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
    session, own = session_after(request, response), _own_of(request, response)
    return _hashed(session, own, tokens_of(request), users)


def introduce(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give a client that has a session a name that outlasts it, in a cookie that lives as a pin.

    If IDENTITY replaces our names this does nothing. Without a session it does nothing either: the
    stores put the pins of such a client into a cookie.

    A client keeps the name that it has, or that this response gave it before. A new one is made of
    the session, so that first responses that cross on their way agree on it.
    """
    session = session_of(request) or session_after(request, response)
    if not has_built_in(request) or session is None:
        return
    name = next(iter(_own_of(request, response)), None) or _own_name(session)
    set_cookies(response, {_cookie_of(name): _signed(name)}, _lasts())


def _lasts() -> float:
    """For how many seconds a name can lead to pins: for as long as a store keeps them."""
    settings = conf.settings()
    return max(settings.max_pin, settings.window)


def _own_name(session: str) -> str:
    value = f"own:{session}".encode(errors="surrogatepass")
    made = salted_hmac(IDENTITY_SALT, value, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(made[:_NAME]).decode()


def _cookie_of(name: str) -> str:
    """Always the same for a name."""
    known = names().identities
    return known[sum(name.encode()) % len(known)]


def _own_of(request: HttpRequest, response: HttpResponseBase | None = None) -> list[str]:
    """The names that pinning gave the client, always in the same order.

    With ``response``, those that it has afterwards.
    """
    known = names().identities
    jar = {cookie: request.COOKIES[cookie] for cookie in known if cookie in request.COOKIES}
    if response is not None:
        jar |= {name: morsel.value for name, morsel in response.cookies.items() if name in known}
    values = [jar[cookie] for cookie in known if cookie in jar]
    values += [value for cookie, value in hidden(request) if cookie in known]
    return [name for name in dict.fromkeys(map(_unsigned, values)) if name]


def _signed(name: str) -> str:
    """The name, given out now."""
    given = base64.urlsafe_b64decode(name) + int(time.time()).to_bytes(_TIME)
    return base64.urlsafe_b64encode(given + _signatures(given)[0]).decode()


def _unsigned(value: str) -> str | None:
    """The name in ``value``. None if it was not given here, or is as old as no token may be."""
    try:
        whole = base64.b64decode(value, altchars=b"-_", validate=True)
    except ValueError:
        return None
    given, signature = whole[: _NAME + _TIME], whole[_NAME + _TIME :]
    age = time.time() - int.from_bytes(given[_NAME:])
    if not -DAY_SECONDS <= age <= _lasts() + DAY_SECONDS:
        return None
    is_signed = any(constant_time_compare(signature, each) for each in _signatures(given))
    return base64.urlsafe_b64encode(given[:_NAME]).decode() if is_signed else None


def _signatures(given: bytes) -> list[bytes]:
    """One for each key. Short, as headers have little room; nobody tries 2**64 of them."""
    return [bytes.fromhex(signature[:16]) for signature in hashed("signature", given.hex())]


def _hashed(
    session: str | None, own: Iterable[str], tokens: Iterable[str], users: Iterable[str]
) -> tuple[str, ...]:
    names = [("session", session), *(("own", name) for name in own)]
    names += [*(("token", token) for token in tokens), *(("user", id_) for id_ in users)]
    return tuple(one for kind, name in names if name for one in hashed(kind, name))


def names_of(request: HttpRequest, users: Iterable[str] = ()) -> tuple[str, ...] | None:
    """The names of the client and of its ``users`` (ids) so far, hashed. None if IDENTITY fails."""
    own = rule()
    built_in = functools.partial(identities_of, request, tuple(users))
    return built_in() if own is None else own.names_of(request, built_in)


def has_built_in(request: HttpRequest) -> bool:
    """Whether our own names count: IDENTITY is not set, or was seen to add to them."""
    own = rule()
    if own is not None and own.extends is None:
        names_of(request)  # its first answer tells
    return own is None or bool(own.extends)


def is_shared(request: HttpRequest, users: Iterable[str] = ()) -> bool:
    """Whether other clients may have one of the names that ``names_of`` gives."""
    return rule() is not None or bool(tokens_of(request)) or any(True for _ in users)


def may_be_renamed(request: HttpRequest) -> bool:
    """Whether a response that is on its way may replace all names of the client.

    It may bring a session and a name of ours that the client had, or would have had, when it sent
    its request. It changes no token, and not what IDENTITY says.
    """
    return has_built_in(request) and not tokens_of(request)


def names_after(
    request: HttpRequest, response: HttpResponseBase | None, users: Iterable[str] = ()
) -> tuple[str, ...]:
    """All names to save pins under: those of the client before ``response`` and after it."""
    names = names_of(request, users) or ()
    if response is None or not has_built_in(request):
        return names
    return (*names, *identities_after(request, response, users))
