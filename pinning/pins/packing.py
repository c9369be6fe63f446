"""Packing: tokens in few bytes, whose number tells nothing. ``signing`` encrypts them."""

import functools
import hashlib
import io
import math
import re
import secrets
import uuid

from pinning.pins.pin import EVERY_CLUSTER, HELD, Pin, Pins, held
from pinning.pins.tokens import Given, Token, hold

#: Names of the clusters that are known here.
Clusters = tuple[str, ...]

#: A packed token has 32 bytes, or 24 more, or 48 more, and so on.
_SMALLEST, _STEP = 32, 24
_MOST_PINS = 255

#: A time of writing is kept in parts of a second, this many.
_TICKS = 256

#: How the timeline and the position of a pin are written.
_CLOCK, _HELD, _NUMBERS, _UUID, _TEXT = 0, 1, 2, 3, 4
_IS_NAMED = 8  # added where the cluster is written by its name, because it is not known here

#: A cluster's code has 12 bits, beside 4 bits for the above.
_EVERY_CODE, _CODES = 0, 2**12
_UNKNOWN = re.compile(r"\?([0-9a-f]{3})")
_NUMBER = "(0|[1-9][0-9]{0,19})"
_TWO_NUMBERS = re.compile(rf"{_NUMBER}\.{_NUMBER}")
_ONE_UUID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.")


def pack(token: Token, clusters: Clusters, room: int) -> bytes:
    """The token in at most ``room`` bytes. If its pins take more, every cluster is held instead."""
    packed = _packed(token, clusters)
    if _filled_up(packed) > room or len(token.given) > _MOST_PINS:
        packed = _packed(token.with_given([hold(token.issued_at)]), clusters)
    return packed + secrets.token_bytes(_filled_up(packed) - len(packed))


def unpack(packed: bytes, clusters: Clusters) -> Token | None:
    """The token that ``pack`` packed. None for anything else; never raises."""
    reader = _Reader(packed)
    try:
        issued_at, marks = reader.whole(4), reader.whole(5)
        given = [_read(reader, issued_at, clusters) for _ in range(reader.whole(1))]
    except (ValueError, OverflowError):
        return None
    return Token(issued_at=issued_at, marks=marks, given=tuple(filter(None, given)))


def _filled_up(packed: bytes) -> int:
    """The length with what is added so that it tells nothing."""
    return max(_SMALLEST, len(packed) + (_SMALLEST - len(packed)) % _STEP)


def _packed(token: Token, clusters: Clusters) -> bytes:
    entries = [_written(one, token.issued_at, clusters) for one in token.given]
    head = token.issued_at.to_bytes(4) + token.marks.to_bytes(5)
    return b"".join([head, bytes([len(entries) % 256]), *entries])


def _written(one: Given, issued_at: int, clusters: Clusters) -> bytes:
    """A pin: its kind, cluster, age as a part of tokens, time of writing, timeline and position."""
    kind, place = _place(one.pin)
    code = _code(one.pin.cluster, clusters)
    head = kind | _IS_NAMED if code is None else kind | code << 4
    name = _text(one.pin.cluster) if code is None else b""
    # Up where the time alone counts, and down where it must not seem to be after another.
    whole = math.ceil if kind == _CLOCK else math.floor
    written = whole(one.pin.written_at * _TICKS) - issued_at * _TICKS
    times = _varint(max(0, issued_at - one.since)) + _varint(_zigzag(written))
    return head.to_bytes(2) + name + times + place


def _read(reader: "_Reader", issued_at: int, clusters: Clusters) -> Given | None:
    """The pin that ``_written`` wrote; None if it cannot be one."""
    head = reader.whole(2)
    cluster = reader.text() if head & _IS_NAMED else _named(head >> 4, clusters)
    since = issued_at - reader.varint()
    written_at = issued_at + _zagzig(reader.varint()) / _TICKS
    timeline, position = _read_place(head & 7, reader)
    pin = next(iter(Pins.decode([[cluster, written_at, timeline, position]])), None)
    return None if pin is None else Given(pin, since)


# Timelines and positions


def _place(pin: Pin) -> tuple[int, bytes]:
    """How a pin's timeline and position are written, and these."""
    if pin.position is None:
        return _CLOCK, b""
    if pin.timeline == HELD:
        return _HELD, b""
    position = _varint(pin.position)
    if numbers := _TWO_NUMBERS.fullmatch(pin.timeline):
        return _NUMBERS, _varint(int(numbers[1])) + _varint(int(numbers[2])) + position
    if source := _ONE_UUID.fullmatch(pin.timeline):
        return _UUID, uuid.UUID(source[1]).bytes + position
    return _TEXT, _text(pin.timeline) + position


def _read_place(kind: int, reader: "_Reader") -> tuple[str, int | None]:
    if kind == _CLOCK:
        return "", None
    if kind == _HELD:
        return HELD, held(EVERY_CLUSTER, 0).position
    if kind == _NUMBERS:
        return f"{reader.varint()}.{reader.varint()}", reader.varint()
    if kind == _UUID:
        return f"{uuid.UUID(bytes=reader.take(16))}.", reader.varint()
    if kind == _TEXT:
        return reader.text(), reader.varint()
    raise ValueError(kind)


# Clusters


@functools.lru_cache(8)
def _codes(clusters: Clusters) -> dict[str, int]:
    """A code for each cluster. One that two clusters have, or that means all, is left out.

    They do not follow from the order of the clusters, which the next deployment may change.
    """
    hashes = {name: hashlib.blake2b(name.encode(), digest_size=2).digest() for name in clusters}
    codes = {name: int.from_bytes(digest) % _CODES for name, digest in hashes.items()}
    taken = [_EVERY_CODE, *codes.values()]
    return {name: code for name, code in codes.items() if taken.count(code) == 1}


def _code(cluster: str, clusters: Clusters) -> int | None:
    if cluster == EVERY_CLUSTER:
        return _EVERY_CODE
    if unknown := _UNKNOWN.fullmatch(cluster):
        return int(unknown[1], 16)
    return _codes(clusters).get(cluster)


def _named(code: int, clusters: Clusters) -> str:
    """The cluster of a code. One that only other processes know yet keeps its code as a name."""
    if code == _EVERY_CODE:
        return EVERY_CLUSTER
    known = (name for name, own in _codes(clusters).items() if own == code)
    return next(known, f"?{code:03x}")


# Numbers and texts


class _Reader(io.BytesIO):
    """Reads what is written here. Each method raises ValueError at the end of the bytes."""

    def take(self, count: int) -> bytes:
        taken = self.read(count)
        if len(taken) < count:
            raise ValueError
        return taken

    def whole(self, count: int) -> int:
        return int.from_bytes(self.take(count))

    def varint(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            byte = self.whole(1)
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
        raise ValueError

    def text(self) -> str:
        return self.take(self.varint()).decode(errors="surrogatepass")


def _varint(number: int) -> bytes:
    """A whole number from 0 to 2**70 - 1, seven bits in each byte, the smallest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _zigzag(number: int) -> int:
    """A number with a sign as one without: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4."""
    return 2 * number if number >= 0 else -2 * number - 1


def _zagzig(number: int) -> int:
    return -(number + 1) // 2 if number % 2 else number // 2


def _text(text: str) -> bytes:
    raw = text.encode(errors="surrogatepass")
    return _varint(len(raw)) + raw
