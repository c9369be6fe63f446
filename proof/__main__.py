"""Plays the proof: ``make proof``, or ``python -m proof --pairs 20000 --history folder``.

It ends with 1 if any read was stale or any request failed, or if in one of the acts replicas served
nobody. The histories can be judged again with ``manage.py pinning_verify --recheck``.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.page import results
from pinning.verify.checker import Verdict
from pinning.verify.history import write_history
from pinning.verify.report import objection
from proof.acts import Act, play_all

#: Of a verdict.
COUNTS = ("writes", "pairs", "stale", "failed", "went_back")


def line(act: Act) -> str:
    """One line of the table."""
    verdict = act.verdict
    numbers = f"{verdict.pairs:>9,} {verdict.stale:>6} {verdict.failed:>6}"
    return (
        f"{act.vendor:<10} {act.fault:<34} {numbers} {act.replicas_share:>8.0%}"
        f" {verdict.pairs / verdict.seconds:>7.0f}"
    )


def by_way(acts: list[Act]) -> dict[str, dict[str, int]]:
    """Reads after a write in each way, to write or to read, and how many of them were stale."""
    totals: dict[str, dict[str, int]] = {}
    for act in acts:
        counted = {"pairs": act.verdict.pairs_by_ways, "stale": act.verdict.stale_by_ways}
        for key, counts in counted.items():
            for both, count in counts.items():
                for name in set(both) - {""}:  # what the primary lost was written in no way
                    totals.setdefault(name, {"pairs": 0, "stale": 0})[key] += count
    return dict(sorted(totals.items(), key=lambda item: -item[1]["pairs"]))


def stale_lines(verdict: Verdict) -> Iterator[str]:
    """After which ways to write, and by which to read."""
    for (written, read), count in verdict.stale_by_ways.most_common():
        pairs = verdict.pairs_by_ways[written, read]
        yield f"{'':11}stale: {count} of {pairs} reads by {read!r} after {written!r}"


def summary(acts: list[Act]) -> dict[str, object]:
    """What came of it, for a file."""
    return {
        **{key: sum(getattr(act.verdict, key) for act in acts) for key in COUNTS},
        "acts": [
            {
                "vendor": act.vendor,
                "fault": act.fault,
                **{key: getattr(act.verdict, key) for key in COUNTS},
                "seconds": round(act.verdict.seconds, 1),
                "replicas_share": round(act.replicas_share, 3),
            }
            for act in acts
        ],
        "ways": by_way(acts),
    }


def keep(act: Act, folder: Path) -> None:
    """Write the history and the sites' logs."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{act.vendor}-{act.fault.replace(' ', '-').replace(',', '')}"
    write_history(folder / f"{name}.jsonl", act.history)
    (folder / f"{name}.log").write_text(act.log)


def main() -> int:
    """Play all, print a line for each, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="in all: %(default)s")
    parser.add_argument("--step", type=float, default=1.5, help="seconds of a fault's step")
    parser.add_argument("--history", type=Path, help="a folder for histories and proof.json")
    parser.add_argument("--keep", action="store_true", help="keep the summary, for docs/verify.md")
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proof.settings")
    print(f"{'':45} {'pairs':>9} {'stale':>6} {'failed':>6} {'replicas':>8} {'pairs/s':>7}")
    acts: list[Act] = []
    for act in play_all(given.pairs, given.step):
        print(line(act), *stale_lines(act.verdict), sep="\n", flush=True)
        acts.append(act)
        if given.history:
            keep(act, given.history)
        act.history.clear()
    total, idle = summary(acts), [act for act in acts if objection(act.verdict)]
    print(f"{'in all':45} {total['pairs']:>9,} {total['stale']:>6} {total['failed']:>6}")
    for name, counts in by_way(acts).items():
        print(f"{name:45} {counts['pairs']:>9,} {counts['stale']:>6}")
    if given.history:
        results.save(given.history, "proof", total)
    if given.keep:
        results.save(results.DIRECTORY, "proof", total)
    for act in idle:
        print(f"{act.vendor}, {act.fault}: the primary served every read, which proves nothing.")
    return int(bool(total["stale"] or total["failed"] or idle))


if __name__ == "__main__":
    sys.exit(main())
