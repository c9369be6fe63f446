"""What is made once for the settings: in a process once, in tests anew when they override one."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.signals import setting_changed

Made = TypeVar("Made")

_made: dict[Callable[[], Any], Any] = {}


def made_once(make: Callable[[], Made]) -> Callable[[], Made]:
    """``make``, called once for the settings that hold. What it raises is raised at each call."""

    @functools.wraps(make)
    def made() -> Made:
        try:
            known: Made = _made[make]
        except KeyError:
            known = _made.setdefault(make, make())
        return known

    return made


def _forget(*, setting: str, **_: object) -> None:
    """Receive ``setting_changed``, which Django's tests send."""
    if setting in {"PINNING", "DATABASES", "INSTALLED_APPS"}:
        _made.clear()


setting_changed.connect(_forget)
