"""The second checker: a table of what breaks which guarantee, and the definitions word for word."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinning.verify.transactions import Step, Transaction
from proof.guarantees import Guarantee, check

RYW, MR, MW, WFR = Guarantee


def w(key, value):
    return Step(True, key, value)


def r(key, value, least=0):
    return Step(False, key, value, least)


def did(session, begun, *steps, ended=None, is_sure=True):
    """What takes a second, if nothing else is said."""
    return Transaction(
        session=session,
        client=session,
        begun=begun,
        ended=begun + 1 if ended is None else ended,
        steps=steps,
        is_sure=is_sure,
    )


#: A history, and which guarantees its steps break.
TABLE = {
    "seen": ([did("a", 0, w("x", 1)), did("a", 2, r("x", 1))], []),
    "not seen": ([did("a", 0, w("x", 1)), did("a", 2, r("x", 0))], [RYW]),
    "not seen by another": ([did("a", 0, w("x", 1)), did("b", 2, r("x", 0))], []),
    "another key": ([did("a", 0, w("x", 1)), did("a", 2, r("y", 0))], []),
    "not over yet": ([did("a", 0, w("x", 1)), did("a", 0.5, r("x", 0))], []),
    "over in that moment": ([did("a", 0, w("x", 1)), did("a", 1, r("x", 0))], [RYW]),
    "of unknown outcome": (
        [did("a", 0, w("x", 1), is_sure=False), did("a", 2, r("x", 0))],
        [],
    ),
    "in the same transaction": ([did("a", 0, w("x", 1), r("x", 0))], [RYW]),
    "before it in the same transaction": ([did("a", 0, r("x", 0), w("x", 1))], []),
    "known to be there": ([did("a", 0, r("x", 1, least=2))], [RYW]),
    "another's, seen and then not": (
        [did("b", 0, w("x", 1)), did("a", 2, r("x", 1)), did("a", 4, r("x", 0))],
        [MR],
    ),
    "its own, seen and then not": (
        [did("a", 0, w("x", 1)), did("a", 2, r("x", 1)), did("a", 4, r("x", 0))],
        [RYW, MR],
    ),
    "of unknown outcome, seen and then not": (
        [
            did("a", 0, w("x", 1), is_sure=False),
            did("a", 2, r("x", 1)),
            did("a", 4, r("x", 0)),
        ],
        [MR],
    ),
    "a later write that is an older version": (
        [did("a", 0, w("x", 2)), did("a", 2, w("x", 1))],
        [MW],
    ),
    "a write that is older than what was read": (
        [did("a", 0, r("x", 2)), did("a", 2, w("x", 1))],
        [WFR],
    ),
    "the second of two writes, and not the first": (
        [did("a", 0, w("x", 1)), did("a", 2, w("y", 2)), did("b", 4, r("y", 2), r("x", 0))],
        [MW],
    ),
    "in whatever order they were read": (
        [did("a", 0, w("x", 1)), did("a", 2, w("y", 2)), did("b", 4, r("x", 0), r("y", 2))],
        [MW],
    ),
    "the first of two writes, and not the second": (
        [did("a", 0, w("x", 1)), did("a", 2, w("y", 2)), did("b", 4, r("y", 0), r("x", 1))],
        [],
    ),
    "two writes at the same time": (
        [did("a", 0, w("x", 1)), did("a", 0.5, w("y", 2)), did("b", 4, r("y", 2), r("x", 0))],
        [],
    ),
    "an answer, and not what it was given to": (
        [
            did("a", 0, w("x", 1)),
            did("b", 2, r("x", 1)),
            did("b", 4, w("y", 2)),
            did("c", 6, r("y", 2), r("x", 0)),
        ],
        [WFR],
    ),
    "an answer in the transaction that read": (
        [
            did("a", 0, w("x", 1)),
            did("b", 2, r("x", 1), w("y", 2)),
            did("c", 6, r("y", 2), r("x", 0)),
        ],
        [WFR],
    ),
    "an answer of unknown outcome that was seen": (
        [
            did("a", 0, w("x", 1)),
            did("b", 2, r("x", 1)),
            did("b", 4, w("y", 2), is_sure=False),
            did("c", 6, r("y", 2), r("x", 0)),
        ],
        [WFR],
    ),
}


@pytest.mark.parametrize(("history", "broken"), TABLE.values(), ids=TABLE)
def test_what_a_history_breaks(history, broken):
    assert counts(history) == Counter(broken)


def counts(history):
    findings = check(history)
    return Counter({each: findings.count(each) for each in Guarantee if findings.count(each)})


def test_a_read_that_only_goes_back_is_told_apart():
    assert check(TABLE["its own, seen and then not"][0]).went_back == 0
    assert check(TABLE["another's, seen and then not"][0]).went_back == 1


def test_pairs_are_reads_with_something_to_see():
    history = [did("a", 0, r("x", 0)), did("a", 2, w("x", 1)), did("a", 4, r("x", 1), r("y", 0))]
    assert check([*history, did("a", 6, r("y", 1, least=1))]).pairs == 2


histories = st.lists(
    st.builds(
        lambda session, begun, lasts, steps, is_sure: did(
            session, begun, *steps, ended=begun + lasts, is_sure=is_sure
        ),
        st.sampled_from("abc"),
        st.integers(0, 12),
        st.sampled_from([0, 1, 1, 3]),
        st.lists(
            st.builds(
                lambda is_write, key, value, least: Step(
                    is_write, key, value, 0 if is_write else least
                ),
                st.booleans(),
                st.sampled_from("xyz"),
                st.integers(0, 6),
                st.sampled_from([0, 0, 0, 2]),
            ),
            min_size=1,
            max_size=4,
        ),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=12,
)


def slowly(history):
    """Each step with each other one, as the definitions have it."""

    def earlier(by, place, key, is_write):
        """The versions that its session had written, or seen, before a step."""
        for other in history:
            is_before = other.ended < by.begun or (
                other.ended == by.begun and other.begun < other.ended
            )
            if other.session == by.session and is_before and other.is_sure:
                yield from of(other.steps, key, is_write)
        yield from of(by.steps[:place], key, is_write)

    def of(steps, key, is_write):
        return [each.value for each in steps if (each.key, each.is_write) == (key, is_write)]

    def misses(step, versions):
        return any(step.value < version for version in versions)

    def breaks(by, place, step):
        if step.is_write:
            yield MW, by.is_sure and misses(step, earlier(by, place, step.key, True))
            yield WFR, by.is_sure and misses(step, earlier(by, place, step.key, False))
            return
        yield RYW, misses(step, [step.least, *earlier(by, place, step.key, True)])
        yield MR, misses(step, earlier(by, place, step.key, False))
        seen = {(each.key, each.value) for each in by.steps if not each.is_write}
        for key, value in seen:
            writers = [each for each in history if w(key, value) in each.steps]
            if key != step.key and writers and writers[-1] is not by:
                (*_, writer) = writers
                everything = len(writer.steps)
                yield MW, misses(step, earlier(writer, 0, step.key, True))
                yield WFR, misses(step, earlier(writer, everything, step.key, False))

    return Counter(
        guarantee
        for by in history
        for place, step in enumerate(by.steps)
        for guarantee in {found for found, is_broken in breaks(by, place, step) if is_broken}
    )


@given(histories)
def test_it_agrees_with_the_definitions(history):
    assert counts(history) == slowly(history)
