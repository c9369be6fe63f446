"""What the page says about itself."""

import pytest

from example_project.panel.modes import Mode
from example_project.panel.reads import Run
from example_project.panel.verdict import Evidence, judge

ALL = {1: "first", 2: "second"}
OLD = {1: "first"}


def run(alias: str = "replica1", explanation: str = "because") -> Run:
    return Run(
        verb="SELECT",
        model="board.Note",
        alias=alias,
        reason="reason",
        explanation=explanation,
        milliseconds=1.0,
        at=0.0,
    )


def evidence(**more: object) -> Evidence:
    usual = {
        "shown": ALL,
        "primary": ALL,
        "replica": ALL,
        "mine": {},
        "read": run(),
        "mode": Mode.POSITION,
        "window": 5.0,
    }
    return Evidence(**{**usual, **more})


CASES = [
    (evidence(replica=None, read=run("default")), "alone", "The replica does not answer."),
    (evidence(), "fresh", "was read from replica1: because."),
    (evidence(replica=OLD, read=run("default")), "kept", "The replica lacks 1 new thing; this"),
    (evidence(replica={}, read=run("default")), "kept", "lacks 2 new things; this page shows them"),
    (evidence(replica=OLD, shown=OLD), "late", "does not show 1 new thing yet"),
    (
        evidence(replica=OLD, shown=OLD, mine={2: "second"}, mode=Mode.OFF),
        "missing",
        "Your note “second” is missing. It is safe on the primary, but this page was read from "
        "replica1, which does not have it yet: pinning is off",
    ),
    (
        evidence(replica=OLD, shown=OLD, mine={2: "second"}, mode=Mode.CLOCK),
        "missing",
        "the window of 5 s is over",
    ),
    (
        evidence(replica=OLD, shown=OLD, mine={2: "second"}),
        "missing",
        "does not have it yet: because.",
    ),
    (
        evidence(replica={1: "old", 2: "second"}, shown={1: "old", 2: "second"}, mine={1: "first"}),
        "late",  # somebody else may have liked it
        "does not show 1 new thing",
    ),
    (evidence(replica=OLD, shown=OLD, mine={1: "first"}), "late", "does not show 1 new thing"),
]


@pytest.mark.parametrize(("case", "kind", "words"), CASES)
def test_a_page_says_what_it_shows_and_why(case, kind, words):
    verdict = judge(case)
    assert verdict.kind == kind
    assert words in verdict.sentence
