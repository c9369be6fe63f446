"""System checks of the cookies that we set."""

from collections.abc import Iterator

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured

from pinning.conf import Settings
from pinning.pins import cookies, room, signing


def browsers_take_them(settings: Settings) -> Iterator[CheckMessage]:
    """Whether browsers take cookies of such a name and SameSite.

    They drop others without a word, and each pin with them. They compare the prefix and SameSite
    without case (RFC 6265bis, section 5.7).
    """
    cookie = settings.cookie
    name = cookie.name.lower()
    is_host, is_none = name.startswith("__host-"), cookies.same_site().lower() == "none"
    lacks = []
    if (is_host or is_none or name.startswith("__secure-")) and not cookies.is_secure():
        lacks.append('set "SECURE": True')
    if is_host and (cookie.domain or django_settings.SESSION_COOKIE_DOMAIN):
        lacks.append("have no domain, SESSION_COOKIE_DOMAIN neither")
    if is_host and cookie.path not in (None, "", "/"):
        lacks.append('set "PATH": "/"')
    if lacks:
        with_none = " and SameSite=None" if is_none else ""
        yield Error(
            f"Browsers drop cookies with the name {cookie.name!r}{with_none} and the other "
            "attributes of pinning's cookies. So no write pins anybody.",
            hint=f"In PINNING['COOKIE'], {' and '.join(lacks)}; or take another name or SAMESITE.",
            id="pinning.E036",
        )


def marks_have_room(_: Settings) -> Iterator[CheckMessage]:
    """Whether an answer has room for what tells that another one is gone."""
    if not room.marks_each():
        yield Error(
            "The name, domain and path of pinning's cookies are too long for the "
            f"{cookies.MOST_BYTES} bytes that they may take in the headers. So a browser stays on "
            "the primary for MAX_PIN after each write.",
            hint="Take a shorter NAME, DOMAIN or PATH in PINNING['COOKIE']. Without a DOMAIN, it "
            "is that of the session cookie.",
            id="pinning.E037",
        )


def path_is_told(settings: Settings) -> Iterator[CheckMessage]:
    """Whether the project says where it lies, if its session cookie does not go everywhere.

    It may be one of several on this host, each beneath a path of its own. Or sessions are for a
    part of it. Nothing here tells which: a server in front may hand on every path as it is.
    """
    path = django_settings.SESSION_COOKIE_PATH
    if path not in (None, "", "/") and not settings.cookie.path:
        yield Warning(
            f"SESSION_COOKIE_PATH is {path!r}, and pinning's cookies have the path '/': another "
            "site on this host that uses pinning too would overwrite them.",
            hint=f'Set PINNING["COOKIE"]["PATH"] to "{path}" if the whole site lies beneath it, '
            'and to "/" if not.',
            id="pinning.W023",
        )


def cipher_is_there(_: Settings) -> Iterator[CheckMessage]:
    """Whether pins can be encrypted on this machine."""
    try:
        signing.require_cipher()
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Use the wheels of cryptography from PyPI, without FIPS mode.",
            id="pinning.E038",
        )
