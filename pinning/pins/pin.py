"""Pins, the records that a client wrote: how they combine, and when a pin is over. No I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

_BIGGEST = 2**63 - 1  # positions travel through 64-bit signed integers

#: The timeline of a pin that no replica reaches: it holds for MAX_PIN.
HELD = "held."

#: How far the clocks of web machines may be apart, in seconds, for a hold not to end too early.
SKEW_SECONDS = 60

#: Stands for the name of a cluster in a pin that is one for each of them.
EVERY_CLUSTER = ""
_MOST_SECONDS = 2**53  # above this, a float cannot hold every whole second
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a server's log is: the place on each timeline, and the server's clock.

    ``places`` is empty if a replica cannot tell, because it was promoted for example. ``clock`` and
    ``since`` are in seconds since 1970. ``since`` is when the replica was first known to be on its
    timeline, if the name of that timeline may have meant another history before; otherwise 0.
    ``server`` names the server and its current recovery: no other server has this name, nor the
    same server when it begins recovery again. It is empty if the name is not certain.
    ``replayed_at`` is when the last transaction that a replica has replayed was committed, by the
    primary's clock; None if that is not known.
    """

    places: Mapping[str, int]
    clock: float
    since: float = 0.0
    server: str = ""
    replayed_at: float | None = None

    def is_behind(self, primary: "Position") -> bool:
        """Whether a replica at this position lacks something that its primary had at ``primary``.

        This measures lag. Only logs that the replica knows count. Timelines do not count: the
        replica may not tell an ordinary role which timeline it is on.
        """
        return self.distance_to(primary) > 0

    def distance_to(self, primary: "Position") -> int:
        """How much a replica at this position lacks of what its primary had, in the log's unit."""
        ours, theirs = _ends(self.places), _ends(primary.places)
        return sum(max(0, place - ours.get(log, place)) for log, place in theirs.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The record that a client wrote to a cluster.

    ``written_at`` is in seconds since 1970. If ``position`` is known, it is the primary's clock,
    read together with the position, so that the clocks of web machines never matter. Otherwise, and
    for a pin that is ``held``, it is the clock of the machine that wrote. What ``timeline`` and
    ``position`` mean only ``pinning.databases`` knows. Within one timeline, a larger position
    includes a smaller one. The part of ``timeline`` before the last dot names the log that the
    timeline is a branch of.
    """

    cluster: str
    written_at: float
    timeline: str = ""
    position: int | None = None

    @property
    def is_by_clock(self) -> bool:
        """Whether the clock of a web machine said when it was written, and ends it."""
        return self.position is None or self.timeline == HELD

    def is_over(self, seen: Position | None, now: float, *, window: float, max_pin: float) -> bool:
        """Whether a replica that was seen at ``seen`` may serve the client that wrote.

        If positions cannot decide, the age of the pin does. If the replica told its clock, that is
        the smaller of the ages by its clock and by this machine's (``now``), so that one clock that
        is wrong cannot end a pin too early.
        """
        if self.position is None or seen is None or self.timeline == HELD:
            seconds = max_pin + SKEW_SECONDS if self.timeline == HELD else window
            return now >= min(self.written_at, now) + seconds
        reached = seen.places.get(self.timeline) if self.written_at >= seen.since else None
        if reached is not None:
            return reached >= self.position
        age = min(seen.clock, now) - self.written_at
        if age >= max_pin:
            return True
        # The replica is on another timeline. A larger place may be in another history; a smaller
        # place is too early in any history. A node that only replays other logs has nothing of this
        # log yet. A node without places replays nothing at all.
        places = [seen.places[name] for name in seen.places if _log(name) == _log(self.timeline)]
        is_behind = bool(seen.places) and min(places, default=-1) < self.position
        return not is_behind and age >= window

    def lasts(self, *, window: float, max_pin: float) -> float:
        """For how many seconds after it was written the pin must be kept."""
        return window if self.position is None else max(window, max_pin)

    def is_fresh(self, now: float, *, window: float, max_pin: float) -> bool:
        """Whether it may still hold, if ``now`` is told by the kind of clock that dated it."""
        skew = SKEW_SECONDS if self.timeline == HELD else 0
        return now < self.written_at + self.lasts(window=window, max_pin=max_pin) + skew


def held(cluster: str, written_at: float) -> Pin:
    """A pin that keeps its client on the primary for MAX_PIN: its position is not known.

    Stores keep it for so long. Whoever still has it then is believed for SKEW_SECONDS more, since
    this machine's clock may be ahead of the one that dated it.
    """
    return Pin(cluster=cluster, written_at=written_at, timeline=HELD, position=_BIGGEST)


class Pins:
    """An immutable set of pins, at most one for each cluster and timeline."""

    __slots__ = ("_pins",)

    def __init__(self, pins: Iterable[Pin] = ()) -> None:
        """Combine ``pins``: two on one cluster and timeline become one, with the later values."""
        self._pins: dict[tuple[str, str], Pin] = {}
        for pin in pins:
            key = (pin.cluster, pin.timeline)
            self._pins[key] = _later(self._pins[key], pin) if key in self._pins else pin

    def __iter__(self) -> Iterator[Pin]:
        return iter(self._pins.values())

    def __len__(self) -> int:
        return len(self._pins)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pins) and self._pins == other._pins

    def __hash__(self) -> int:
        return hash(frozenset(self._pins.values()))

    def __repr__(self) -> str:
        return f"Pins({list(self)!r})"

    def of(self, cluster: str) -> tuple[Pin, ...]:
        """The pins on ``cluster``."""
        return tuple(pin for pin in self if pin.cluster == cluster)

    def merge(self, other: "Pins") -> "Pins":
        """Both together. Order and grouping do not matter, and no value gets earlier."""
        if not other:
            return self
        return Pins([*self, *other]) if self else other

    def spread(self, clusters: Iterable[str]) -> "Pins":
        """With a pin for each of ``clusters`` in the place of one for every cluster."""
        every = self.of(EVERY_CLUSTER)
        if not every:
            return self
        more = [replace(pin, cluster=name) for pin in every for name in clusters]
        return Pins([*(pin for pin in self if pin.cluster != EVERY_CLUSTER), *more])

    def fresh(self, now: float, *, window: float, max_pin: float) -> "Pins":
        """The pins without those that are certainly over.

        A pin with a position is compared with the newest such pin of its cluster, because both have
        the time of the primary's clock. The others, and those that are ``held``, have that of a web
        machine, and are compared with ``now``.
        """
        newest: dict[str, float] = {}
        for pin in self:
            if not pin.is_by_clock:
                newest[pin.cluster] = max(newest.get(pin.cluster, 0.0), pin.written_at)
        return Pins(
            pin
            for pin in self
            if pin.is_fresh(
                now if pin.is_by_clock else newest[pin.cluster], window=window, max_pin=max_pin
            )
        )

    def lasts(self, *, window: float, max_pin: float) -> float:
        """For how many seconds a store must keep the pins."""
        return max((pin.lasts(window=window, max_pin=max_pin) for pin in self), default=0.0)

    def encode(self) -> list[list[Any]]:
        """The pins as plain lists that JSON can carry."""
        return [[pin.cluster, pin.written_at, pin.timeline, pin.position] for pin in self]

    @classmethod
    def decode(cls, raw: object) -> "Pins":
        """The pins that ``encode`` wrote. Never raises: entries that are no pins are left out."""
        if not isinstance(raw, list):
            return cls()
        return cls(pin for entry in raw if (pin := _decode_pin(entry)) is not None)


def _ends(places: Mapping[str, int]) -> dict[str, int]:
    """The largest place in each log, on any timeline."""
    ends: dict[str, int] = {}
    for timeline, place in places.items():
        ends[_log(timeline)] = max(place, ends.get(_log(timeline), place))
    return ends


def _log(timeline: str) -> str:
    return timeline.rpartition(".")[0]


def _later(one: Pin, other: Pin) -> Pin:
    positions = [pin.position for pin in (one, other) if pin.position is not None]
    return replace(
        one,
        written_at=max(one.written_at, other.written_at),
        position=max(positions, default=None),
    )


def _decode_pin(entry: object) -> Pin | None:
    match entry:
        case [str(cluster), float() | int() as written_at, str(timeline), int() | None as position]:
            pass
        case _:
            return None
    if isinstance(written_at, bool) or isinstance(position, bool):
        return None
    if max(len(cluster), len(timeline)) > _LONGEST_NAME or (position is None) != (timeline == ""):
        return None
    if not 0 <= written_at < _MOST_SECONDS or not 0 <= (position or 0) <= _BIGGEST:
        return None
    return Pin(cluster=cluster, written_at=float(written_at), timeline=timeline, position=position)
