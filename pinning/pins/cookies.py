"""The cookies of pinning: how they are named, set and removed, and how large they may be."""

import itertools
import math
import string
from collections.abc import Iterable, Iterator, Mapping
from http.cookies import Morsel
from typing import Any, NamedTuple

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponseBase, parse_cookie
from django.utils.cache import patch_cache_control

from pinning import conf
from pinning.conf import made_once

#: What all our cookies may take in the headers of a response, and of a request, in bytes.
MOST_BYTES = 1024

#: The longest value of a cookie that holds pins: in the first slots, and in the others.
LONG, SHORT = 128, 64

_LONG_SLOTS, _SHORT_SLOTS, _IDENTITY_COOKIES = 2, 3, 2

#: How long the value of a cookie is that names a client to stores on a server (see ``identity``).
IDENTITY = 32

#: How many cookies are looked at that others hide. No browser has so many by mistake.
_MOST_HIDDEN = 20

#: Where a request keeps them.
_KEPT = "_pinning_hidden"

_MARKS = string.ascii_letters[:40]  # a token has as many bits for them


class Names(NamedTuple):
    """The names of our cookies: all that a browser can ever have of them.

    ``long_slots`` take values of up to LONG characters, ``short_slots`` of up to SHORT, ``marks``
    of one. In one ``Cookie`` header all of them take at most MOST_BYTES.
    """

    long_slots: tuple[str, ...]
    short_slots: tuple[str, ...]
    #: Each with a bit of its own.
    marks: Mapping[str, int]
    #: Of the cookies that name a client to stores on a server (see ``identity``).
    identities: tuple[str, ...]

    @property
    def slots(self) -> tuple[str, ...]:
        """Those of pins."""
        return self.long_slots + self.short_slots

    @property
    def late(self) -> str:
        """The mark of an answer whose request may write still. "" if there are no marks."""
        return next(iter(self.marks), "")

    @property
    def valued(self) -> tuple[str, ...]:
        """Those whose value counts."""
        return self.slots + self.identities

    @classmethod
    def of(cls, name: str, *, has_identities: bool = False) -> "Names":
        """Names that begin with ``name``. The longer it is, the fewer marks there are."""
        numbers = [f"{name}.{number}" for number in range(_LONG_SLOTS + _SHORT_SLOTS)]
        long_slots, short_slots = numbers[:_LONG_SLOTS], numbers[_LONG_SLOTS:]
        identities = [f"{name}-id.{number}" for number in range(_IDENTITY_COOKIES)]
        sizes = {**dict.fromkeys(long_slots, LONG), **dict.fromkeys(short_slots, SHORT)}
        if has_identities:
            sizes |= dict.fromkeys(identities, IDENTITY)
        taken = sum(len(f"{one}=; ") + size for one, size in sizes.items())
        marks = max(0, MOST_BYTES - taken) // len(f"{name}.a=1; ")
        bits = {f"{name}.{mark}": 1 << bit for bit, mark in enumerate(_MARKS[:marks])}
        return cls(tuple(long_slots), tuple(short_slots), bits, tuple(identities))


def has_identities() -> bool:
    """Whether a store on a server needs the cookies that name a client."""
    return set(conf.settings().stores) != {"cookie"}


@made_once
def names() -> Names:
    """The names that the settings make."""
    return Names.of(conf.settings().cookie.name, has_identities=has_identities())


