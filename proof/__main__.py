"""Plays the proof: ``make proof``, or ``python -m proof --pairs 20000``; ``--resume`` goes on.

All is kept in a folder, act by act. After ``--minutes`` it ends with 3 if there is more to play.
Then ``--resume`` plays the next piece, also after the proof was killed. It ends with 1 if any read
was stale, any request failed, the two checkers disagreed, or replicas served nobody in one of the
acts. The same ``--seed`` gives the same order of faults, and the same choices of the visitors. The
histories can be judged again with ``manage.py pinning_verify --recheck``.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.page import results
from pinning.verify.checker import Verdict
from proof import figures
from proof.acts import VENDORS, Act, missing, play_all
from proof.kept import Kept, KeptError, Plan, code

WRONG = 1
REFUSED = 2
MORE_TO_PLAY = 3

#: For the last step of a fault, and to stop the servers.
_TO_END_SECONDS = 90


def main() -> int:
    """Play what is missing, print a line for each act, and keep what came of it."""
    given = arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proof.settings")
    ends_at = time.monotonic() + 60 * given.minutes - _TO_END_SECONDS
    try:
        kept = opened(given)
    except KeptError as error:
        print(error, file=sys.stderr)
        return REFUSED
    piece = kept.next_piece
    print(f"Piece {piece} of {kept.plan.pairs:,} pairs, seed {kept.plan.seed}")
    print(f"{'':45} {'pairs':>9} {'stale':>6} {'failed':>6} {'replicas':>8} {'pairs/s':>7}")
    for act in play_all(kept, ends_at):
        print(line(act), *stale_lines(act.verdict), sep="\n", flush=True)
        kept.keep({**figures.of_act(act), "piece": piece}, act.history, act.log)
        results.save(given.history, "proof", summed(kept))
        act.history.clear()
    return tell(kept, given)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="in all: %(default)s")
    parser.add_argument("--step", type=float, default=1.5, help="seconds of a fault's step")
    parser.add_argument("--vendors", nargs="+", choices=VENDORS, default=VENDORS, metavar="VENDOR")
    parser.add_argument("--seed", type=int, help="what happens follows from it; else by chance")
    parser.add_argument("--minutes", type=float, default=50.0, help="of a piece: %(default)s")
    history = "the folder for all that is kept: %(default)s"
    parser.add_argument("--history", type=Path, default=Path(".proof"), help=history)
    resume = "go on with what is kept there, with its pairs, step, vendors and seed"
    parser.add_argument("--resume", action="store_true", help=resume)
    parser.add_argument("--keep", action="store_true", help="keep the summary, for docs/verify.md")
    return parser.parse_args()


def opened(given: argparse.Namespace) -> Kept:
    """The proof that goes on or begins. Raises KeptError."""
    if given.resume:
        return Kept.resume(given.history)
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    return Kept.begin(given.history, Plan(given.pairs, given.step, given.vendors, seed, code()))


def line(act: Act) -> str:
    """One line of the table."""
    verdict = act.verdict
    numbers = f"{verdict.pairs:>9,} {verdict.stale:>6} {verdict.failed:>6}"
    return (
        f"{act.vendor:<10} {act.fault:<34} {numbers} {act.replicas_share:>8.0%}"
        f" {verdict.pairs / verdict.seconds:>7.0f}"
    )


def stale_lines(verdict: Verdict) -> Iterator[str]:
    """After which ways to write, and by which to read."""
    for (written, read), count in verdict.stale_by_ways.most_common():
        pairs = verdict.pairs_by_ways[written, read]
        yield f"{'':11}stale: {count} of {pairs} reads by {read!r} after {written!r}"


def tell(kept: Kept, given: argparse.Namespace) -> int:
    """Print what all pieces have shown so far; the exit status."""
    total = summed(kept)
    pieces = f"in all, {total['pieces']} pieces"
    print(f"{pieces:45} {total['pairs']:>9,} {total['stale']:>6} {total['failed']:>6}")
    for name, counts in total["ways"].items():
        print(f"{name:45} {counts['pairs']:>9,} {counts['stale']:>6}")
    results.save(given.history, "proof", total)
    if given.keep:
        results.save(results.DIRECTORY, "proof", total)
    complaints = [*idle(total["acts"]), *disagreements(kept.acts)]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    if total["stale"] or total["failed"] or complaints:
        return WRONG
    if missing(kept):
        print("There is more to play: go on with --resume.")
        return MORE_TO_PLAY
    return 0


def summed(kept: Kept) -> figures.Figures:
    """What all pieces amount to."""
    return {"seed": kept.plan.seed, **figures.together(kept.acts)}


def idle(rows: list[figures.Figures]) -> Iterator[str]:
    """Faults under which replicas served nobody."""
    for row in rows:
        if not row["replica_reads"]:
            name = f"{row['vendor']}, {row['fault']}"
            yield f"{name}: the primary served every read, which proves nothing."


def disagreements(acts: list[figures.Figures]) -> Iterator[str]:
    """Acts of which the two checkers do not say the same."""
    for act in acts:
        if act["disagreement"]:
            yield f"{act['history']}: the two checkers disagree. {act['disagreement']}."


if __name__ == "__main__":
    sys.exit(main())
