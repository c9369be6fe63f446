"""Histories as strangers read them: by grammar, by example, and back again."""

import re

import pytest

from pinning.verify.formats import FORMATS
from pinning.verify.history import Kind, Operation
from pinning.verify.transactions import transactions
from tests.proof import simulated


def did(kind, value, sent, answered, status=200, session="one", client="phone", least=0):
    return Operation(
        kind=kind,
        session=session,
        client=client,
        sent=sent,
        answered=answered,
        status=status,
        value=value,
        least=least,
    )


def wrote(value, *when, **more):
    return did(Kind.WRITE, value, *when, **more)


def read(value, *when, **more):
    return did(Kind.READ, value, *when, **more)


def lines(name, *history):
    return list(FORMATS[name](history))


def event(kind, value, process, time, index):
    return (
        f"{{:type :{kind}, :f :txn, :value [{value}], "
        f":process {process}, :time {time}, :index {index}}}"
    )


def test_json_is_our_own():
    assert lines("json", wrote(1, 0, 1)) == [wrote(1, 0, 1).to_line()]


def test_elle_is_told_when_each_transaction_began_and_ended():
    history = [wrote(7, 10, 10.5), read(0, 10.25, 11, client="laptop"), read(7, 12, 13)]
    assert lines("elle", *history) == [
        event("invoke", "[:w 0 7]", 0, 0, 0),
        event("invoke", "[:r 0 nil]", 1, 250_000_000, 1),
        event("ok", "[:w 0 7]", 0, 500_000_000, 2),
        event("ok", "[:r 0 nil]", 1, 1_000_000_000, 3),
        event("invoke", "[:r 0 nil]", 0, 2_000_000_000, 4),
        event("ok", "[:r 0 7]", 0, 3_000_000_000, 5),
    ]


def test_a_process_whose_write_failed_never_does_anything_again():
    history = [wrote(1, 0, 1), wrote(2, 2, 3, status=500), read(2, 4, 5)]
    told = lines("elle", *history)
    assert [re.search(r":type :(\w+).*:process (\d)", line).groups() for line in told[2:]] == [
        *(("invoke", "0"), ("info", "0")),
        *(("invoke", "1"), ("ok", "1")),
    ]


def test_what_ends_in_a_moment_ends_before_what_begins():
    told = lines("elle", wrote(1, 0, 1), read(1, 1, 1))
    assert [re.search(r":type :(\w+), .*\[\[:(.)", line).groups() for line in told] == [
        *(("invoke", "w"), ("ok", "w"), ("invoke", "r"), ("ok", "r"))
    ]


def test_of_a_list_a_read_has_seen_all_that_came_before():
    history = [wrote(1, 0, 1), wrote(2, 2, 3, status=500), wrote(3, 4, 5), read(3, 6, 7)]
    told = lines("elle-append", *history, wrote(4, 8, 9), read(1, 10, 11))
    assert event("ok", "[:append 0 1]", 0, 1_000_000_000, 1) == told[1]
    assert event("ok", "[:r 0 [1 3]]", 1, 7_000_000_000, 7) == told[7]
    assert "[:r 0 [1]]" in told[-1]


def test_a_failed_write_is_in_the_list_if_it_was_seen():
    history = [wrote(1, 0, 1), wrote(2, 2, 3, status=500), read(2, 6, 7)]
    assert "[:r 0 [1 2]]" in lines("elle-append", *history)[-1]


def test_plume_has_a_line_for_each_step():
    history = [
        wrote(7, 0, 1),
        read(0, 0, 2, client="laptop"),
        wrote(3, 4, 5, session="two", client="tab"),
        read(3, 4, 5, session="two", client="tab", least=3),
        read(7, 6, 7),
    ]
    assert lines("plume", *history) == [
        *("w(0,7,0,1)", "r(0,0,1,2)", "w(1,3,2,3)", "r(1,3,2,3)", "r(0,7,0,4)")
    ]


def test_of_failed_writes_plume_gets_those_that_were_seen_as_sessions_of_their_own():
    history = [wrote(1, 0, 1), wrote(2, 2, 3, status=0), read(1, 4, 5), read(2, 6, 7)]
    failed = wrote(3, 8, 9, status=0)
    assert lines("plume", *history, failed) == [
        *("w(0,1,0,1)", "w(0,2,1,2)", "r(0,1,0,3)", "r(0,2,0,4)")
    ]


@pytest.mark.parametrize("name", ["elle", "elle-append", "plume"])
@pytest.mark.parametrize(
    "more",
    [[], [wrote(None, 8, 9, status=0, session="two"), wrote(1, 6, 7, session="two")]],
    ids=["nobody wrote it", "nobody knows what was written"],
)
def test_what_strangers_cannot_judge_is_left_out(name, more):
    two = read(1, 2, 3, session="two", least=1)
    assert lines(name, two, *more) == []


@pytest.mark.parametrize("name", ["elle", "elle-append", "plume"])
def test_an_empty_history_has_no_lines(name):
    assert lines(name) == []


WORD = r"\[:(?:w|append) \d+ [1-9]\d*\]|\[:r \d+ (?:nil|[1-9]\d*|\[[\d ]*\])\]"
GRAMMAR = {
    "elle": rf"\{{:type :(?:invoke|ok|info), :f :txn, :value \[(?:(?:{WORD}) ?)+\], "
    r":process \d+, :time \d+, :index \d+\}",
    "plume": r"[rw]\(\d+,\d+,\d+,\d+\)",
}
GRAMMAR["elle-append"] = GRAMMAR["elle"]


@pytest.mark.parametrize("name", GRAMMAR)
def test_every_line_has_the_form_that_they_read(name):
    told = lines(name, *simulated.history(2000, seed=4, mistakes=0.2))
    assert [line for line in told if not re.fullmatch(GRAMMAR[name], line)] == []
    assert len(told) > 1500


@pytest.mark.parametrize("name", ["elle", "elle-append"])
def test_a_process_does_one_thing_after_the_other(name):
    busy = set()
    for index, line in enumerate(lines(name, *simulated.history(2000, seed=5, mistakes=0.2))):
        kind, process = re.search(r":type :(\w+), .*:process (\d+)", line).groups()
        assert f":index {index}}}" in line
        assert (process in busy) is (kind != "invoke")
        if kind != "info":  # after which it is busy for ever
            busy ^= {process}


def test_all_that_was_read_and_written_is_told():
    history = simulated.history(2000, seed=6, mistakes=0.2)
    done = [each for each in transactions(history) if each.is_sure]
    reads = [step.value for each in done for step in each.steps if not step.is_write]
    told = "\n".join(lines("plume", *history))
    assert [int(value) for value in re.findall(r"r\(\d+,(\d+)", told)] == reads
    oks = [line for line in lines("elle", *history) if ":ok" in line]
    assert len(oks) == len(done)
