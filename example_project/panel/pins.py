"""This visitor's pins, as the panel lists them."""

import time
from dataclasses import dataclass

from example_project.panel.meter import meter
from example_project.panel.modes import Mode, mode
from pinning import conf, current_scope
from pinning.pins import Pin


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPin:
    """A pin: its age in seconds, its place in the log as PostgreSQL writes it, and its effect."""

    age: float
    place: str
    effect: str


def shown_pins() -> list[ShownPin] | None:
    """The pins of whoever sent the running request; None where no store could tell."""
    scope = current_scope()
    known = scope.pins() if scope is not None else None
    return None if known is None else [_shown(pin, time.time()) for pin in known]


def _shown(pin: Pin, now: float) -> ShownPin:
    seen = meter.replica if mode() is Mode.POSITION else None
    settings = conf.settings()
    is_over = pin.is_over(seen, now, window=settings.window, max_pin=settings.max_pin)
    age = max(now - pin.written_at, 0.0)
    return ShownPin(
        age=age,
        place="none" if pin.position is None else _as_lsn(pin.position),
        effect=_effect(pin, is_over=is_over, left=settings.window - age),
    )


def _as_lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _effect(pin: Pin, *, is_over: bool, left: float) -> str:
    if mode() is Mode.OFF:
        return "nobody looks at it: pinning is off"
    if pin.position is not None and mode() is Mode.POSITION:
        return "replica1 has it" if is_over else "not on replica1 yet: the primary answers"
    return "its window is over" if is_over else f"the primary answers for {left:.0f} s more"
