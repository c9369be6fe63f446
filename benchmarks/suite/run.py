"""What the pytest plugin costs a suite: processor time, each run beside one without it."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.page import results

SUITE = Path(__file__).with_name("notes.py")
ROUNDS = 15

#: Options of pytest. The first is what the others are compared with.
WAYS = {
    "without the plugin": ["-p", "no:pinning"],
    "with the plugin": [],
    "`--pinning-detect`": ["--pinning-detect"],
}


def measure(directory: Path, *, quick: bool = False) -> None:
    """Run the suite in each way in turn, and save the ratios."""
    rounds = [_round() for _ in range(3 if quick else ROUNDS)]
    rows: list[dict[str, Any]] = []
    for number, way in enumerate(WAYS):
        seconds = results.middle([each[number] for each in rounds])
        ratio = results.middle([each[number] / each[0] for each in rounds])
        rows.append({"way": way, "seconds": seconds, "ratio": ratio})
        print(f"  a suite, {way}: {ratio['median']} x, {seconds['median']} s")
    results.save(directory, "suite", {"rows": rows})


def _round() -> list[float]:
    return [_seconds(options) for options in WAYS.values()]


def _seconds(options: list[str]) -> float:
    """Of the processor, for one run. Raises CalledProcessError where a test fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(SUITE)]
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.suite.settings"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, check=True, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, timeout=120
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
