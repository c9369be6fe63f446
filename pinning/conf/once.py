"""Makes an object from the settings once in a process, and again after a test overrides them."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.signals import setting_changed

Made = TypeVar("Made")

_made: list[Any] = []

#: The settings that things are made from, and how the names of others begin.
_SETTINGS = ("PINNING", "DATABASES", "INSTALLED_APPS", "CACHES", "SESSION_")


def made_once(make: Callable[[], Made]) -> Callable[[], Made]:
    """A function that calls ``make`` once and keeps the result. An error is raised at each call."""
    made = functools.cache(make)
    _made.append(made)
    return made


def forget() -> None:
    """Forget what was made. The next use reads the settings again."""
    for made in _made:
        made.cache_clear()


def _forget(*, setting: str, **_: object) -> None:
    """Receive ``setting_changed``, which Django sends in tests."""
    if setting.startswith(_SETTINGS):
        forget()


setting_changed.connect(_forget)
