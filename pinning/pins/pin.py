"""Pins: who wrote what is remembered as, how memories combine, and when one is over. No I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

_BIGGEST = 2**63 - 1  # positions travel through 64-bit signed integers
_MOST_SECONDS = 2**53  # beyond, a float is no exact number of seconds
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a server's log is: per timeline, with the server's own clock in seconds since 1970.

    A replica that cannot say (because it was promoted, say) has no ``places``. ``since`` is when it
    was first known to be on the timeline that it names, where that name may have meant another
    history before; 0 where it cannot have. ``server`` is a name that no other server has, nor the
    same one once it has begun its recovery anew; empty where it is not known for sure.
    """

    places: Mapping[str, int]
    clock: float
    since: float = 0.0
    server: str = ""

    def is_behind(self, primary: "Position") -> bool:
        """Whether a replica here lacks something that its primary had at ``primary``. For lag.

        Only logs that the replica knows count. The timeline does not: an ordinary role may not be
        told which one it is.
        """
        ours, theirs = _ends(self.places), _ends(primary.places)
        return any(ours.get(log, place) < place for log, place in theirs.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The record that somebody wrote to a cluster.

    ``written_at`` is in seconds since 1970. Where ``position`` is known it was read off the
    primary's clock together with it, so that clocks of web machines never matter; else it is the
    clock of the machine that wrote. ``timeline`` and ``position`` are opaque to all but
    ``pinning.positions``: within one timeline, a larger position includes a smaller one. What
    stands before the last dot names the log that the timeline is a branch of.
    """

    cluster: str
    written_at: float
    timeline: str = ""
    position: int | None = None

    def is_over(self, seen: Position | None, now: float, *, window: float, max_pin: float) -> bool:
        """Whether a replica that was seen at ``seen`` may serve the one who wrote.

        Where no position can tell, time does: as little of it as this machine's clock (``now``)
        and the replica's agree on, so that no single clock that is wrong ends a pin too early.
        """
        if self.position is None or seen is None:
            return now >= min(self.written_at, now) + window
        reached = seen.places.get(self.timeline) if self.written_at >= seen.since else None
        if reached is not None:
            return reached >= self.position
        age = min(seen.clock, now) - self.written_at
        if age >= max_pin:
            return True
        # On another timeline a larger place may be another history, and a smaller one is too early
        # in either. A node that replays other logs alone has nothing of this one yet; without any
        # place, it is none that replays.
        places = [seen.places[name] for name in seen.places if _log(name) == _log(self.timeline)]
        is_behind = bool(seen.places) and min(places, default=-1) < self.position
        return not is_behind and age >= window

    def lasts(self, *, window: float, max_pin: float) -> float:
        """For how many seconds from its writing the pin is worth keeping."""
        return window if self.position is None else max(window, max_pin)


class Pins:
    """An immutable set of pins, at most one for each cluster and timeline."""

    __slots__ = ("_pins",)

    def __init__(self, pins: Iterable[Pin] = ()) -> None:
        """Combine ``pins``; of two for one cluster and timeline the later of each part stays."""
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
        """Both together: the same in any order and grouping, never earlier than either."""
        if not other:
            return self
        return Pins([*self, *other]) if self else other

    def fresh(self, now: float, *, window: float, max_pin: float) -> "Pins":
        """Without those that are surely over.

        A pin with a position is compared with the newest of its cluster alone, which carries the
        same primary's clock; pins without one are compared with ``now``.
        """
        newest: dict[str, float] = {}
        for pin in self:
            if pin.position is not None:
                newest[pin.cluster] = max(newest.get(pin.cluster, 0.0), pin.written_at)
        return Pins(
            pin
            for pin in self
            if (now if pin.position is None else newest[pin.cluster])
            < pin.written_at + pin.lasts(window=window, max_pin=max_pin)
        )

    def lasts(self, *, window: float, max_pin: float) -> float:
        """For how many seconds a store must keep them."""
        return max((pin.lasts(window=window, max_pin=max_pin) for pin in self), default=0.0)

    def encode(self) -> list[list[Any]]:
        """As plain lists that JSON can carry."""
        return [[pin.cluster, pin.written_at, pin.timeline, pin.position] for pin in self]

    @classmethod
    def decode(cls, raw: object) -> "Pins":
        """What ``encode`` made. Never raises: entries that are not pins are left out."""
        if not isinstance(raw, list):
            return cls()
        return cls(pin for entry in raw if (pin := _decode_pin(entry)) is not None)


def _ends(places: Mapping[str, int]) -> dict[str, int]:
    """How far each log is, on whichever timeline."""
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
