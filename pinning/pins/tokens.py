"""Tokens: the pins that a client holds, each with the time when it was first given out. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from pinning.pins.pin import EVERY_CLUSTER, SKEW_SECONDS, Pin, Pins, held

#: How old a pin that a position ends may be, and how far in the future any pin: only a web machine
#: whose clock is wrong makes such a pin, and it was made here. The bound is for clients that keep
#: what they were given.
DAY_SECONDS = 86_400


class Given(NamedTuple):
    """A pin, and when it was first given to the client, in whole seconds since 1970.

    That time is of a web machine's clock. It stays when the pin is given again in a newer token, so
    that no pin is kept alive by the writes that come after it.
    """

    pin: Pin
    since: int

    def is_alive(self, now: float, *, window: float, max_pin: float) -> bool:
        """Whether it is young enough to count. Without this, an old token would pin for ever."""
        age, more = now - self.since, SKEW_SECONDS if self.pin.is_by_clock else DAY_SECONDS
        return -DAY_SECONDS <= age <= self.pin.lasts(window=window, max_pin=max_pin) + more

    def covers(self, other: "Given") -> bool:
        """Whether nothing is lost without ``other``: this is as far, and was not given earlier."""
        ours, theirs = self.pin, other.pin
        return (
            (ours.cluster, ours.timeline) == (theirs.cluster, theirs.timeline)
            and self.since >= other.since
            and ours.written_at >= theirs.written_at
            and (ours.position or 0) >= (theirs.position or 0)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a client holds as one text. ``issued_at`` is in whole seconds since 1970.

    ``marks`` has a bit for each mark that the token accounts for (see ``stores.cookie``).
    """

    issued_at: int
    given: tuple[Given, ...]
    marks: int = 0

    def alive(self, now: float, *, window: float, max_pin: float) -> list[Given]:
        """Its pins that are young enough to count."""
        return [one for one in self.given if one.is_alive(now, window=window, max_pin=max_pin)]

    def with_given(self, given: Iterable[Given]) -> "Token":
        """The token with other pins."""
        return replace(self, given=tuple(given))


def combined(given: Iterable[Given]) -> tuple[Given, ...]:
    """What is left without those that others cover. Order does not matter."""
    kept: list[Given] = []
    for one in sorted(given, key=_rank, reverse=True):  # who covers another does not stand behind
        if not any(other.covers(one) for other in kept):
            kept.append(one)
    return tuple(kept)


def _rank(one: Given) -> tuple[int, float, int]:
    return one.since, one.pin.written_at, one.pin.position or 0


def pins_of(given: Iterable[Given]) -> Pins:
    """The pins alone, merged."""
    return Pins(one.pin for one in given)


def hold(since: int) -> Given:
    """A pin that holds its client on every cluster's primary until MAX_PIN after ``since``."""
    return Given(held(EVERY_CLUSTER, since), since)


def without_hold(given: Iterable[Given]) -> list[Given]:
    """``given`` without what ``hold`` made."""
    return [one for one in given if one.pin.cluster != EVERY_CLUSTER]
