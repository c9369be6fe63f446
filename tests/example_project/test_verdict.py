"""What the page says about itself."""

import pytest

from example_project.panel.modes import Mode
from example_project.panel.progress import Progress
from example_project.panel.runs import Run
from example_project.panel.verdict import Evidence, judge

ALL = {1: "first", 2: "second"}
OLD = {1: "first"}


def run(alias: str = "replica1", explanation: str = "because", reason: str = "reason") -> Run:
    return Run(
        verb="SELECT",
        model="board.Note",
        alias=alias,
        reason=reason,
        explanation=explanation,
        milliseconds=1.0,
        at=0.0,
    )


def progress(behind: int | None) -> Progress:
    replayed = None if behind is None else 100 - behind
    return Progress(committed=100, replayed=replayed, replay="running", position=None)


def evidence(behind: int | None = 0, **more: object) -> Evidence:
    usual = {
        "shown": ALL,
        "primary": ALL,
        "replica": ALL,
        "mine": {},
        "read": run(),
        "mode": Mode.POSITION,
        "window": 5.0,
        "progress": progress(behind),
    }
    return Evidence(**{**usual, **more})


PRIMARY = run("default")
PINNED = run("default", reason="pinned")
MINE = {"replica": OLD, "shown": OLD, "mine": {2: "second"}}

CASES = [
    (evidence(None, replica=None, read=PRIMARY), "alone", "The replica does not answer."),
    (
        evidence(),
        "fresh",
        "has all that the primary has. This page was read from replica1: because.",
    ),
    (evidence(waited=0.48), "fresh", "read from replica1 after a wait of 480 ms: because."),
    (
        evidence(1),
        "fresh",
        "has all that is shown here. This page was read from replica1: because.",
    ),
    (
        evidence(read=PINNED),
        "fresh",
        "by now. This page was read from the primary a moment before.",
    ),
    (evidence(read=PINNED, mode=Mode.CLOCK), "fresh", "was read from the primary: because."),
    (
        evidence(1, replica=OLD, read=PRIMARY),
        "kept",
        "is behind by 1 write; this page shows it all",
    ),
    (evidence(2, replica={}, read=PRIMARY), "kept", "behind by 2 writes; this page shows them all"),
    (evidence(1, read=PINNED), "kept", "It was read from the primary: because."),
    (evidence(1, replica=OLD, shown=OLD), "late", "does not show 1 new thing yet"),
    (evidence(0, shown=OLD), "late", "does not show 1 new thing yet"),
    (
        evidence(1, mode=Mode.OFF, **MINE),
        "missing",
        "Your note “second” is missing. It is safe on the primary, but this page was read from "
        "replica1, which does not have it yet: pinning is off",
    ),
    (evidence(1, mode=Mode.CLOCK, **MINE), "missing", "the window of 5 s is over"),
    (evidence(1, **MINE), "missing", "does not have it yet: because."),
    (
        evidence(
            1, replica={1: "old", 2: "second"}, shown={1: "old", 2: "second"}, mine={1: "first"}
        ),
        "late",  # somebody else may have liked it
        "does not show 1 new thing",
    ),
    (evidence(1, replica=OLD, shown=OLD, mine={1: "first"}), "late", "does not show 1 new thing"),
]


@pytest.mark.parametrize(("case", "kind", "words"), CASES)
def test_a_page_says_what_it_shows_and_why(case, kind, words):
    verdict = judge(case)
    assert verdict.kind == kind
    assert words in verdict.sentence


def test_a_replica_that_lacks_notes_is_never_said_to_lack_no_write():
    assert evidence(0, replica={}).behind == 2
