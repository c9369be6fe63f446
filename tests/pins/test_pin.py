"""Pins: how memories combine, travel and end."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinning.pins.pin import SKEW_SECONDS, Pin, Pins, Position, held

LIMITS = {"window": 5, "max_pin": 60}
HOUR = 3600.0

BIGGEST = 2**63 - 1
clusters = st.sampled_from(["default", "other", "", "é\ud800 中"])
moments = st.floats(0, 4e9)
clock_pins = st.builds(Pin, cluster=clusters, written_at=moments)
position_pins = st.builds(
    Pin,
    cluster=clusters,
    written_at=moments,
    timeline=st.sampled_from(["7.1", "7.2", "8.1"]),
    position=st.integers(0, BIGGEST),
)
several_pins = st.builds(Pins, st.lists(clock_pins | position_pins, max_size=6))


@given(one=several_pins, other=several_pins)
def test_merging_gives_the_same_in_any_order(one, other):
    assert one.merge(other) == other.merge(one)


@given(one=several_pins, two=several_pins, three=several_pins)
def test_merging_gives_the_same_in_any_grouping(one, two, three):
    assert one.merge(two).merge(three) == one.merge(two.merge(three))


@given(pins=several_pins)
def test_merging_what_is_there_changes_nothing(pins):
    assert pins.merge(pins) == pins
    assert pins.merge(Pins()) == Pins().merge(pins) == pins


@given(one=several_pins, other=several_pins)
def test_merging_never_lowers(one, other):
    merged = {(pin.cluster, pin.timeline): pin for pin in one.merge(other)}
    for pin in [*one, *other]:
        kept = merged[pin.cluster, pin.timeline]
        assert kept.written_at >= pin.written_at
        assert pin.position is None or kept.position >= pin.position


@given(one=several_pins, other=several_pins)
def test_merging_invents_no_pin(one, other):
    known = {(pin.cluster, pin.timeline) for pin in [*one, *other]}
    assert {(pin.cluster, pin.timeline) for pin in one.merge(other)} == known


@given(one=several_pins, other=several_pins)
def test_equal_pins_have_equal_hashes(one, other):
    assert hash(one.merge(other)) == hash(other.merge(one))


def test_the_later_of_two_pins_stays():
    early = Pin(cluster="default", written_at=1.0, timeline="7.1", position=10)
    late = Pin(cluster="default", written_at=2.0, timeline="7.1", position=20)
    assert list(Pins([late, early])) == [late]


def test_pins_of_two_timelines_both_stay():
    old = Pin(cluster="default", written_at=1.0, timeline="7.1", position=20)
    new = Pin(cluster="default", written_at=2.0, timeline="7.2", position=10)
    assert len(Pins([old, new])) == 2


def test_a_cluster_has_only_its_own_pins():
    mine, theirs = Pin(cluster="default", written_at=1.0), Pin(cluster="other", written_at=1.0)
    assert Pins([mine, theirs]).of("default") == (mine,)


@given(pins=several_pins)
def test_pins_come_back_as_they_were_sent(pins):
    assert Pins.decode(json.loads(json.dumps(pins.encode()))) == pins


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=5) | st.dictionaries(st.text(max_size=3), values),
    max_leaves=10,
)
parts = st.sampled_from(
    [
        *("default", "", "7.1", "x" * 201, "\ud800", None, True, False, [], {}),
        *(0, 1, -1, BIGGEST, 2**63, 2**70, 1.5, -1.5, 1e300, math.nan, math.inf, -math.inf),
    ]
)


def is_sound(pin: Pin) -> bool:
    """By exact types, as bool is an int and nan compares with nothing."""
    return (
        (type(pin.cluster), type(pin.written_at), type(pin.timeline)) == (str, float, str)
        and 0 <= pin.written_at <= BIGGEST
        and (pin.timeline == "" if pin.position is None else pin.timeline != "")
        and (pin.position is None or (type(pin.position) is int and 0 <= pin.position <= BIGGEST))
        and max(len(pin.cluster), len(pin.timeline)) <= 200
    )


@given(raw=json_values | st.lists(st.lists(parts, min_size=3, max_size=5)))
@settings(max_examples=1000)
def test_decoding_anything_gives_only_sound_pins(raw):
    assert all(is_sound(pin) for pin in Pins.decode(raw))


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        {},
        {"default": 1},
        42,
        "default",
        [None],
        ["default"],
        [[]],
        [["default", 1.0, ""]],
        [["default", 1.0, "", None, None]],
        [[b"default", 1.0, "", None]],
        [[None, 1.0, "", None]],
        [["default", "1", "", None]],
        [["default", None, "", None]],
        [["default", True, "", None]],
        [["default", -1.0, "", None]],
        [["default", math.nan, "", None]],
        [["default", math.inf, "", None]],
        [["default", 2**70, "", None]],
        [["default", 1.0, None, None]],
        [["default", 1.0, "7.1", None]],
        [["default", 1.0, "", 5]],
        [["default", 1.0, "7.1", True]],
        [["default", 1.0, "7.1", "5"]],
        [["default", 1.0, "7.1", 5.0]],
        [["default", 1.0, "7.1", -1]],
        [["default", 1.0, "7.1", 2**63]],
        [["x" * 201, 1.0, "", None]],
        [["default", 1.0, "x" * 201, 5]],
    ],
)
def test_what_is_no_pin_is_left_out(raw):
    assert not Pins.decode(raw)


def test_a_broken_entry_takes_no_other_one_away():
    assert len(Pins.decode([["default", 1.0, "", None], ["broken"], None])) == 1


def written(at: float, position: int | None = None) -> Pin:
    timeline = "" if position is None else "7.1"
    return Pin(cluster="default", written_at=at, timeline=timeline, position=position)


def seen(clock: float, **places: int) -> Position:
    return Position(
        places={name.replace("_", "."): lsn for name, lsn in places.items()}, clock=clock
    )


@pytest.mark.parametrize(
    ("pin", "position", "now", "is_over"),
    [
        # Without a position, this machine's clock decides
        (written(100), None, 100, False),
        (written(100), None, 104.9, False),
        (written(100), None, 105, True),
        (written(100), seen(500, _7_1=9), 104, False),
        (written(100), None, 99, False),
        (written(100), None, -HOUR, False),
        # ... also when the replica could not tell its own
        (written(100, 50), None, 104.9, False),
        (written(100, 50), None, 105, True),
    ],
)
def test_a_pin_is_over_by_the_clock(pin, position, now, is_over):
    assert pin.is_over(position, now, **LIMITS) is is_over


@pytest.mark.parametrize("skew", [0.0, HOUR])
@pytest.mark.parametrize(
    ("position", "is_over"),
    [
        # On the same timeline, the place decides
        (seen(100, **{"7_1": 50}), True),
        (seen(100, **{"7_1": 51}), True),
        (seen(100, **{"7_1": 49}), False),
        (seen(159.9, **{"7_1": 49}), False),
        (seen(159.9, **{"7_1": 0}), False),
        (seen(100, **{"7_1": 50, "7_2": 0}), True),
        # ... however long that takes: a store keeps it no longer than allowed
        (seen(160, **{"7_1": 49}), False),
        (seen(160), True),
        # On another one, the window does
        (seen(104.9, **{"7_2": 99}), False),
        (seen(105, **{"7_2": 99}), True),
        (seen(100, **{"8_1": 50}), False),
        # ... and not before the replica is as far as the primary was
        (seen(105, **{"7_2": 49}), False),
        (seen(159.9, **{"7_2": 49}), False),
        (seen(160, **{"7_2": 49}), True),
        # ... whatever it has replayed of another log
        (seen(105, **{"7_2": 99, "8_1": 3}), True),
        # A log of which the replica knows nothing has not come that far
        (seen(105, **{"8_1": 99}), False),
        (seen(159.9, **{"8_1": 99}), False),
        (seen(160, **{"8_1": 99}), True),
        # A node that replays nothing is another primary
        (seen(104.9), False),
        (seen(105), True),
    ],
)
def test_a_pin_is_over_by_the_servers_clock_and_place(position, is_over, skew):
    now = position.clock + skew
    assert written(100, 50).is_over(position, now, **LIMITS) is is_over


@pytest.mark.parametrize(
    ("clock", "since", "is_over"),
    [
        (101, 0, True),
        (101, 100, True),
        # The timeline may have been another history when the pin was written
        (101, 100.1, False),
        (104.9, 100.1, False),
        (105, 100.1, True),
    ],
)
def test_a_place_counts_for_pins_since_its_timeline_is_known(clock, since, is_over):
    position = Position(places={"7.1": 50}, clock=clock, since=since)
    assert written(100, 50).is_over(position, clock, **LIMITS) is is_over


@pytest.mark.parametrize(
    "position", [seen(160, **{"7_1": 49}), seen(105, **{"7_2": 99}), seen(105)]
)
def test_no_clock_that_is_wrong_ends_a_pin_alone(position):
    """Neither this machine's, nor the replica's."""
    assert not written(100, 50).is_over(position, 100 - HOUR, **LIMITS)
    assert not written(100, 50).is_over(position, 101, **LIMITS)


@pytest.mark.parametrize(
    ("pin", "lasts"), [(written(100), 5), (written(100, 50), 60)], ids=["clock", "position"]
)
def test_a_pin_is_worth_keeping_until_it_can_only_be_over(pin, lasts):
    assert pin.lasts(**LIMITS) == lasts


def test_a_window_beyond_the_longest_time_is_kept():
    assert written(100, 50).lasts(window=90, max_pin=60) == 90


def test_pins_last_as_long_as_the_longest_of_them():
    assert Pins([written(100), written(100, 50)]).lasts(**LIMITS) == 60


def test_no_pins_last_no_time():
    assert Pins().lasts(**LIMITS) == 0


@pytest.mark.parametrize(
    ("now", "stays"), [(99, True), (100, True), (104.9, True), (105, False), (9e9, False)]
)
def test_a_clock_pin_is_fresh_within_the_window(now, stays):
    assert bool(Pins([written(100)]).fresh(now, **LIMITS)) is stays


@pytest.mark.parametrize("now", [0, 100, 9e9])
def test_a_position_pin_alone_is_fresh_by_any_clock(now):
    """The primary's clock is not known here; the replica's answer will tell."""
    pins = Pins([written(100, 50)])
    assert pins.fresh(now, **LIMITS) == pins


def test_a_position_pin_is_over_when_the_same_primary_wrote_a_longest_time_later():
    old = Pin(cluster="default", written_at=100, timeline="7.1", position=50)
    new = Pin(cluster="default", written_at=160, timeline="7.2", position=60)
    assert Pins([old, new]).fresh(0, **LIMITS) == Pins([new])


def test_the_clock_of_one_cluster_ends_no_pin_of_another():
    here = Pin(cluster="default", written_at=100, timeline="7.1", position=50)
    there = Pin(cluster="other", written_at=100 + HOUR, timeline="9.1", position=60)
    assert len(Pins([here, there]).fresh(0, **LIMITS)) == 2


@pytest.mark.parametrize("primarys_error", [-HOUR, 0, HOUR])
def test_a_hold_and_a_position_leave_each_other_alone_whatever_the_primarys_clock(primarys_error):
    """The time of a hold is a web machine's."""
    now = 3 * HOUR
    pins = Pins([written(now + primarys_error, 50), held("default", now)])
    assert pins.fresh(now, **LIMITS) == pins


