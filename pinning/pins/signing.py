"""Signing: pins as text that clients cannot forge, and names hashed for use in stores."""

import functools
import time

from django.conf import settings as django_settings
from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

from pinning import conf
from pinning.pins.pin import Pins

#: The purposes for which a text is signed. A text that was signed for another one is not accepted.
COOKIE = "pinning.pins"
CARRIED = "pinning.carried"

_LONGEST = 4096

#: How many texts are cached with their pins: a client sends the same text with each request.
_KNOWN = 512


def signing_keys() -> tuple[str | bytes, ...]:
    """The key that signs, and then the older keys whose signatures still count."""
    return (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)


def sign(pins: Pins, purpose: str) -> str:
    """The pins as text, which is signed with SECRET_KEY and not encrypted."""
    return Signer(salt=purpose).sign_object(pins.encode(), compress=True)


def unsign(text: object, purpose: str) -> Pins:
    """The pins in ``text`` that are not over; no pins if it was not signed here. Never raises."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return Pins()
    try:
        pins = _unsigned(text, purpose, signing_keys())
    except (BadSignature, ValueError):
        return Pins()
    settings = conf.settings()
    return pins.fresh(time.time(), window=settings.window, max_pin=settings.max_pin)


def unsign_carried(text: object) -> Pins:
    """The pins in a text of ``carried()``, on clusters that are known here. Never raises."""
    known = conf.settings().replicas
    return Pins(pin for pin in unsign(text, CARRIED) if pin.cluster in known)


@functools.lru_cache(_KNOWN)
def _unsigned(text: str, purpose: str, keys: tuple[str | bytes, ...]) -> Pins:
    """The pins signed with one of ``keys``, over or not. Raises BadSignature or ValueError."""
    key, *fallbacks = keys
    return Pins.decode(Signer(key=key, fallback_keys=fallbacks, salt=purpose).unsign_object(text))


IDENTITY_SALT = "pinning.identity"


def hashed(kind: str, name: str) -> tuple[str, ...]:
    """The hashes of a name for use in a store: they do not show the name and cannot be made up.

    The same name has other hashes for another ``kind``. There is one hash for SECRET_KEY and one
    for each of SECRET_KEY_FALLBACKS, and pins are kept under all of them: while the key is changed,
    processes find what processes with the other key have saved.
    """
    value = f"{kind}:{name}".encode(errors="surrogatepass")
    return tuple(
        salted_hmac(IDENTITY_SALT, value, secret=key, algorithm="sha256").hexdigest()
        for key in signing_keys()
    )
