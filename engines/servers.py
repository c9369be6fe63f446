"""Runs tests/live/test_servers.py for longer, and keeps what it counted for docs/benchmarks.md.

``python -m engines.servers --seconds 40``. ``-k uWSGI`` runs some; the others' counts stay.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.page import report, results
from engines.run import ROOT

PART = "servers"
_TESTS = "tests/live/test_servers.py"


def main() -> int:
    """Run them. 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m engines.servers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=40, help="of each: %(default)s")
    parser.add_argument("-k", default="", metavar="WORD", help="those with it in their names")
    given = parser.parse_args()
    with TemporaryDirectory() as there:
        told = Path(there) / "report.xml"
        how = ["-n", "0", "-o", "junit_family=xunit1", f"--junitxml={told}", "-k", given.k]
        environment = {**os.environ, "PINNING_SERVERS_SECONDS": str(given.seconds)}
        python = [sys.executable, "-W", "error", "-m", "pytest", _TESTS]
        done = subprocess.run([*python, *how], env=environment, cwd=ROOT)
        keep(list(counted(told)))
    report.write_pages()
    return done.returncode


def counted(told: Path) -> Iterator[dict[str, Any]]:
    """What the tests tell in pytest's report. One that fails before that has its name alone.

    What was skipped tells nothing.
    """
    date = time.strftime("%Y-%m-%d", time.gmtime())
    for case in ElementTree.parse(told).getroot().iter("testcase"):
        has_failed = case.find("failure") is not None or case.find("error") is not None
        found = [json.loads(each.get("value", "{}")) for each in case.iter("property")]
        if has_failed and not found:
            found = [named(case.get("name", ""))]
        for each in found:
            yield {**each, "date": date, "has_failed": has_failed}


def named(test: str) -> dict[str, Any]:
    """What a test tries, by its name: ``test_it[uWSGI, psycopg pool, HAProxy]``."""
    words = test.partition("[")[2].rstrip("]")
    server, driver, between, *_ = [*words.split(", "), "", ""]
    package, _, way = driver.partition(" ")
    has_pool = way in {"pool", "prepared"}
    used = [package, "", "binary" if way == "pool" else way]
    return {"server": server, "version": "", "between": between, "driver": used, "pool": has_pool}


def keep(found: list[dict[str, Any]], directory: Path = results.DIRECTORY) -> None:
    """Put each in the place of what was there of it."""
    part = results.load(directory, PART) or {"servers": []}
    known = {key(each): each for each in part["servers"]}
    known |= {key(each): each for each in found}
    results.save(directory, PART, {"servers": [known[name] for name in sorted(known)]})


def key(found: dict[str, Any]) -> tuple[str, ...]:
    name, _, implementation = found["driver"]
    return (found["server"], found["between"], name, implementation, str(found["pool"]))


if __name__ == "__main__":
    sys.exit(main())
