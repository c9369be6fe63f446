"""System checks of the cookies that we set."""

from collections.abc import Iterator

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error

from pinning.conf import Settings
from pinning.pins import cookies


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
