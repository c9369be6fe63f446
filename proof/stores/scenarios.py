"""What several hands do at once in races for pins: written out, and made up by chance."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random

from django.core.cache import cache
from django_redis import get_redis_connection

from pinning.pins.pin import Pin
from pinning.pins.stores import Store
from pinning.testing.redis import MARK_AS_OLD
from proof.stores.interleaving import Choose, every_order, interleave
from proof.stores.races import Race

_NAMES = ("alice", "laptop", "phone")
_MARK = "pinning:{memory}:lasting"
_MARK_OF_CACHE = "pinning:memory:lasting"


@dataclass(frozen=True)
class Saves:
    """A request that has written ends."""

    names: tuple[str, ...]
    pins: tuple[Pin, ...]

    def __call__(self, race: Race) -> None:
        race.save(self.names, self.pins)


@dataclass(frozen=True)
class Loads:
    """A request begins to read."""

    names: tuple[str, ...]

    def __call__(self, race: Race) -> None:
        race.load(self.names)


@dataclass(frozen=True)
class Forgets:
    """Redis loses its memory."""

    def __call__(self, race: Race) -> None:
        race.forget()


@dataclass(frozen=True)
class Waits:
    """Time passes on the server."""

    seconds: float

    def __call__(self, race: Race) -> None:
        race.pass_time(self.seconds)


#: One hand: what it does, one after the other.
Part = tuple[Callable[[Race], None], ...]


@dataclass(frozen=True)
class Outcome:
    """One interleaving: which hand ran each command, and what went wrong."""

    scenario: str
    order: tuple[int, ...]
    losses: tuple[str, ...]


def _placed(position: int, cluster: str = "default", timeline: str = "7.1") -> Pin:
    """The later the farther."""
    written_at = 1000.0 + min(position, 50)
    return Pin(cluster=cluster, written_at=written_at, timeline=timeline, position=position)


def _by_clock(cluster: str = "default") -> Pin:
    return Pin(cluster=cluster, written_at=2000.0)


def _saves(*names: str, at: tuple[Pin, ...]) -> Saves:
    return Saves(names, at)


def _loads(*names: str) -> Loads:
    return Loads(names)


#: Smallest first. The last alone has 72,072 orders.
SCENARIOS: dict[str, tuple[Part, ...]] = {
    "a short pin comes beside a long one": (
        (_saves("alice", at=(_placed(5),)),),
        (_saves("alice", at=(_by_clock(),)),),
        (Waits(10), _loads("alice")),
    ),
    "a failover comes between two writes": (
        (_saves("alice", at=(_placed(90),)),),
        (_saves("alice", at=(_placed(10, timeline="7.2"),)),),
        (_loads("alice"), _loads("alice")),
    ),
    "two clusters are written at once": (
        (_saves("alice", at=(_placed(9), _placed(5, "orders"))),),
        (_saves("alice", at=(_placed(7), _placed(6, "orders"))),),
        (_loads("alice"), _loads("alice")),
    ),
    "the login of one tab crosses a write of another": (
        (_saves("laptop", "phone", "alice", at=(_placed(9),)),),
        (_saves("laptop", "alice", at=(_placed(5),)),),
        (_loads("phone", "alice"),),
    ),
    "two tabs write while another device reads": (
        (_saves("alice", "laptop", at=(_placed(5),)),),
        (_saves("alice", "phone", at=(_placed(9),)),),
        (_loads("alice"), _loads("alice", "phone")),
    ),
    "the server loses its memory": (
        (_saves("alice", at=(_placed(5),)), _loads("alice")),
        (Forgets(),),
        (_loads("alice"), _saves("alice", at=(_placed(9),)), _loads("alice")),
    ),
    "two requests read and write while a third reads": (
        (_loads("alice", "laptop"), _saves("alice", "laptop", at=(_placed(5),))),
        (_loads("alice", "phone"), _saves("alice", "phone", at=(_placed(9),))),
        (_loads("alice", "phone"),),
    ),
}


def made_up(chance: Random) -> tuple[Part, ...]:
    """Two to four hands that do one to three things each."""
    return tuple(
        tuple(_made_up_act(chance) for _ in range(chance.randint(1, 3)))
        for _ in range(chance.randint(2, 4))
    )


def _made_up_act(chance: Random) -> Callable[[Race], None]:
    names = tuple(chance.sample(_NAMES, chance.randint(1, 2)))
    kind = chance.random()
    if kind < 0.5:
        return Saves(names, tuple(_made_up_pin(chance) for _ in range(chance.randint(1, 2))))
    if kind < 0.9:
        return Loads(names)
    return Waits(chance.choice([1, 10, 61])) if kind < 0.96 else Forgets()


def _made_up_pin(chance: Random) -> Pin:
    cluster = chance.choice(["default", "orders"])
    if chance.random() < 0.15:
        return _by_clock(cluster)
    return _placed(chance.randrange(1, 100), cluster, chance.choice(["7.1", "7.2"]))


def run(
    make: Callable[[], Store], name: str, parts: tuple[Part, ...], choose: Choose, reached: int = 0
) -> Outcome:
    """One interleaving on an empty server; afterwards everybody looks once more."""
    remember()
    race = Race(make(), reached)
    order = interleave([partial(_play, part, race) for part in parts], choose)
    for known_by in _NAMES:
        race.load([known_by])
    return Outcome(name, order, tuple(race.losses))


def remember() -> None:
    """Have the server empty, and both stores know that it has been so for long."""
    with get_redis_connection("default").pipeline() as pipeline:
        pipeline.flushdb().eval(MARK_AS_OLD, 1, cache.make_key(_MARK)).execute()
    cache.set(_MARK_OF_CACHE, 1, timeout=None)


def _play(part: Part, race: Race) -> None:
    for act in part:
        act(race)


def written_out(make: Callable[[], Store], reached: int = 0) -> Iterator[Outcome]:
    """All orders of all SCENARIOS."""
    for name, parts in SCENARIOS.items():
        yield from every_order(lambda choose, n=name, p=parts: run(make, n, p, choose, reached))


def by_chance(make: Callable[[], Store], seed: int, reached: int = 0) -> Iterator[Outcome]:
    """Orders without end: of SCENARIOS in turn, and of as many that are made up."""
    chance = Random(seed)
    for number in count():
        for name, parts in SCENARIOS.items():
            yield run(make, name, parts, chance.randrange, reached)
            made = f"made up {seed}.{number}"
            yield run(make, made, made_up(chance), chance.randrange, reached)
