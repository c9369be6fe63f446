"""What lies under one key: a value, and the barrier that a deletion has left there. No I/O.

A key is in one of these states. Each step below is one atomic change of the key.

- *Empty*: nothing is there, and nothing was deleted for as long as replicas may lag.
- *Plain*: a value, as any cache keeps it.
- *Filled*: a value that was read from the database after a miss. ``seen`` has the pins that its
  source was known to have. Who holds other pins does not get it.
- *Barred*: a barrier, and perhaps a value that has passed it. Whoever wrote to the database and
  then deleted the key, or set it, has left the barrier with the pins of the writes.
- *Open*: a barrier of a transaction that is not committed. Its value is shown to nobody else.

| from | what happens | to |
| --- | --- | --- |
| any | it is deleted, or set by work that wrote | barred, with the pins of all barriers before |
| any | the same inside a transaction that has written | open |
| open | the transaction commits | barred, with its pins; others are still open, or it is closed |
| open | the transaction is rolled back | barred, with the pins from before and without its value |
| empty | a value is stored | plain or filled |
| barred | a value is stored by work that read what the pins record | barred, with the value |
| barred, open | a value is stored by other work | it stays; the value is dropped |
| barred | replicas cannot lag so much any more | plain, filled or empty |

A barrier outlasts the value that passed it. When it is not known whether work read late enough,
nothing is stored: a miss is never stale.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pinning.pins import Pins

#: Stands for no value. ``None`` is one.
MISSING = object()

_NO_PINS = Pins()

#: What is no plain value begins with it.
_MARK = "pinning:true-cache"
_LENGTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """What a deletion leaves. ``until`` is in seconds since 1970, as are the times in ``open``.

    ``token`` is another one for each barrier. ``open`` has the tokens of transactions that are not
    committed as far as is known, and for how long that is believed.
    """

    token: str
    pins: Pins
    until: float
    open: tuple[tuple[str, float], ...] = ()

    def opened(self, token: str, until: float) -> "Barrier":
        """The same, with a transaction that is open."""
        left = [each for each in self.open if each[0] != token]
        return Barrier(
            token=self.token,
            pins=self.pins,
            until=max(self.until, until),
            open=(*left, (token, until)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What lies under one key. ``expires_at`` is when its value ends, in seconds since 1970.

    ``owner`` is the token of the open transaction whose value it is; "" is a value for everybody.
    """

    value: Any = MISSING
    is_filled: bool = False
    seen: Pins = _NO_PINS
    expires_at: float | None = None
    barrier: Barrier | None = None
    owner: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it is kept as any cache would keep it."""
        return self.barrier is None and not self.is_filled

    def seconds(self, now: float) -> float | None:
        """For how long the cache has to keep it; None is for ever."""
        until = 0.0 if self.barrier is None else self.barrier.until
        if self.value is not MISSING:
            if self.expires_at is None:
                return None
            until = max(until, self.expires_at)
        return round(until - now, 3)

    def packed(self) -> Any:
        """As plain lists, which every serializer takes; a plain value is itself.

        One that looks like such a list is none: a site may cache what its clients send.
        """
        if self.is_plain and not _is_packed(self.value):
            return self.value
        barrier = self.barrier or Barrier(token="", pins=Pins(), until=0.0)
        has_value = self.value is not MISSING
        return [
            _MARK,
            [self.value] if has_value else [],
            self.is_filled,
            self.seen.encode(),
            self.expires_at,
            self.owner,
            barrier.token,
            barrier.pins.encode(),
            barrier.until,
            [list(each) for each in barrier.open],
        ]


def unpacked(raw: Any, now: float) -> Cell:
    """The cell that ``packed`` gave, as it is ``now``. Anything else is a plain value."""
    if not _is_packed(raw):
        return Cell(value=raw)
    _, value, is_filled, seen, expires_at, owner, token, pins, until, open_ = raw
    has_value = bool(value) and (expires_at is None or now < expires_at)
    barrier = None
    if now < until:
        left = tuple((name, end) for name, end in open_ if now < end)
        barrier = Barrier(token=token, pins=_pins(pins), until=until, open=left)
    return Cell(
        value=value[0] if has_value else MISSING,
        is_filled=is_filled,
        seen=_pins(seen),
        expires_at=expires_at,
        barrier=barrier,
        owner=owner,
    )


def _is_packed(raw: Any) -> bool:
    is_as_long = isinstance(raw, list | tuple) and len(raw) == _LENGTH
    return is_as_long and isinstance(raw[0], str) and raw[0] == _MARK


def new_token() -> str:
    """A token that no other barrier has."""
    return uuid.uuid4().hex


def merged(pins: Iterable[Pins]) -> Pins:
    """All of them together."""
    return Pins(pin for each in pins for pin in each)


def has_all(seen: Pins, pins: Pins) -> bool:
    """Whether what was read with ``seen`` shows all writes behind ``pins``."""
    return seen.merge(pins) == seen


def _pins(raw: Any) -> Pins:
    return Pins.decode([list(entry) for entry in raw])
