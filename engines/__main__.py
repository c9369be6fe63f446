"""Fetches engines, or runs the tests and the proof on them.

``python -m engines`` fetches all, ``python -m engines mysql-9.7`` one. ``--run`` runs the tests and
the proof on those named, and keeps the counts for docs/databases.md.
"""

import argparse
import shutil
import subprocess
import sys

from benchmarks.page import report
from engines import run
from engines.catalogue import ENGINES, Engine
from engines.debian import NotHereError


def fetch(engine: Engine) -> bool:
    """Fetch it unless it is there, and tell how to use it. Whether it is there then."""
    if engine.fetch and not engine.program:
        shutil.rmtree(engine.folder, ignore_errors=True)
        try:
            engine.fetch(engine.folder)
        except (NotHereError, subprocess.CalledProcessError) as error:
            print(f"{engine.name}: skipped, {error}")
            return False
    if engine.program is None:
        print(f"{engine.name}: skipped, its program is not there")
        return False
    told = " ".join(f"{key}={value}" for key, value in engine.environment().items())
    print(f"{engine.name}: {engine.product} {engine.version()} {told}", flush=True)
    return True


def main() -> int:
    """Do what is asked for. 1 if something that was named is not there."""
    parser = argparse.ArgumentParser(prog="python -m engines", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="ENGINE", help=", ".join(ENGINES))
    parser.add_argument("--run", nargs="*", choices=run.PARTS, help="on each, all or these parts")
    parser.add_argument("--pairs", type=int, default=20_000, help="of the proof: %(default)s")
    parser.add_argument("--step", type=float, default=1.5, help="seconds of a fault's step")
    given = parser.parse_args()
    if unknown := set(given.names) - set(ENGINES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    engines = [ENGINES[name] for name in given.names or ENGINES]
    there = [engine for engine in engines if fetch(engine)]
    if given.run is not None:
        for engine in there:
            run.keep(run.run(engine, given.run or run.PARTS, given.pairs, given.step))
        report.write_pages()
    return int(bool(given.names) and len(there) < len(engines))


if __name__ == "__main__":
    sys.exit(main())
