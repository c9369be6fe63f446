"""All benchmarks, their budgets and the page about them: ``python -m benchmarks``.

The exit status is 1 where a budget is missed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

# What follows needs the settings.
# ruff: noqa: E402
from benchmarks.overhead import counters, memory, rows
from benchmarks.overhead import run as overhead
from benchmarks.page import budgets, report, results
from benchmarks.peers import run as peers
from benchmarks.peers import waits
from benchmarks.statements import run as statements
from benchmarks.suite import run as suite

PARTS = (
    *("overhead", "rows", "counters", "memory", "statements", "suite"),
    *("visitors", "rush", "waits", "rest"),
)


def main() -> int:
    """Run what was asked for. Quick figures are shown, and neither kept nor put on the page."""
    options = _options()
    parts = frozenset(options.only)
    if not options.quick:
        measure(results.DIRECTORY, parts, quick=False)
        report.write()
        return budgets.check(results.DIRECTORY)
    with tempfile.TemporaryDirectory() as directory:
        measure(Path(directory), parts, quick=True)
        print(report.all_tables(Path(directory)))
        return budgets.check(Path(directory))


def measure(directory: Path, parts: frozenset[str], *, quick: bool) -> None:
    """Run the parts, and save what comes out in the directory."""
    if "overhead" in parts:
        overhead.measure(directory, quick=quick)
    if "rows" in parts:
        rows.measure(directory, quick=quick)
    if "counters" in parts:
        counters.measure(directory)
    if "memory" in parts:
        memory.measure(directory)
    if "statements" in parts:
        statements.measure(directory, quick=quick)
    if "suite" in parts:
        suite.measure(directory, quick=quick)
    if parts & {"visitors", "rush"}:
        peers.measure(peers.QUICK if quick else peers.FULL, directory, parts)
    if "waits" in parts:
        waits.measure(waits.QUICK if quick else waits.FULL, directory)
    if "rest" in parts:
        waits.measure_api(waits.QUICK if quick else waits.FULL, directory)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little of each, not kept")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="these parts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
