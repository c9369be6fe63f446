"""What a whole suite has found, whichever of its processes ran a test: one file of lines."""

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from pinning.testing.pretend import StaleReads
from pinning.testing.pretend.stale import summary

#: Where the processes of one run find the file.
VARIABLE = "PINNING_TALLY"

#: What is summed up.
_SUMS = ("reads", "eventual", "allowed", "kept")

#: How many stale reads a summary lists.
LISTED = 20


class Tally(NamedTuple):
    """The sums over all tests. ``stale`` has each stale read, and in how many tests it was seen."""

    reads: int
    eventual: int
    allowed: int
    kept: int
    stale: Counter[str]
    times: int

    def __str__(self) -> str:
        head = summary(self.reads, self.times, self.eventual, self.allowed, self.kept)
        lines = [f"{text} [{tests} tests]" for text, tests in self.stale.most_common(LISTED)]
        left = len(self.stale) - len(lines)
        more = [f"And {left} more."] if left else []
        return "\n".join([head, *lines, *more])


def begin() -> None:
    """Begin anew, for this process and those that it starts."""
    handle, name = tempfile.mkstemp(prefix="pinning-", suffix=".jsonl")
    os.close(handle)
    os.environ[VARIABLE] = name


def note(found: StaleReads) -> None:
    """Note what one test has found. Without ``begin``, nothing."""
    name = os.environ.get(VARIABLE)
    if name is None or not (found.reads or found.kept):
        return
    line = {
        "reads": found.reads,
        "eventual": sum(found.eventual.values()),
        "allowed": found.allowed,
        "kept": found.kept,
        "stale": {str(read): times for read, times in found.stale.items()},
    }
    with Path(name).open("ab", buffering=0) as file:  # a line is one write, so none is torn
        file.write(f"{json.dumps(line)}\n".encode())


def end() -> Tally:
    """All that was noted since ``begin``."""
    file = Path(os.environ.pop(VARIABLE))
    sums: Counter[str] = Counter()
    stale: Counter[str] = Counter()
    for line in map(json.loads, file.read_text().splitlines()):
        sums.update({name: line[name] for name in _SUMS})
        sums["times"] += sum(line["stale"].values())
        stale.update(line["stale"].keys())
    file.unlink()
    return Tally(**{name: sums[name] for name in (*_SUMS, "times")}, stale=stale)