def test_a_hold_that_is_over_is_not_fresh():
    ended = 160 + SKEW_SECONDS
    assert Pins([held("default", 100)]).fresh(ended, **LIMITS) == Pins()
    assert held("default", 100).is_over(None, ended, **LIMITS)


@pytest.mark.parametrize("error", [-SKEW_SECONDS, 0, SKEW_SECONDS - 1])
def test_a_hold_lasts_for_max_pin_whatever_the_other_machines_clock_says(error):
    pin = held("default", 100)
    for now in range(100 + error, 160 + error):
        assert not pin.is_over(None, now, **LIMITS)
        assert Pins([pin]).fresh(now, **LIMITS)


@given(pins=several_pins, now=moments)
def test_fresh_pins_are_some_of_the_pins(pins, now):
    fresh = pins.fresh(now, **LIMITS)
    assert set(fresh) <= set(pins)
    assert fresh.fresh(now, **LIMITS) == fresh


@pytest.mark.parametrize(
    ("here", "there", "distance"),
    [
        ({"7.1": 90}, {"7.1": 100}, 10),
        ({"7.1": 100}, {"7.1": 100}, 0),
        ({"7.1": 101}, {"7.1": 100}, 0),
        ({"7.?": 90}, {"7.2": 100}, 10),
        ({"8.1": 90}, {"7.1": 100}, 0),
        ({"0.1": 5, "1.1": 7}, {"0.1": 6, "0.2": 8, "1.1": 9}, 5),
    ],
)
def test_how_much_a_replica_lacks(here, there, distance):
    here, there = Position(places=here, clock=0.0), Position(places=there, clock=0.0)
    assert here.distance_to(there) == distance
    assert here.is_behind(there) == (distance > 0)
