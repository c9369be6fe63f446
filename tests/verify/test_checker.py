"""The checker finds every wrong read and no other: tables, and a slow one to compare with."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinning.verify.checker import EmptyHistoryError, check
from pinning.verify.history import NO_ANSWER, Kind, Operation


def did(kind, value, sent, answered, status=200, session="one", client="phone", **more):
    return Operation(
        kind=kind,
        session=session,
        client=client,
        sent=sent,
        answered=answered,
        status=status,
        value=value,
        alias="replica1",
        reason="replica",
        **more,
    )


def wrote(value, sent, answered, status=200, **more):
    return did(Kind.WRITE, value, sent, answered, status, **more)


def read(value, sent, answered, status=200, **more):
    return did(Kind.READ, value, sent, answered, status, **more)


def lost(value, at, **more):
    return did(Kind.LOST, value, at, at, **more)


#: A history, and how many pairs, stale reads, reads that went back and failed requests it has.
TABLE = {
    "seen": ([wrote(1, 0, 1), read(1, 2, 3)], (1, 0, 0, 0)),
    "missed": ([wrote(1, 0, 1), read(0, 2, 3)], (1, 1, 0, 0)),
    "an old value": ([wrote(1, 0, 1), wrote(2, 2, 3), read(1, 4, 5)], (1, 1, 0, 0)),
    "newer than acknowledged": ([wrote(1, 0, 1), wrote(2, 2, 9), read(2, 3, 4)], (1, 0, 0, 0)),
    "sent before the answer came": (
        [wrote(1, 0, 1), wrote(2, 2, 4), read(1, 3, 5)],
        (1, 0, 0, 0),
    ),
    "sent in the moment of the answer": ([wrote(1, 0, 1), read(0, 1, 2)], (1, 1, 0, 0)),
    "sent with a write that took no time": (
        [wrote(1, 0, 0), wrote(2, 1, 1), read(1, 1, 2)],
        (1, 0, 0, 0),
    ),
    "answers that cross": (
        [wrote(2, 0, 1), wrote(1, 0, 2), read(1, 3, 4)],
        (1, 1, 0, 0),
    ),
    "another's write": (
        [wrote(1, 0, 1), read(1, 2, 3), read(0, 2, 3, session="two")],
        (1, 0, 0, 0),
    ),
    "on the other device": ([wrote(1, 0, 1), read(0, 2, 3, client="laptop")], (1, 1, 0, 0)),
    "a write that failed": (
        [wrote(1, 0, 1), wrote(2, 2, 3, status=500), read(1, 4, 5)],
        (1, 0, 0, 1),
    ),
    "a write that nobody answered, and was done": (
        [wrote(1, 0, 1), wrote(2, 2, 3, status=NO_ANSWER), read(2, 4, 5)],
        (1, 0, 0, 1),
    ),
    "a failed write that was seen, and then not": (
        [wrote(1, 0, 1), wrote(2, 2, 3, status=500), read(2, 4, 5), read(1, 6, 7)],
        (2, 0, 1, 1),
    ),
    "a write under way that was seen, and then not": (
        [wrote(1, 0, 1), wrote(2, 2, 9), read(2, 3, 4), read(1, 5, 6)],
        (2, 0, 1, 0),
    ),
    "a read that failed saw nothing": (
        [wrote(1, 0, 1), read(0, 2, 3, status=500), read(1, 4, 5)],
        (1, 0, 0, 1),
    ),
    "below what was acknowledged is stale, not back": (
        [wrote(1, 0, 1), read(1, 2, 3), read(0, 4, 5)],
        (2, 1, 0, 0),
    ),
    "in any order": ([read(0, 2, 3), wrote(1, 0, 1)], (1, 1, 0, 0)),
    "what the primary lost": (
        [wrote(1, 0, 1), wrote(2, 2, 3), lost(1, 4), read(1, 5, 6)],
        (1, 0, 0, 0),
    ),
    "more than the primary lost": (
        [wrote(1, 0, 1), wrote(2, 2, 3), lost(1, 4), read(0, 5, 6)],
        (1, 1, 0, 0),
    ),
    "lost while it was read": (
        [wrote(1, 0, 1), wrote(2, 2, 3), read(1, 4, 6), lost(1, 5)],
        (1, 0, 0, 0),
    ),
    "lost after it was read": (
        [wrote(1, 0, 1), wrote(2, 2, 3), read(1, 4, 5), lost(1, 6)],
        (1, 1, 0, 0),
    ),
    "written after the loss": (
        [wrote(2, 0, 1), lost(1, 2), wrote(3, 3, 4), read(2, 5, 6)],
        (1, 1, 0, 0),
    ),
    "a loss that took nothing": ([wrote(1, 0, 1), lost(7, 2), read(0, 3, 4)], (1, 1, 0, 0)),
    "what the request itself had written": (
        [did(Kind.READ, 2, 0, 1, least=3), did(Kind.READ, 3, 2, 3, least=3)],
        (2, 1, 0, 0),
    ),
    "less than was acknowledged, but what the request had written": (
        [wrote(5, 0, 1), did(Kind.READ, 3, 2, 3, least=3)],
        (1, 1, 0, 0),
    ),
    "a login is a request": (
        [did(Kind.LOGIN, None, 0, 1, status=503), wrote(1, 2, 3), read(1, 4, 5)],
        (1, 0, 0, 1),
    ),
}


@pytest.mark.parametrize(("history", "counts"), TABLE.values(), ids=TABLE)
def test_each_read_is_judged(history, counts):
    verdict = check(history)
    assert (verdict.pairs, verdict.stale, verdict.went_back, verdict.failed) == counts
    assert verdict.is_good == (not verdict.stale and not verdict.failed)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([], "is empty"),
        ([lost(1, 0)], "is empty"),
        ([read(0, 0, 1), read(0, 2, 3)], "No write"),
        ([wrote(1, 0, 1, status=502), read(0, 2, 3)], "No write.* 1, the first with status 502"),
        ([wrote(1, 0, 1)], "No read"),
        ([read(0, 0, 1), wrote(1, 2, 3)], "No read"),
        ([wrote(1, 0, 1), read(0, 2, 3, status=500)], "No read"),
        ([wrote(1, 0, 1), read(0, 2, 3, session="two")], "No read"),
    ],
)
def test_what_proves_nothing_is_refused(history, words):
    with pytest.raises(EmptyHistoryError, match=words):
        check(history)


def test_a_stale_read_comes_with_the_write_it_missed():
    first, second, missed = wrote(1, 0, 1), wrote(2, 2, 3), read(1, 4, 5)
    (wrong,) = check([first, second, missed]).first_stale
    assert (wrong.read, wrong.evidence) == (missed, second)


def test_a_read_that_missed_its_own_request_is_its_own_evidence():
    missed = did(Kind.READ, 4, 4, 5, least=6)
    (wrong,) = check([wrote(5, 0, 1), missed]).first_stale
    assert (wrong.read, wrong.evidence) == (missed, missed)


def test_pairs_and_stale_reads_are_counted_by_their_ways():
    verdict = check(
        [
            wrote(1, 0, 1, way="stream"),
            read(1, 2, 3, way="read"),
            read(0, 4, 5, way="next"),
            did(Kind.READ, 6, 6, 7, least=6, way="both"),
        ]
    )
    own = ("both", "both")
    assert verdict.pairs_by_ways == {("stream", "read"): 1, ("stream", "next"): 1, own: 1}
    assert verdict.stale_by_ways == {("stream", "next"): 1}


def test_where_reads_were_served_is_counted():
    assert check([wrote(1, 0, 1), read(1, 2, 3)]).served == {("replica1", "replica"): 1}


moments = st.integers(0, 30)
histories = st.lists(
    st.builds(
        lambda kind, value, least, one, other, status, session, client: did(
            kind,
            value,
            float(min(one, other)),
            float(max(one, other)),
            status,
            session,
            client,
            least=least if kind is Kind.READ else 0,
        ),
        st.sampled_from([Kind.WRITE, Kind.READ, Kind.READ]),
        st.integers(0, 5),
        st.sampled_from([0, 0, 0, 2, 4]),
        moments,
        moments,
        st.sampled_from([200, 200, 200, 500, NO_ANSWER]),
        st.sampled_from(["one", "two"]),
        st.sampled_from(["phone", "laptop"]),
    ),
    max_size=25,
)


def slowly(history):
    """Stale reads and reads that went back, each compared with every operation before it."""

    def before(later, kind):
        return [
            earlier.value
            for earlier in history
            if (earlier.kind, earlier.session, earlier.status) == (kind, later.session, 200)
            and earlier.answered <= later.sent
            and (earlier.sent < earlier.answered or earlier.answered < later.sent)
        ]

    pairs = stale = back = 0
    for operation in history:
        if operation.kind is Kind.READ and operation.status == 200:
            written = before(operation, Kind.WRITE)
            written += [operation.least] if operation.least else []
            is_stale = any(operation.value < value for value in written)
            pairs += bool(written)
            stale += is_stale
            back += not is_stale and any(
                operation.value < value for value in before(operation, Kind.READ)
            )
    return pairs, stale, back


@given(histories)
def test_it_agrees_with_the_slow_one(history):
    pairs, stale, back = slowly(history)
    if not pairs:
        with pytest.raises(EmptyHistoryError):
            check(history)
        return
    verdict = check(history)
    assert (verdict.pairs, verdict.stale, verdict.went_back) == (pairs, stale, back)


@given(histories, st.randoms())
def test_the_order_of_the_lines_does_not_matter(history, chance):
    shuffled = random.Random(chance.random()).sample(history, len(history))
    try:
        verdict = check(history)
    except EmptyHistoryError:
        with pytest.raises(EmptyHistoryError):
            check(shuffled)
        return
    again = check(shuffled)
    assert (again.pairs, again.stale, again.failed) == (
        verdict.pairs,
        verdict.stale,
        verdict.failed,
    )
