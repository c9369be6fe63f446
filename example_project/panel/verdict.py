"""What the page says about itself: whether it shows what was saved, and why or why not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from example_project.panel.modes import Mode
from example_project.panel.reads import Run

#: A note's number to all that a page shows of it.
Contents = Mapping[int, Any]


class Verdict(NamedTuple):
    """A sentence or more for people, and one of `fresh`, `kept`, `late`, `missing`, `alone`."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a page shows, what each database has, and where the page read it.

    ``replica`` is None while it does not answer. ``mine`` has the texts of the visitor's own notes
    by their numbers.
    """

    shown: Contents
    primary: Contents
    replica: Contents | None
    mine: Mapping[int, str]
    read: Run
    mode: Mode
    window: float


def judge(evidence: Evidence) -> Verdict:
    """Compare what the page shows with what there is. The first sentence that holds counts."""
    read = evidence.read
    where = f"read from {read.database}: {read.explanation}"
    if evidence.replica is None:
        return Verdict("alone", f"The replica does not answer. This page was {where}.")
    behind = _lacking(evidence.replica, evidence.primary)
    if not behind:
        return Verdict("fresh", f"The replica has all that the primary has. This page was {where}.")
    unseen = _lacking(evidence.shown, evidence.primary)
    if not unseen:
        it = _pronoun(behind)
        lacks = f"The replica lacks {_things(behind)}; this page shows {it} all the same."
        return Verdict("kept", f"{lacks} It was {where}.")
    if lost := unseen & evidence.mine.keys() - evidence.shown.keys():
        return Verdict("missing", _missing(evidence, max(lost)))
    return Verdict("late", f"This page does not show {_things(unseen)} yet. It was {where}.")


def _missing(evidence: Evidence, number: int) -> str:
    database = evidence.read.database
    return (
        f"Your note “{evidence.mine[number]}” is missing. It is safe on the primary, but this "
        f"page was read from {database}, which does not have it yet: {_why(evidence)}."
    )


def _why(evidence: Evidence) -> str:
    if evidence.mode is Mode.OFF:
        return "pinning is off, so nobody remembers that you have just written"
    if evidence.mode is Mode.CLOCK:
        return f"the window of {evidence.window:g} s is over, and the replica is later than that"
    return evidence.read.explanation


def _lacking(contents: Contents, primary: Contents) -> set[int]:
    return {number for number, note in primary.items() if contents.get(number) != note}


def _things(numbers: Collection[int]) -> str:
    return "1 new thing" if len(numbers) == 1 else f"{len(numbers)} new things"


def _pronoun(numbers: Collection[int]) -> str:
    return "it" if len(numbers) == 1 else "them"
