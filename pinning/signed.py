"""Pins as text that only we can have written: in a cookie, a task's message or its result."""

import time

from django.core.signing import BadSignature, Signer

from pinning import conf
from pinning.pins import Pins

#: What a text was signed for. One that was signed for another purpose is not read.
COOKIE = "pinning.pins"
CARRIED = "pinning.carried"

_LONGEST = 4096


def sign(pins: Pins, purpose: str) -> str:
    """The pins as text. It is signed with SECRET_KEY, and not encrypted."""
    return _signer(purpose).sign_object(pins.encode())


def unsign(text: object, purpose: str) -> Pins:
    """The pins that were signed here and are not over; none from anything else. Never raises."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return Pins()
    try:
        raw = _signer(purpose).unsign_object(text)
    except (BadSignature, ValueError):
        return Pins()
    settings = conf.settings()
    pins = Pins.decode(raw)
    return pins.fresh(time.time(), window=settings.window, max_pin=settings.max_pin)


def unsign_carried(text: object) -> Pins:
    """The pins that ``carried()`` gave, on clusters that are known here. Never raises."""
    known = conf.settings().replicas
    return Pins(pin for pin in unsign(text, CARRIED) if pin.cluster in known)


def _signer(purpose: str) -> Signer:
    return Signer(salt=purpose)
