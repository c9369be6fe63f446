"""Runs each suite without pinning and in each way with it, and tells what is not the same.

``python -m ecosystem.django_suites`` runs those of ``SUITES``; names after it, those.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import django

from ecosystem.django_suites.judged import JUDGED, SUITES
from ecosystem.django_suites.sdist import tests

ROOT = Path(__file__).parents[2]


WAYS = ("scope", "use_replica")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a suite told: the outcome of each test, and its reads by reason."""

    outcomes: dict[str, str]
    reads: dict[str, int]

    def failed(self) -> int:
        """How many tests did not pass."""
        return sum(outcome != "passed" for outcome in self.outcomes.values())

    def on_replicas(self) -> int:
        """How many reads a replica served."""
        return self.reads.get("replica", 0) + self.reads.get("use_replica", 0)


def main(suites: list[str]) -> int:
    """Run the suites, and return how many tests differ and are not judged."""
    folder = tests()
    print(f"Django {django.__version__}, Python {sys.version.split()[0]}")
    unjudged = sum(_compare(folder, suite) for suite in suites or SUITES)
    print(f"{unjudged} tests differ and are not judged")
    return unjudged


def _compare(folder: Path, suite: str) -> int:
    plain = _run(folder, suite, "")
    print(f"{suite}: {len(plain.outcomes)} tests, {plain.failed()} fail without pinning")
    return sum(_differences(plain, _run(folder, suite, way), way) for way in WAYS)


def _differences(plain: Run, pinned: Run, way: str) -> int:
    ids = sorted(plain.outcomes.keys() | pinned.outcomes.keys())
    different = [each for each in ids if plain.outcomes.get(each) != pinned.outcomes.get(each)]
    unjudged = [each for each in different if each not in JUDGED]
    reads = f"{pinned.on_replicas()} of {sum(pinned.reads.values())} reads on a replica"
    print(f"  {way}: {len(different)} differ; {reads}", flush=True)
    for each in unjudged:
        print(f"    {each}: {plain.outcomes.get(each)} -> {pinned.outcomes.get(each)}")
    return len(unjudged)


def _run(folder: Path, suite: str, way: str) -> Run:
    settings = "--settings=ecosystem.django_suites.settings"
    with tempfile.TemporaryDirectory() as place:
        outcomes, log = Path(place) / "outcomes", Path(place) / "log"
        more = {"PYTHONPATH": f"{ROOT}:{folder}", "OUTCOMES": str(outcomes), "TMPDIR": place}
        with log.open("w") as file:
            subprocess.run(
                [sys.executable, "runtests.py", settings, suite],
                cwd=folder,
                env={**os.environ, **more, "WAY": way},
                stdout=file,
                stderr=file,
                check=False,  # its outcomes tell
            )
        if not outcomes.exists():
            sys.exit(f"{suite} did not run:\n{log.read_text()}")
        return Run(**json.loads(outcomes.read_text()))


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
