"""The cookies of pinning: how they are named, set and removed."""

import math
import re
import secrets
from collections.abc import Iterable
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control

from pinning import conf


def new_cookie(name: str) -> str:
    """A cookie name that no other response uses, so that none overwrites another's cookie."""
    return f"{name}.{secrets.token_hex(4)}"


def cookies_named(name: str, cookies: Iterable[str]) -> list[str]:
    """The cookies that ``new_cookie`` may have named. Clients can send names that cannot be set."""
    return list(filter(re.compile(rf"{re.escape(name)}\.[0-9a-f]{{8}}").fullmatch, cookies))


def set_cookie(
    request: HttpRequest, response: HttpResponseBase, name: str, value: str, seconds: float
) -> None:
    """Set a cookie as PINNING["COOKIE"] says. What it leaves out is as for the session cookie."""
    cookie = conf.settings().cookie
    secure = django_settings.SESSION_COOKIE_SECURE if cookie.secure is None else cookie.secure
    response.set_cookie(
        name,
        value,
        max_age=math.ceil(seconds),
        secure=secure or (cookie.secure is None and request.is_secure()),
        httponly=True,
        **_place(),
    )
    patch_cache_control(response, private=True)  # no shared cache may give it to another client


def remove_cookie(response: HttpResponseBase, name: str) -> None:
    """Have the client delete a cookie that ``set_cookie`` set."""
    response.delete_cookie(name, **_place())
    patch_cache_control(response, private=True)


def _place() -> dict[str, Any]:
    """The attributes that must be the same when a cookie is set and when it is removed."""
    cookie = conf.settings().cookie
    session = django_settings.SESSION_COOKIE_SAMESITE
    return {
        "samesite": session if cookie.samesite is None else cookie.samesite,
        "domain": cookie.domain or django_settings.SESSION_COOKIE_DOMAIN,
        "path": cookie.path or django_settings.SESSION_COOKIE_PATH,
    }
