"""System checks of the cookies that we set."""

from collections.abc import Iterator

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error

from pinning.conf import Settings
from pinning.pins import cookies, room


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
        if (cookie.path or django_settings.SESSION_COOKIE_PATH) != "/":
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
            hint="Take a shorter NAME, DOMAIN or PATH in PINNING['COOKIE']. What it leaves out is "
            "that of the session cookie.",
            id="pinning.E037",
        )
