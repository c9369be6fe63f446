"""The proof: crowds of simulated users on real servers, while everything fails that can fail.

Run by hand: ``make proof``, or ``python -m benchmarks.proof --pairs 20000 --history folder``. It
ends with 1 if any read was stale or any request failed, or if in one of the acts replicas served
nobody. The histories can be judged again with ``manage.py pinning_verify --recheck``.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import results
from benchmarks.faults import FAULTS, Fault
from benchmarks.promotion import KINDS as PROMOTED
from benchmarks.promotion import promotion
from benchmarks.stage import Stage, addresses
from pinning.verify.checker import Verdict, check
from pinning.verify.crowd import Crowd, Plan
from pinning.verify.history import Operation, write_history
from pinning.verify.report import objection
from tests.live.conftest import Site, make_pair

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
        of_primary = sum(count for (alias, _), count in served.items() if alias == "default")
        return 1 - of_primary / max(1, self.verdict.reads)


def plan(fault: Fault | None = None, seed: int = 0) -> Plan:
    """Who visits: those that are promised something while the fault lasts."""
    kinds = PROMOTED if fault is None else fault.kinds
    bounds = {"requests": _WITHOUT_END, "pause_seconds": PAUSE_SECONDS}
    return Plan(users=USERS, kinds=kinds, seed=seed, **bounds)


def play(
    stage: Stage,
    name: str,
    step_seconds: float,
    is_over: Callable[[int], bool] = lambda requests: True,
) -> Act:
    """Play a fault again and again until ``is_over`` says so of the number of requests."""
    fault = FAULTS[name]
    sites = stage.sites(**fault.site)
    stage.remember()
    with Crowd(addresses(sites), plan(fault)) as crowd, crowd.at_work():
        while True:
            for _ in fault.play(stage):
                time.sleep(step_seconds)
            if is_over(len(crowd.history)):
                break
    return Act(name, stage.vendor, check(crowd.history), crowd.history, logs(sites))


def play_promotion(stage: Stage, seconds: float) -> Act:
    """Play the promotion, once: the stage is of no more use."""
    stage.remember()
    history = promotion(stage, plan(), seconds)
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
    for vendor in VENDORS:
        with ExitStack() as stack:
            stage = stack.enter_context(Stage(vendor, make_pair(stack, vendor)))
            for name in names(vendor):
                act = play(stage, name, step_seconds, lambda requests: requests >= each / 0.72)
                rate = act.verdict.pairs / act.verdict.seconds
                yield act
            yield play_promotion(stage, max(8.0, each / rate))


def names(vendor: str) -> list[str]:
    """The faults that are played on a vendor's servers."""
    return [name for name, fault in FAULTS.items() if vendor in fault.vendors]


def line(act: Act) -> str:
    """One line of the table."""
    verdict = act.verdict
    numbers = f"{verdict.pairs:>9,} {verdict.stale:>6} {verdict.failed:>6}"
    return (
        f"{act.vendor:<10} {act.fault:<34} {numbers} {act.replicas_share:>8.0%}"
        f" {verdict.pairs / verdict.seconds:>7.0f}"
    )


def summary(acts: list[Act]) -> dict[str, object]:
    """What came of it, for a file."""
    return {
        "pairs": sum(act.verdict.pairs for act in acts),
        "stale": sum(act.verdict.stale for act in acts),
        "failed": sum(act.verdict.failed for act in acts),
        "acts": [
            {
                "vendor": act.vendor,
                "fault": act.fault,
                "writes": act.verdict.writes,
                "pairs": act.verdict.pairs,
                "stale": act.verdict.stale,
                "failed": act.verdict.failed,
                "went_back": act.verdict.went_back,
                "seconds": round(act.verdict.seconds, 1),
                "replicas_share": round(act.replicas_share, 3),
            }
            for act in acts
        ],
    }


def keep(act: Act, folder: Path) -> None:
    """Write the history and the sites' logs."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{act.vendor}-{act.fault.replace(' ', '-').replace(',', '')}"
    write_history(folder / f"{name}.jsonl", act.history)
    (folder / f"{name}.log").write_text(act.log)


def main() -> int:
    """Play all, print a line for each, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="in all: %(default)s")
    parser.add_argument("--step", type=float, default=1.5, help="seconds of a fault's step")
    parser.add_argument("--history", type=Path, help="a folder for histories and proof.json")
    parser.add_argument("--keep", action="store_true", help="keep the summary, for docs/verify.md")
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")  # the sites' SECRET_KEY
    print(f"{'':45} {'pairs':>9} {'stale':>6} {'failed':>6} {'replicas':>8} {'pairs/s':>7}")
    acts: list[Act] = []
    for act in play_all(given.pairs, given.step):
        print(line(act), flush=True)
        acts.append(act)
        if given.history:
            keep(act, given.history)
        act.history.clear()
    total, idle = summary(acts), [act for act in acts if objection(act.verdict)]
    print(f"{'in all':45} {total['pairs']:>9,} {total['stale']:>6} {total['failed']:>6}")
    if given.history:
        results.save(given.history, "proof", total)
    if given.keep:
        results.save(results.DIRECTORY, "proof", total)
    for act in idle:
        print(f"{act.vendor}, {act.fault}: the primary served every read, which proves nothing.")
    return int(bool(total["stale"] or total["failed"] or idle))


if __name__ == "__main__":
    sys.exit(main())
