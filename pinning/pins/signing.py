"""Signing: pins as text that only we can have written, and names that nobody else can make up."""

import functools
import time

from django.conf import settings as django_settings
from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

from pinning import conf
from pinning.pins.pin import Pins

#: What a text was signed for. One that was signed for another purpose is not read.
COOKIE = "pinning.pins"
CARRIED = "pinning.carried"

_LONGEST = 4096

#: How many texts are remembered: a client sends its own with each request, for as long as it holds.
_KNOWN = 512


def signing_keys() -> tuple[str | bytes, ...]:
    """What signs, and then what did and still counts."""
    return (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)


def sign(pins: Pins, purpose: str) -> str:
    """The pins as text. It is signed with SECRET_KEY, and not encrypted."""
    return Signer(salt=purpose).sign_object(pins.encode(), compress=True)


def unsign(text: object, purpose: str) -> Pins:
    """The pins that were signed here and are not over; none from anything else. Never raises."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return Pins()
    try:
        pins = _unsigned(text, purpose, signing_keys())
    except (BadSignature, ValueError):
        return Pins()
    settings = conf.settings()
    return pins.fresh(time.time(), window=settings.window, max_pin=settings.max_pin)


def unsign_carried(text: object) -> Pins:
    """The pins that ``carried()`` gave, on clusters that are known here. Never raises."""
    known = conf.settings().replicas
    return Pins(pin for pin in unsign(text, CARRIED) if pin.cluster in known)


@functools.lru_cache(_KNOWN)
def _unsigned(text: str, purpose: str, keys: tuple[str | bytes, ...]) -> Pins:
    """What was signed with one of ``keys``, over or not. Raises BadSignature, ValueError."""
    key, *fallbacks = keys
    return Pins.decode(Signer(key=key, fallback_keys=fallbacks, salt=purpose).unsign_object(text))


IDENTITY_SALT = "pinning.identity"


def hashed(kind: str, name: str) -> tuple[str, ...]:
    """A name as stores may have it: nobody can read it from there, or make one up.

    What is a name of one ``kind`` names nobody as one of another. There is one for SECRET_KEY and
    one for each of SECRET_KEY_FALLBACKS, and pins are filed under all: while the key is changed,
    processes find what those with the other key have saved.
    """
    value = f"{kind}:{name}".encode(errors="surrogatepass")
    return tuple(
        salted_hmac(IDENTITY_SALT, value, secret=key, algorithm="sha256").hexdigest()
        for key in signing_keys()
    )
