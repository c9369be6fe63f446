"""A race for the pins of a few names: what hands do in it, and what each must then be told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

from django_redis import get_redis_connection

from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from pinning.pins.stores import Store

WINDOW, MAX_PIN = 5.0, 60.0  # of the settings: for how long pins are kept

#: Lets time pass on the server: every key is over so many milliseconds earlier.
PASS_TIME = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
"""

#: Real seconds that a race may take, by which pins may be over before the time it has counted.
SLACK = 2.0


@dataclass(frozen=True)
class Kept:
    """Pins that whoever has one of the names, or all of them, must be told until they are over."""

    names: frozenset[str]
    pins: Pins
    until: float


@dataclass
class Race:
    """Keeps account of what was acknowledged to whom, and notes what is lost.

    ``reached`` is how far the replicas are: pins up to there may go.
    """

    store: Store
    reached: int = 0
    losses: list[str] = field(default_factory=list)
    _now: float = 0.0
    _begun: list[Kept] = field(default_factory=list)
    _saved: list[Kept] = field(default_factory=list)
    _told: list[Kept] = field(default_factory=list)
    _lost: list[Kept] = field(default_factory=list)  # by the server, or perhaps
    _times_forgotten: int = 0

    def save(self, names: Iterable[str], pins: Iterable[Pin]) -> None:
        """Save them, as a request that has written does for somebody with those names."""
        pins = Pins(pins)
        until = self._now + pins.lasts(window=WINDOW, max_pin=MAX_PIN) - SLACK
        saved, memory = Kept(frozenset(names), pins, until), self._times_forgotten
        self._begun.append(saved)
        self.store.save(Visitor(cookies={}, identities=tuple(names)), pins, None)
        self._saved.append(saved)
        if memory != self._times_forgotten:
            self._lost.append(saved)

    def load(self, names: Iterable[str]) -> None:
        """Load, and compare: all that was saved before, and nothing that nobody wrote."""
        mine, began, memory = frozenset(names), self._now, self._times_forgotten
        owed = [kept for kept in self._saved if kept.names & mine]
        owed += [kept for kept in self._told if kept.names <= mine]
        answer = self.store.load(Visitor(cookies={}, identities=tuple(names)))
        loaded, has_lost = answer.pins, memory != self._times_forgotten
        if not answer.is_complete:
            if not self._times_forgotten:
                self.losses.append(f"{names} heard of a young memory, which it is not")
            owed = [] if has_lost else [kept for kept in owed if not self._is_lost(kept)]
        begun = [kept for kept in self._begun if kept.names & mine]
        if lost := missing(self._live(owed), loaded):
            self.losses.append(f"{names} lost {lost}, and heard of {loaded}")
        if invented := missing(loaded, all_of(begun)):
            self.losses.append(f"{names} heard of {invented}, which nobody wrote")
        until = min((kept.until for kept in begun if kept.until > began), default=0.0)
        self._told.append(Kept(mine, loaded, until))
        if has_lost:
            self._lost.append(self._told[-1])

    def forget(self) -> None:
        """Have the server lose its memory. What it is told from then on, it must tell again."""
        get_redis_connection("default").flushdb()
        self._times_forgotten += 1
        self._lost = [*self._saved, *self._told]

    def pass_time(self, seconds: float) -> None:
        """Let time pass on the server."""
        get_redis_connection("default").eval(PASS_TIME, 0, round(seconds * 1000))
        self._now += seconds

    def _is_lost(self, kept: Kept) -> bool:
        return any(each is kept for each in self._lost)

    def _live(self, owed: Iterable[Kept]) -> Pins:
        pins = all_of(kept for kept in owed if kept.until > self._now)
        return Pins(pin for pin in pins if pin.position is None or pin.position > self.reached)


def all_of(kept: Iterable[Kept]) -> Pins:
    return reduce(Pins.merge, (each.pins for each in kept), Pins())


def missing(owed: Pins, told: Pins) -> list[Pin]:
    """The pins of ``owed`` that ``told`` lacks, or has lower."""
    return [pin for pin in owed if told.merge(Pins([pin])) != told]
