"""The acts: a fault on a stage, the crowd that is at work meanwhile, and what it saw."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pinning.testing.pair import Pair
from pinning.testing.redis import Redis
from pinning.testing.site import Site
from pinning.verify.checker import Verdict, check
from pinning.verify.crowd import Crowd, Plan
from pinning.verify.history import Operation
from pinning.verify.users import User
from pinning.verify.ways import Way
from proof.faults import FAULTS, Fault
from proof.promotion import KINDS as PROMOTED
from proof.promotion import UNTOLD, promotion
from proof.stage import Stage, addresses
from proof.ways import ways

VENDORS = ("postgresql", "mariadb")
PROMOTION = "promotion with a lost write"
USERS = 12
PAUSE_SECONDS = 0.005
_WITHOUT_END = 10**9


@dataclass(frozen=True)
class Act:
    """One fault on one vendor, and what its crowd saw."""

    fault: str
    vendor: str
    verdict: Verdict
    history: list[Operation]
    log: str

    @property
    def replicas_share(self) -> float:
        """Which part of the reads replicas served."""
        served = self.verdict.served
        of_replicas = sum(count for (alias, _), count in served.items() if "replica" in alias)
        return of_replicas / max(1, self.verdict.reads)


def plan(kinds: tuple[type[User], ...], ways: tuple[Way, ...]) -> Plan:
    """Who visits, and how they write and read."""
    bounds = {"requests": _WITHOUT_END, "pause_seconds": PAUSE_SECONDS}
    # A fault goes on for as long as it takes.
    return Plan(users=USERS, kinds=kinds, ways=ways, margin_seconds=4 * 3600, **bounds)


def play(
    stage: Stage,
    name: str,
    step_seconds: float,
    is_over: Callable[[int], bool] = lambda _: True,
) -> Act:
    """Play a fault again and again until ``is_over`` says so of the number of requests."""
    fault = FAULTS[name]
    sites = stage.sites(**fault.site)
    make_young_or_old(stage.redis, fault)
    visits = plan(fault.kinds, ways(without=fault.without))
    with Crowd(addresses(sites), visits) as crowd, crowd.at_work():
        while True:
            for _ in fault.play(stage):
                time.sleep(step_seconds)
            if is_over(len(crowd.history)):
                break
    return Act(name, stage.vendor, check(crowd.history), crowd.history, logs(sites))


def make_young_or_old(redis: Redis, fault: Fault) -> None:
    """Have Redis just begun, or known for long."""
    if fault.is_redis_young:
        redis.forget()
    else:
        redis.grow_old()


def play_promotion(stage: Stage, seconds: float) -> Act:
    """Play the promotion, once: the stage is of no more use."""
    stage.redis.grow_old()
    history = promotion(stage, plan(PROMOTED, ways(without=UNTOLD)), seconds)
    return Act(PROMOTION, stage.vendor, check(history), history, logs(stage.sites()))


def logs(sites: list[Site]) -> str:
    """What the sites have logged so far."""
    return "\n".join(site.log() for site in sites)


def play_all(pairs: int, step_seconds: float) -> Iterator[Act]:
    """All faults on all vendors, each with an equal part of the pairs; promotions make up the rest.

    Of four requests about three are reads after a write.
    """
    faults = [(vendor, name) for vendor in VENDORS for name in names(vendor)]
    each = pairs / (len(faults) + len(VENDORS))

    def is_enough(requests: int) -> bool:
        return requests >= each / 0.72

    for vendor in VENDORS:
        with Pair.running(vendor) as pair, Stage(vendor, pair) as stage:
            stage.create_tables()
            for name in names(vendor):
                act = play(stage, name, step_seconds, is_enough)
                rate = act.verdict.pairs / act.verdict.seconds
                yield act
            yield play_promotion(stage, max(8.0, each / rate))


def names(vendor: str) -> list[str]:
    """The faults that are played on a vendor's servers."""
    return [name for name, fault in FAULTS.items() if vendor in fault.vendors]
