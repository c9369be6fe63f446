"""Signing: pins as encrypted text that clients cannot make or read, and names hashed for stores."""

import base64
import functools
import time

from cryptography.exceptions import InternalError, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes

from pinning import conf
from pinning.pins.packing import Clusters, pack, unpack
from pinning.pins.pin import Pins
from pinning.pins.tokens import Given, Token, combined, pins_of

#: The purposes of a text. One that was made for another purpose is not accepted.
COOKIE = "pinning.pins"
CARRIED = "pinning.carried"

#: The format of tokens. A text in another one is not accepted.
_VERSION = b"1"

#: The longest text, in characters.
_LONGEST = 4096

#: What encryption adds, in bytes.
_TAG = 16

#: How many texts are cached with their tokens: a client sends the same text with each request.
_KNOWN = 512

Key = str | bytes


def signing_keys() -> tuple[Key, ...]:
    """The key that signs, and then the older keys whose signatures still count."""
    return (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)


def require_cipher() -> None:
    """Raise ImproperlyConfigured if nothing can be encrypted here: nobody could be pinned.

    Some builds of OpenSSL lack AES-SIV, and so does every one in FIPS mode.
    """
    try:
        _cipher(signing_keys()[0], COOKIE).encrypt(b"pins", [_VERSION])
    except (UnsupportedAlgorithm, InternalError) as error:
        raise ImproperlyConfigured(
            f"The OpenSSL of cryptography has no AES-SIV, which encrypts pins: {error} "
            "(pinning.E038)."
        ) from error


def write(token: Token, purpose: str, longest: int = _LONGEST) -> str:
    """The token as text of at most ``longest`` characters, encrypted with SECRET_KEY."""
    room = longest * 3 // 4 - _TAG
    packed = pack(token, _clusters(), room)
    sealed = _cipher(signing_keys()[0], purpose).encrypt(packed, [_VERSION])
    return base64.urlsafe_b64encode(sealed).decode()


def read(text: object, purpose: str) -> Token | None:
    """The token in ``text``, whatever its age; None if it was not written here. Never raises."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    return _read(text, purpose, signing_keys(), _clusters())


def sign(pins: Pins, purpose: str) -> str:
    """The pins as text, given out now."""
    now = int(time.time())
    token = Token(issued_at=now, given=combined(Given(pin, now) for pin in pins))
    return write(token, purpose)


def unsign(text: object, purpose: str) -> Pins:
    """The pins in ``text`` that are not over; no pins if it was not signed here. Never raises."""
    token = read(text, purpose)
    if token is None:
        return Pins()
    settings, now = conf.settings(), time.time()
    limits = {"window": settings.window, "max_pin": settings.max_pin}
    return pins_of(token.alive(now, **limits)).spread(settings.replicas).fresh(now, **limits)


def unsign_carried(text: object) -> Pins:
    """The pins in a text of ``carried()``, on clusters that are known here. Never raises."""
    known = conf.settings().replicas
    return Pins(pin for pin in unsign(text, CARRIED) if pin.cluster in known)


def _clusters() -> Clusters:
    return tuple(conf.settings().replicas)


@functools.lru_cache(_KNOWN)
def _read(text: str, purpose: str, keys: tuple[Key, ...], clusters: Clusters) -> Token | None:
    try:
        sealed = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
    for key in keys:
        try:
            packed = _cipher(key, purpose).decrypt(sealed, [_VERSION])
        except (InvalidTag, ValueError):
            continue
        return unpack(packed, clusters)
    return None


@functools.lru_cache(16)
def _cipher(key: Key, purpose: str) -> AESSIV:
    """What encrypts with ``key`` for ``purpose``.

    AES-SIV (RFC 5297) needs no nonce: the same text encrypted twice shows that it is the same, and
    nothing else. What is packed ends in random bytes.
    """
    derived = HKDF(algorithm=SHA256(), length=64, salt=None, info=purpose.encode())
    return AESSIV(derived.derive(force_bytes(key)))


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
