"""What is made once for the settings: once in a process, and anew when a test overrides one."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.signals import setting_changed

Made = TypeVar("Made")

_made: list[Any] = []


def made_once(make: Callable[[], Made]) -> Callable[[], Made]:
    """``make``, called once for the settings that hold. What it raises is raised at each call."""
    made = functools.cache(make)
    _made.append(made)
    return made


def forget() -> None:
    """Read the settings anew at the next use."""
    for made in _made:
        made.cache_clear()


def _forget(*, setting: str, **_: object) -> None:
    """Receive ``setting_changed``, which Django's tests send."""
    if setting in {"PINNING", "DATABASES", "INSTALLED_APPS"}:
        forget()


setting_changed.connect(_forget)
