"""What the page says about itself: whether it shows what was saved, and why or why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from example_project.panel.modes import Mode
from example_project.panel.progress import Progress
from example_project.panel.runs import Run
from pinning import Reason

#: A note's number to all that a page shows of it.
Contents = Mapping[int, Any]


class Verdict(NamedTuple):
    """A sentence or more for people, and one of `fresh`, `kept`, `late`, `missing`, `alone`."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a page shows, where it read that, and what each database has: all at one moment.

    ``replica`` is None while it does not answer. ``mine`` has the texts of the visitor's own notes
    by their numbers. ``waited`` is for how many seconds the page waited for the replica.
    """

    shown: Contents
    primary: Contents
    replica: Contents | None
    mine: Mapping[int, str]
    read: Run
    mode: Mode
    window: float
    progress: Progress
    waited: float = 0.0

    @property
    def behind(self) -> int | None:
        """How many writes the replica is known to lack. None while it does not answer."""
        if self.replica is None or self.progress.behind is None:
            return None
        return max(self.progress.behind, len(_lacking(self.replica, self.primary)))


NO_ANSWER = Verdict(
    "missing",
    "An error page, as every visitor gets it now: the replica is dead, and with pinning off a "
    "naive router still sends every read there. With pinning the primary would answer.",
)


def judge(evidence: Evidence) -> Verdict:
    """Compare what the page shows with what there is. The first sentence that holds counts."""
    read, behind = evidence.read, evidence.behind
    where = f"read from {read.database}{_after_a_wait(evidence.waited)}: {read.explanation}"
    if behind is None:
        return Verdict("alone", f"The replica does not answer. This page was {where}.")
    unseen = _lacking(evidence.shown, evidence.primary)
    if lost := unseen & evidence.mine.keys() - evidence.shown.keys():
        return Verdict("missing", _missing(evidence, max(lost)))
    if unseen:
        lacks = f"This page does not show {_count(len(unseen), 'new thing')} yet."
        return Verdict("late", f"{lacks} It was {where}.")
    return _judge_complete(evidence, behind, where)


def _judge_complete(evidence: Evidence, behind: int, where: str) -> Verdict:
    """For a page that shows all there is."""
    read = evidence.read
    if behind and read.alias == "default":
        it = "it" if behind == 1 else "them"
        lacks = f"The replica is behind by {_count(behind, 'write')}; this page shows {it}"
        return Verdict("kept", f"{lacks} all the same. It was {where}.")
    has_all = f"The replica has all that {'is shown here' if behind else 'the primary has'}"
    if read.reason == Reason.PINNED and evidence.mode is Mode.POSITION:
        then = "This page was read from the primary a moment before"
        return Verdict("fresh", f"{has_all}, by now. {then}.")
    return Verdict("fresh", f"{has_all}. This page was {where}.")


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


def _after_a_wait(seconds: float) -> str:
    return f" after a wait of {seconds * 1000:.0f} ms" if seconds else ""


def _lacking(contents: Contents, primary: Contents) -> set[int]:
    return {number for number, note in primary.items() if contents.get(number) != note}


def _count(number: int, thing: str) -> str:
    return f"1 {thing}" if number == 1 else f"{number} {thing}s"
