"""The acts: a fault on a stage, the crowd that is at work meanwhile, and what it saw.

Which act comes when, and what its visitors do, follows from the plan's seed.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pinning.testing.mysql import is_chosen
from pinning.testing.pair import Pair
from pinning.testing.redis import Redis
from pinning.testing.site import Site
from pinning.verify.checker import Verdict, check
from pinning.verify.crowd import Crowd, Plan
from pinning.verify.history import Operation
from pinning.verify.users import User
from pinning.verify.ways import Way
from proof.faults import FAULTS, Fault
from proof.kept import Kept
from proof.promotion import KINDS as PROMOTED
from proof.promotion import UNTOLD, promotion
from proof.stage import Stage, addresses
from proof.ways import ways

#: MySQL is played where somebody says where it is.
VENDORS = ("postgresql", "mariadb", *(("mysql",) if is_chosen() else ()))
PROMOTION = "promotion with a lost write"
USERS = 12
PAUSE_SECONDS = 0.005
_WITHOUT_END = 10**9
_LEAST_PROMOTION_SECONDS = 8.0


@dataclass(frozen=True)
class Act:
    """One fault on one vendor, and what its crowd saw."""

    fault: str
    vendor: str
    verdict: Verdict
    history: list[Operation]
    log: str
    seed: int

    @property
    def replica_reads(self) -> int:
        """How many reads replicas served."""
        served = self.verdict.served
        return sum(count for (alias, _), count in served.items() if "replica" in alias)

    @property
    def replicas_share(self) -> float:
        """Which part of the reads that was."""
        return self.replica_reads / max(1, self.verdict.reads)


def plan(kinds: tuple[type[User], ...], ways: tuple[Way, ...], seed: int) -> Plan:
    """Who visits, and how they write and read, which follows from the seed."""
    bounds = {"requests": _WITHOUT_END, "pause_seconds": PAUSE_SECONDS}
    # A fault goes on for as long as it takes.
    lasting = {"margin_seconds": 4 * 3600, **bounds}
    return Plan(users=USERS, kinds=kinds, ways=ways, seed=seed, **lasting)


def play(
    stage: Stage,
    name: str,
    step_seconds: float,
    is_over: Callable[[int], bool] = lambda _: True,
    *,
    seed: int = 0,
) -> Act:
    """Play a fault again and again until ``is_over`` says so of the number of requests."""
    fault = FAULTS[name]
    sites = stage.sites(**fault.site)
    make_young_or_old(stage.redis, fault)
    visits = plan(fault.kinds, ways(without=fault.without), seed)
    with Crowd(addresses(sites), visits) as crowd, crowd.at_work():
        while True:
            for _ in fault.play(stage):
                time.sleep(step_seconds)
            if is_over(len(crowd.history)):
                break
    return Act(name, stage.vendor, check(crowd.history), crowd.history, logs(sites), seed)


def make_young_or_old(redis: Redis, fault: Fault) -> None:
    """Have Redis just begun, or known for long."""
    if fault.is_redis_young:
        redis.forget()
    else:
        redis.grow_old()


def play_promotion(stage: Stage, seconds: float, *, seed: int = 0) -> Act:
    """Play the promotion, once: the stage is of no more use."""
    stage.redis.grow_old()
    history = promotion(stage, plan(PROMOTED, ways(without=UNTOLD), seed), seconds)
    return Act(PROMOTION, stage.vendor, check(history), history, logs(stage.sites()), seed)


def logs(sites: list[Site]) -> str:
    """What the sites have logged so far."""
    return "\n".join(site.log() for site in sites)


def play_all(kept: Kept, ends_at: float) -> Iterator[Act]:
    """The acts whose pairs are missing, until there are enough or the monotonic clock is there.

    Each act has to be kept before the next one is asked for.
    """
    while missing(kept) and time.monotonic() < ends_at:
        for vendor in kept.plan.order(kept.plan.vendors):
            pairs = {fault: count for (of, fault), count in missing(kept).items() if of == vendor}
            if pairs and time.monotonic() < ends_at:
                yield from _on_vendor(kept, vendor, pairs, ends_at)


def missing(kept: Kept) -> dict[tuple[str, str], int]:
    """How many pairs there have still to be, by vendor and fault; each gets an equal part."""
    vendors = kept.plan.vendors
    kinds = [(vendor, fault) for vendor in vendors for fault in (*names(vendor), PROMOTION)]
    goal = math.ceil(kept.plan.pairs / len(kinds))
    counts = {kind: goal - kept.pairs(*kind) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count > 0}


def _on_vendor(kept: Kept, vendor: str, pairs: dict[str, int], ends_at: float) -> Iterator[Act]:
    """The promotion comes last, as it leaves nothing to play on."""

    def seed(fault: str) -> int:
        return kept.plan.visitors_seed(vendor, fault, kept.turns(vendor, fault))

    with Pair.running(vendor) as pair, Stage(vendor, pair) as stage:
        stage.create_tables()
        for fault in kept.plan.order(names(vendor)):
            if fault in pairs and time.monotonic() < ends_at:
                is_over = _enough(pairs[fault], ends_at)
                yield play(stage, fault, kept.plan.step_seconds, is_over, seed=seed(fault))
        left_seconds = ends_at - time.monotonic()
        if PROMOTION in pairs and left_seconds > 0:
            seconds = min(pairs[PROMOTION] / _pairs_per_second(kept), left_seconds)
            yield play_promotion(
                stage, max(_LEAST_PROMOTION_SECONDS, seconds), seed=seed(PROMOTION)
            )


def _enough(pairs: int, ends_at: float) -> Callable[[int], bool]:
    """Of ten requests about seven are reads after a write."""

    def is_over(requests: int) -> bool:
        return requests >= pairs / 0.66 or time.monotonic() >= ends_at

    return is_over


def _pairs_per_second(kept: Kept) -> float:
    """As far as is known; few at first."""
    seconds = sum(act["seconds"] for act in kept.acts)
    return sum(act["pairs"] for act in kept.acts) / seconds if seconds else 100.0


def names(vendor: str) -> list[str]:
    """The faults that are played on a vendor's servers."""
    return [name for name, fault in FAULTS.items() if vendor in fault.vendors]
