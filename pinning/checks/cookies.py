"""System checks of the cookies that we set."""

from collections.abc import Iterator

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured

from pinning.conf import Settings
from pinning.pins import cookies, room, signing


def prefix_holds(settings: Settings) -> Iterator[CheckMessage]:
    """Whether browsers take cookies whose name begins with ``__Host-`` or ``__Secure-``.

    They drop the others without a word (RFC 6265bis, section 4.1.3), and each pin with them.
    """
    cookie = settings.cookie
    prefix = next((one for one in ("__Host-", "__Secure-") if cookie.name.startswith(one)), None)
    lacks = [] if cookies.is_secure() else ['set "SECURE": True']
    if prefix == "__Host-":
        if cookie.domain or django_settings.SESSION_COOKIE_DOMAIN:
            lacks.append("have no domain, SESSION_COOKIE_DOMAIN neither")
        if cookie.path not in (None, "", "/"):
            lacks.append('set "PATH": "/"')
    if prefix is not None and lacks:
        yield Error(
            f"PINNING['COOKIE'] has the name {cookie.name!r}, but browsers drop cookies of such a "
            "name with these attributes, so that no write pins anybody.",
            hint=f"In PINNING['COOKIE'], {' and '.join(lacks)}; or take another name.",
            id="pinning.E036",
        )


def marks_have_room(_: Settings) -> Iterator[CheckMessage]:
    """Whether an answer has room for what tells that another one is gone."""
    if not room.marks_each():
        yield Error(
            "The name, domain and path of pinning's cookies leave too little of the "
            f"{cookies.MOST_BYTES} bytes that they may take in the headers, so that a browser "
            "stays on the primary for MAX_PIN after each write.",
            hint="Take a shorter NAME, DOMAIN or PATH in PINNING['COOKIE']. A DOMAIN that it "
            "leaves out is that of the session cookie.",
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
            hint="Use the wheels of cryptography, which bring an OpenSSL that has it, without FIPS "
            "mode.",
            id="pinning.E038",
        )
