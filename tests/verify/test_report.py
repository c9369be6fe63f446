"""A verdict in words."""

import io

import pytest

from pinning import Reason
from pinning.verify.checker import check
from pinning.verify.history import NO_ANSWER, Kind, Operation
from pinning.verify.progress import Progress
from pinning.verify.report import objection, report, summary


def did(kind, value, at, **more):
    facts = {"session": "user 1", "client": "user 1 (phone)", **more}
    return Operation(kind=kind, sent=at, answered=at + 0.5, value=value, **facts)


def read(value, at, alias="replica1", reason="caught_up", **more):
    return did(Kind.READ, value, at, alias=alias, reason=reason, **more)


WRITE = did(Kind.WRITE, 7, 0)


def test_a_good_one_is_one_sentence():
    assert summary(check([WRITE, read(7, 1)])) == "Reads after a write: 1. Each saw it."


def test_a_stale_read_is_told_in_full():
    verdict = check([WRITE, read(5, 1, client="user 1 (laptop)")])
    assert summary(verdict) == "Stale: 1 of 1 reads."
    assert (
        "user 1 (phone) wrote 7, acknowledged at 0.500 s;\n"
        "a read sent 500.0 ms later by user 1 (laptop) saw 5,\n"
        f"from replica1 because: {Reason.CAUGHT_UP.explanation} (caught_up)"
    ) in report(verdict)


def test_a_read_that_missed_its_own_request_is_told_in_full():
    verdict = check([WRITE, read(5, 1, least=8)])
    assert (
        "user 1 (phone) had to see 8 in the same request, and saw 5,\n"
        f"from replica1 because: {Reason.CAUGHT_UP.explanation} (caught_up)"
    ) in report(verdict)


def test_a_failed_request_is_told():
    verdict = check([WRITE, read(7, 1), read(None, 2, status=500), read(None, 3, status=NO_ANSWER)])
    assert summary(verdict) == "Failed: 2 requests."
    assert "a read of user 1 (phone) failed after 0.5 s: status 500" in report(verdict)
    assert "a read of user 1 (phone) failed after 0.5 s: nobody answered" in report(verdict)


def test_only_the_first_few_are_told():
    verdict = check([WRITE, *(read(0, at) for at in range(1, 50))])
    assert report(verdict).count("wrote 7") == 5
    assert "stale reads       49" in report(verdict)


def test_shares_are_told():
    verdict = check([WRITE, read(7, 1), read(7, 2), read(7, 3), read(7, 4, "default", "pinned")])
    assert " 75.0 %  replica1     caught_up" in report(verdict)
    assert " 25.0 %  default      pinned" in report(verdict)


def test_reads_that_went_back_are_told_and_no_fault():
    under_way = Operation(
        kind=Kind.WRITE, session="user 1", client="other", sent=0.6, answered=9, value=8
    )
    verdict = check([WRITE, under_way, read(8, 1), read(7, 2)])
    assert verdict.is_good
    assert "not acknowledged yet: 1" in report(verdict)


@pytest.mark.parametrize(
    ("alias", "reason", "words"),
    [
        ("replica1", "caught_up", ""),
        ("", "", ""),
        ("default", "switched_off", "proves nothing: the primary served every read"),
        ("default", "switched_off", "because USE_REPLICAS is off"),
        ("default", "replica", "because the site is in shadow mode"),
        ("default", "", "proves nothing"),
    ],
)
def test_reads_of_the_primary_alone_prove_nothing(alias, reason, words):
    text = objection(check([WRITE, read(7, 1, alias, reason)]))
    assert words in text
    assert bool(text) == bool(words)


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_drawn_for_a_person_and_gone_at_the_end():
    screen = Screen()
    progress = Progress(screen)
    progress(0.5)
    assert screen.getvalue() == f"\r[{'#' * 20}{' ' * 20}]  50%\r"
    progress(1.0)
    assert screen.getvalue().endswith(f"\r{' ' * 47}\r")


def test_nothing_is_drawn_for_a_file():
    file = io.StringIO()
    Progress(file)(0.5)
    assert file.getvalue() == ""