def hidden(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """The cookies of our names that are not in ``request.COOKIES``: the last, in their order.

    A browser sends several cookies of one name if this host and a domain around it have set one,
    and Django keeps the last. That may be the other's. The first are those of longer paths, and of
    those a domain around can set as many as it likes. They are looked for once for each request.
    """
    known: tuple[tuple[str, str], ...] | None = vars(request).get(_KEPT)
    if known is None:
        known = tuple(_hidden(request.META.get("HTTP_COOKIE", ""), request.COOKIES))
        setattr(request, _KEPT, known)
    return known


def _hidden(header: str, seen: Mapping[str, str]) -> list[tuple[str, str]]:
    if header.count(";") < len(seen):  # no name comes twice
        return []
    last = list(itertools.islice(_ours_backwards(header), _MOST_HIDDEN + len(names().valued)))
    found = (one for part in reversed(last) for one in parse_cookie(part).items())
    return [one for one in found if seen.get(one[0]) != one[1]][-_MOST_HIDDEN:]


def _ours_backwards(header: str) -> Iterator[str]:
    """The parts of a ``Cookie`` header that have a value of ours, the last one first.

    A header may have thousands of others: most are passed over by one search for the text in which
    all our names begin.
    """
    name, ours = conf.settings().cookie.name, frozenset(names().valued)
    if name in header:
        for part in reversed(header.split(";")):
            if name in part and part.partition("=")[0].strip() in ours:
                yield part


def set_cookies(response: HttpResponseBase, values: Mapping[str, str], seconds: float) -> None:
    """Set cookies as PINNING["COOKIE"] says.

    What it leaves out is as for the session cookie, but the path, which is ``/``.
    """
    secure, place = is_secure(), _place()
    for name, value in values.items():
        response.set_cookie(
            name, value, max_age=math.ceil(seconds), secure=secure, httponly=True, **place
        )
        response.cookies[name]["expires"] = ""  # Max-Age says it in fewer bytes
    patch_cache_control(response, private=True)  # no shared cache may give it to another client


def remove_cookies(
    response: HttpResponseBase, unneeded: Iterable[str], most_bytes: float = MOST_BYTES
) -> None:
    """Have the client delete cookies that we set, as many of them as the headers have room for."""
    removed, size = list(unneeded), bytes_of(response)
    set_cookies(response, dict.fromkeys(removed, ""), 0)
    for name in removed:
        _shorten(response.cookies[name])
        size += _bytes_of(response.cookies[name])
        if size > most_bytes:
            del response.cookies[name]


def _shorten(removal: Morsel[str]) -> None:
    """Leave what browsers ask of a removal.

    That is the flag Secure where the name begins with ``__Host-`` or ``__Secure-``, and with
    SameSite=None. What else a cookie was set with does not matter.
    """
    removal.set(removal.key, "", "")  # no quotes around nothing
    removal["httponly"] = ""
    if removal["samesite"].lower() != "none":
        removal["samesite"] = ""
        removal["secure"] = removal["secure"] and removal.key.startswith("__")


def bytes_of(response: HttpResponseBase) -> int:
    """How many bytes of the response's headers are ours: cookies, and what forbids to share it."""
    known = names()
    ours = [
        _bytes_of(morsel)
        for name, morsel in response.cookies.items()
        if name in known.marks or name in known.valued
    ]
    return sum(ours, len("Cache-Control: private\r\n")) if ours else 0


def _bytes_of(morsel: Morsel[str]) -> int:
    return len(f"Set-Cookie: {morsel.OutputString()}\r\n")


def is_secure() -> bool:
    """Whether our cookies are for https alone: where the session cookie is, or as the setting says.

    That depends on no request. A browser sends no secure cookie over http, and lets no answer over
    http replace one: where a site is on both, who wrote on one would be unknown on the other.
    """
    secure = conf.settings().cookie.secure
    return bool(django_settings.SESSION_COOKIE_SECURE if secure is None else secure)


def same_site() -> str:
    """The attribute SameSite of our cookies, as the session cookie's or as the setting says."""
    session = django_settings.SESSION_COOKIE_SAMESITE
    return conf.settings().cookie.samesite or session or ""


def _place() -> dict[str, Any]:
    """The attributes that must be the same when a cookie is set and when it is removed.

    The path does not follow SESSION_COOKIE_PATH: what is written outside it is read there too.
    """
    cookie = conf.settings().cookie
    return {
        "samesite": same_site(),
        "domain": cookie.domain or django_settings.SESSION_COOKIE_DOMAIN,
        "path": cookie.path or "/",
    }
