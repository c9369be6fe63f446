"""When a replica may have a pin, judging by those that it was seen to lack."""

import math

import pytest

from pinning.health.progress import Progress
from pinning.pins.pin import Pin, Position

NOW = 1000.0


def pin(place: int, written_at: float, timeline: str = "7.1") -> Pin:
    return Pin(cluster="default", written_at=written_at, timeline=timeline, position=place)


def at(places: dict[str, int], server: str = "") -> Position:
    return Position(places=places, clock=0.0, server=server)


def seen(*answers: tuple[float, int, list[Pin]]) -> Progress:
    progress = Progress()
    for when, place, asked in answers:
        progress.note(at({"7.1": place}), asked, NOW + when)
    return progress


def test_of_a_replica_that_nobody_asked_a_pin_may_be_there_at_any_moment():
    assert Progress().seconds_until(pin(10, NOW), NOW) < 0


def test_it_lags_at_least_as_long_as_it_lacks_a_pin():
    progress = seen((0.001, 9, [pin(10, NOW)]), (3.0, 9, []))
    assert progress.seconds_until(pin(20, NOW + 3), NOW + 3) == pytest.approx(3.0)


def after(*lags: tuple[float, float]) -> float:
    """The lag that is believed when each pin was seen to be missing, and later to be there."""
    progress = Progress()
    for place, (missing, there) in enumerate(lags):
        begun = NOW + place
        progress.note(at({"7.1": place}), [pin(place + 1, begun)], begun)
        progress.note(at({"7.1": place}), [], begun + missing)
        progress.note(at({"7.1": place + 1}), [], begun + there)
    now = NOW + len(lags)
    return progress.seconds_until(pin(99, now), now)


SHORT, LONG = (0.02, 0.021), (0.2, 0.201)


def test_it_lags_as_long_as_it_lacked_pins_that_it_has_now():
    assert after(*[SHORT] * 4) == pytest.approx(0.021, abs=0.001)


def test_the_shortest_of_the_last_four_lags_counts():
    assert after(*[LONG] * 4, SHORT) == pytest.approx(0.021)
    assert after(*[SHORT] * 4, *[LONG] * 3) == pytest.approx(0.021, abs=0.001)
    assert after(*[SHORT] * 4, *[LONG] * 4) == pytest.approx(0.201)


def test_nobody_waits_for_a_replica_that_stands_still():
    """It is overdue by more than ten times as long as a read would wait."""
    progress = seen(*((place, 0, [pin(place + 1, NOW + place)]) for place in (0, 1)))
    progress.note(at({"7.1": 2}), [], NOW + 1.02)  # it was late by a second at most
    progress.note(at({"7.1": 2}), [pin(3, NOW + 2)], NOW + 3.1)
    assert [progress.is_hopeless(seconds, 0) for seconds in (0.02, 0.005)] == [False, True]
    progress.note(at({"7.1": 2}), [], NOW + 3.3)
    assert progress.is_hopeless(0.02, 0)
    progress.note(at({"7.1": 3}), [], NOW + 3.4)
    assert not progress.is_hopeless(0.02, 0)


def test_at_first_nobody_knows_whether_it_is_overdue():
    assert not seen((9.0, 9, [pin(10, NOW)])).is_hopeless(0.02, 0)


def test_after_waits_in_vain_nobody_waits_for_longer_and_longer():
    progress, waited = Progress(), []
    for now in range(5000, 15000):  # milliseconds
        if not progress.is_hopeless(0.02, now / 1000):
            progress.note_wait(0.02, now / 1000, is_in_vain=True)
            waited.append(now - 5000)
    assert waited == pytest.approx([0, 200, 600, 1400, 3000, 6200], abs=5)
    progress.note_wait(0.02, 15.0, is_in_vain=False)
    assert not progress.is_hopeless(0.02, 15.0)


def test_a_lag_that_may_be_long_is_believed_to_be_twice_what_it_is_at_least():
    assert after(*[(0.02, 0.9)] * 4) == pytest.approx(0.04)


def test_what_tells_nothing_new_makes_it_a_little_shorter_so_that_a_wait_is_tried_again():
    known = [(0.5, 0.501)] * 4
    assert after(*known, (0.001, 0.9)) == pytest.approx(0.451, abs=0.001)
    assert after(*known, *[(0.001, 0.9)] * 100) < 0.01


@pytest.mark.parametrize("ahead", [-3600, -0.1, 0, 0.1, 3600])
def test_clocks_that_differ_do_no_harm(ahead):
    """The primary's clock is so many seconds ahead of this machine's."""
    progress = Progress()
    for place in range(5):
        begun, asked = NOW + place, pin(place + 1, NOW + place + ahead)
        assert progress.seconds_until(asked, begun) < 0.021
        progress.note(at({"7.1": place}), [asked], begun)
        progress.note(at({"7.1": place}), [], begun + 0.019)
        progress.note(at({"7.1": place + 1}), [], begun + 0.02)
    assert progress.seconds_until(pin(9, NOW + 9 + ahead), NOW + 9) == pytest.approx(
        0.02, abs=0.001
    )


def test_a_pin_of_a_timeline_that_the_replica_does_not_know_tells_nothing():
    progress = seen((0.001, 9, [pin(10, NOW, "8.2")]), (60, 9, []))
    assert progress.seconds_until(pin(20, NOW + 60), NOW + 60) < 0


def test_nobody_waits_for_a_timeline_that_the_replica_is_not_on():
    progress = seen((0.001, 9, []))
    assert progress.seconds_until(pin(10, NOW, "8.2"), NOW) == math.inf
    assert progress.likely_in(pin(10, NOW, "8.2"), NOW) == math.inf


