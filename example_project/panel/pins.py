"""This visitor's pins, as the panel lists them."""

import math
import time
from dataclasses import dataclass

from example_project.panel.modes import Mode, mode
from pinning import conf, current_scope
from pinning.pins.pin import Pin, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPin:
    """A pin: its age in seconds, its place in the log as PostgreSQL writes it, and its effect.

    ``place`` is "" for a pin without a position.
    """

    age: float
    place: str
    effect: str


def shown_pins(seen: Position | None) -> list[ShownPin] | None:
    """The pins of whoever sent the running request; None where no store could tell.

    ``seen`` is where the server of all replicas is; None while it is silent.
    """
    scope = current_scope()
    known = scope.pins() if scope is not None else None
    return None if known is None else [_shown(pin, seen, time.time()) for pin in known]


def _shown(pin: Pin, seen: Position | None, now: float) -> ShownPin:
    age = max(now - pin.written_at, 0.0)
    return ShownPin(
        age=age,
        place="" if pin.position is None else _as_lsn(pin.position),
        effect=effect_of(pin, seen, now),
    )


def _as_lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def effect_of(pin: Pin, seen: Position | None, now: float) -> str:
    """What a pin does, in words."""
    if mode() is Mode.OFF:
        return "nobody looks at it: pinning is off"
    settings = conf.settings()
    replica, *_ = settings.replicas[pin.cluster]
    if pin.position is None or mode() is Mode.CLOCK:
        left = pin.written_at + settings.window - now
        return (
            f"the primary answers for {math.ceil(left)} s more" if left > 0 else "its time is over"
        )
    if seen is None:
        return f"{replica} is silent: the primary answers"
    is_over = pin.is_over(seen, now, window=settings.window, max_pin=settings.max_pin)
    return f"{replica} has it" if is_over else f"not on {replica} yet: the primary answers"
