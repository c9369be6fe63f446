"""A proof without servers: acts of made-up histories, which are kept in a folder until it is full.

``python -m tests.proof.played FOLDER`` plays on, and says so once the acts begin.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pinning.verify.checker import check
from pinning.verify.history import Operation
from proof.kept import Kept, KeptError, Plan, code
from tests.proof import simulated

FAULTS = ("steady lag", "replica killed, twice")
PAIRS = 1000
VENDORS = ["postgresql", "mariadb"]
PLAN = Plan(4 * PAIRS, 1.5, VENDORS, 7, code())


def opened(folder: Path) -> Kept:
    try:
        return Kept.resume(folder)
    except KeptError:
        return Kept.begin(folder, PLAN)


def acts(kept: Kept) -> Iterator[tuple[dict[str, Any], list[Operation]]]:
    """Those that are missing: a few hundred pairs at a time."""
    for vendor in kept.plan.order(kept.plan.vendors):
        for fault in kept.plan.order(FAULTS):
            while kept.pairs(vendor, fault) < PAIRS:
                seed = kept.plan.visitors_seed(vendor, fault, kept.turns(vendor, fault))
                history = simulated.history(300, seed=seed)
                verdict = check(history)
                figures = {"vendor": vendor, "fault": fault, "pairs": verdict.pairs, "seed": seed}
                yield figures, history


def play_on(folder: Path) -> Kept:
    kept = opened(folder)
    print("Playing.", flush=True)
    for figures, history in acts(kept):
        kept.keep({**figures, "piece": 1}, history, "a log")
    return kept


if __name__ == "__main__":
    play_on(Path(sys.argv[1]))
