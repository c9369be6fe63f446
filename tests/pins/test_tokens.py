"""Tokens: how long their pins count, and which of them stay when tokens are combined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinning.pins.pin import SKEW_SECONDS, Pin, Pins
from pinning.pins.tokens import (
    DAY_SECONDS,
    Given,
    Token,
    combined,
    hold,
    pins_of,
    without_hold,
)

LIMITS = {"window": 5, "max_pin": 60}


def one(position=5, since=100, timeline="7.1", cluster="default"):
    pin = Pin(
        cluster=cluster, written_at=float(position or 0), timeline=timeline, position=position
    )
    return Given(pin, since)


def by_clock(since=100):
    return Given(Pin(cluster="default", written_at=1.0), since)


@pytest.mark.parametrize(
    ("given", "age", "counts"),
    [
        (one(), 0, True),
        (one(), 60, True),
        (one(), 60 + DAY_SECONDS, True),
        (one(), 61 + DAY_SECONDS, False),
        (one(), 10**9, False),
        (one(), -DAY_SECONDS, True),
        (one(), -DAY_SECONDS - 1, False),
        (by_clock(), 5 + SKEW_SECONDS, True),
        (by_clock(), 6 + SKEW_SECONDS, False),
        (by_clock(), -DAY_SECONDS, True),
        (by_clock(), -DAY_SECONDS - 1, False),
        (hold(100), 60 + SKEW_SECONDS, True),
        (hold(100), 61 + SKEW_SECONDS, False),
    ],
)
def test_a_pin_counts_while_it_is_young(given, age, counts):
    token = Token(issued_at=given.since, given=(given,))
    assert token.alive(given.since + age, **LIMITS) == [given] * counts


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ([one(5), one(6)], [one(6)]),
        ([one(5, since=200), one(5, since=100)], [one(5, since=200)]),
        # The farther pin keeps its age, and the younger one stays beside it.
        ([one(9, since=100), one(5, since=200)], [one(5, since=200), one(9, since=100)]),
        ([one(5), one(6, timeline="7.2")], [one(5), one(6, timeline="7.2")]),
        ([one(5), one(6, cluster="orders")], [one(5), one(6, cluster="orders")]),
        ([one(5), one(5)], [one(5)]),
        ([], []),
    ],
)
def test_what_another_covers_is_left_out(given, left):
    assert set(combined(given)) == set(combined(reversed(given))) == set(left)


many = st.lists(
    st.builds(
        one,
        st.integers(1, 9),
        st.integers(1, 9),
        st.sampled_from(["7.1", "7.2"]),
        st.sampled_from(["default", "orders"]),
    ),
    max_size=8,
)


@given(given=many)
def test_combining_loses_no_pin_and_makes_none_younger(given):
    left = combined(given)
    assert set(left) <= set(given)
    assert pins_of(left) == pins_of(given)


@given(given=many, now=st.integers(0, 200))
def test_whoever_counts_later_covers_who_would_have_counted(given, now):
    """At no time does leaving out what others cover change which pins count."""

    def alive(ones):
        return pins_of(one for one in ones if one.is_alive(now, **LIMITS))

    assert alive(combined(given)) == alive(given)


def test_a_hold_ends_alone():
    assert without_hold([one(), hold(100)]) == [one()]


def test_a_hold_is_for_every_cluster():
    pins = pins_of([hold(100)]).spread(["default", "orders"])
    assert {pin.cluster for pin in pins} == {"default", "orders"}


def test_pins_without_a_hold_stay_as_they_are():
    pins = Pins([one().pin])
    assert pins.spread(["default", "orders"]) is pins
