"""Cookies of ours: their names, how they are set, and how they are removed."""

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
    """A cookie's name that no other answer gives, so that none takes another's cookie away."""
    return f"{name}.{secrets.token_hex(4)}"


def cookies_named(name: str, cookies: Iterable[str]) -> list[str]:
    """Those that ``new_cookie`` may have named: a client can send names that nobody can set."""
    return list(filter(re.compile(rf"{re.escape(name)}\.[0-9a-f]{{8}}").fullmatch, cookies))


def set_cookie(
    request: HttpRequest, response: HttpResponseBase, name: str, value: str, seconds: float
) -> None:
    """Set a cookie as PINNING["COOKIE"] says, and else as the session cookie is set."""
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
    """Take a cookie that ``set_cookie`` set away from the client."""
    response.delete_cookie(name, **_place())
    patch_cache_control(response, private=True)


def _place() -> dict[str, Any]:
    """What must be the same for a cookie to be set and to be removed."""
    cookie = conf.settings().cookie
    session = django_settings.SESSION_COOKIE_SAMESITE
    return {
        "samesite": session if cookie.samesite is None else cookie.samesite,
        "domain": cookie.domain or django_settings.SESSION_COOKIE_DOMAIN,
        "path": cookie.path or django_settings.SESSION_COOKIE_PATH,
    }