def test_a_timeline_that_is_gone_tells_nothing_any_more():
    progress = seen((0.001, 9, [pin(10, NOW)]))
    progress.note(at({"7.2": 9}), [], NOW + 60)
    assert progress.seconds_until(pin(20, NOW + 60, "7.2"), NOW + 60) < 0


def test_it_remembers_few_pins():
    progress = seen(*((place / 1000, 0, [pin(place + 1, NOW)]) for place in range(1000)))
    assert len(progress._lacked) <= 32


def test_one_of_those_who_wait_asks_each_millisecond():
    progress = Progress()
    assert [progress.may_ask(5.0), progress.may_ask(5.0005), progress.may_ask(5.0011)] == [
        True,
        False,
        True,
    ]


def late(lag: float = 2.0, *, server: str = "") -> Progress:
    """Of a replica that has what was written until ``lag`` before NOW, when it answered last."""
    progress = Progress()
    progress.note(at({"7.1": 8}, server), [pin(9, NOW - lag)], NOW)
    return progress


@pytest.mark.parametrize(
    ("place", "written", "asked", "is_far"),
    [
        (10, 0.0, 0.0, True),  # just written
        (10, 0.5, 0.5, True),  # later than the last answer
        (9, -2.0, 0.0, False),  # it may come at any moment
        (10, -1.9, 0.0, True),
        (10, -1.97, 0.0, False),  # near
        (10, 0.0, 0.99, True),
        (10, 0.0, 1.0, False),  # the last answer is half of the lag old
        (10, 0.0, -0.1, False),  # a clock was set back
        (8, 0.0, 0.0, False),  # it has that
        (9, 0.0, 0.0, True),
    ],
)
def test_far_is_what_comes_later_judging_by_an_answer_of_late(place, written, asked, is_far):
    assert late().is_far(pin(place, NOW + written), NOW + asked, "") is is_far


def test_of_what_was_written_before_all_that_it_lacks_nothing_is_known():
    """Its place may be just ahead: one lacked pin may be far, of another way of telling places."""
    progress = Progress()
    progress.note(at({"7.1": 5}), [pin(9, NOW - 20)], NOW)
    assert progress.is_far(pin(9, NOW), NOW, "")
    assert not progress.is_far(pin(6, NOW), NOW, "")


def test_nothing_is_far_of_a_replica_that_nobody_asked_nor_on_a_timeline_that_it_does_not_know():
    assert not Progress().is_far(pin(10, NOW), NOW, "")
    assert not late().is_far(pin(10, NOW, "7.2"), NOW, "")


def test_a_short_lag_makes_nothing_far():
    assert not late(0.009).is_far(pin(10, NOW), NOW, "")
    assert late(0.05).is_far(pin(10, NOW), NOW, "")


def test_however_long_the_lag_after_three_seconds_it_is_asked():
    progress = late(60)
    assert progress.is_far(pin(10, NOW), NOW + 2.9, "")
    assert not progress.is_far(pin(10, NOW), NOW + 3, "")


def test_what_one_server_lacks_another_one_behind_the_alias_may_have():
    progress, new = late(server="one"), pin(10, NOW)
    assert [progress.is_far(new, NOW, server) for server in ("one", "two", "")] == [
        True,
        False,
        True,
    ]


def test_a_pin_that_is_there_at_the_first_question_makes_the_lag_that_is_believed_shorter():
    progress = Progress()
    for place in (1, 2, 3, 4):
        progress.note(at({"7.1": place - 1}), [pin(place, NOW - 2)], NOW - 0.01)
        progress.note(at({"7.1": place}), [], NOW)
    progress.note(at({"7.1": 5}), [], NOW + 1)
    assert progress.is_far(pin(9, NOW + 1), NOW + 1, "")
    progress.note(at({"7.1": 7}), [pin(7, NOW + 0.7)], NOW + 1)
    assert progress.seconds_until(pin(9, NOW + 1), NOW + 1) == pytest.approx(0.3)


def test_a_replica_that_is_fast_again_is_known_to_be_so_after_few_questions():
    """It was two seconds late. Each tenth of a second somebody writes, and reads soon after."""
    progress, asked = Progress(), 0
    for place in (1, 2, 3, 4):
        progress.note(at({"7.1": place - 1}), [pin(place, NOW - 2)], NOW - 0.01)
        progress.note(at({"7.1": place}), [], NOW)
    told = []
    for place in range(5, 45):
        now = NOW + (place - 2) / 10
        new = pin(place, now - 0.1)
        is_far = progress.is_far(new, now, "")
        if not is_far:
            asked += 1
            progress.note(at({"7.1": place}), [new], now)
        told.append(is_far)
    assert sum(told) <= 11  # for a second, which is half of the lag
    assert not any(told[11:])


def test_a_replica_that_is_fast_again_is_known_to_be_so_by_what_the_monitor_is_told():
    """It was a minute late. Each second somebody else writes, and reads soon after, once."""
    progress = Progress()
    for place in (1, 2, 3, 4):
        progress.note(at({"7.1": place - 1}), [pin(place, NOW - 60)], NOW - 0.01)
        progress.note(at({"7.1": place}), [], NOW)
    told = []
    for place in range(5, 65):
        now = NOW + place - 4
        new = pin(place, now - 0.1)
        is_far = progress.is_far(new, now, "")
        told.append(is_far)
        progress.note(at({"7.1": place}), [] if is_far else [new], now)
    assert sum(told) <= 4
