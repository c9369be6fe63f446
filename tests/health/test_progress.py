"""When a replica may have a pin, judging by those that it was seen to lack."""

import pytest

from pinning.health.progress import Progress
from pinning.pins.pin import Pin

NOW = 1000.0


def pin(place: int, written_at: float, timeline: str = "7.1") -> Pin:
    return Pin(cluster="default", written_at=written_at, timeline=timeline, position=place)


def seen(*answers: tuple[float, int, list[Pin]]) -> Progress:
    progress = Progress()
    for at, place, asked in answers:
        progress.note({"7.1": place}, asked, NOW + at)
    return progress


def test_of_a_replica_that_nobody_asked_a_pin_may_be_there_at_any_moment():
    assert Progress().seconds_until(pin(10, NOW), NOW) == 0
    assert Progress().seconds_until(pin(10, NOW - 5), NOW) == -5


def test_it_lags_as_long_as_it_lacked_a_pin_that_it_has_now():
    first = pin(10, NOW)
    progress = seen((0.001, 9, [first]), (0.019, 9, [first]), (0.020, 10, [first]))
    assert progress.seconds_until(pin(20, NOW + 0.1), NOW + 0.101) == pytest.approx(0.018)


def test_it_lags_at_least_as_long_as_it_lacks_a_pin():
    progress = seen((0.001, 9, [pin(10, NOW)]), (3.0, 9, []))
    assert progress.seconds_until(pin(20, NOW + 3), NOW + 3) == pytest.approx(3.0)


def test_the_shortest_of_the_last_lags_counts_and_old_ones_do_not():
    progress = Progress()
    lags = [0.005, 0.3, 0.4, 0.2, 0.3]
    for place, lag in enumerate(lags):
        begun = NOW + place
        progress.note({"7.1": place}, [pin(place + 1, begun)], begun)
        progress.note({"7.1": place}, [], begun + lag)
        progress.note({"7.1": place + 1}, [], begun + lag + 0.001)
    now = NOW + len(lags)
    assert progress.seconds_until(pin(9, now), now) == pytest.approx(0.2)


def test_clocks_that_differ_do_no_harm():
    """The primary's clock is an hour ahead of this machine's."""
    first = pin(10, NOW + 3600)
    progress = seen((0.001, 9, [first]), (0.019, 9, [first]), (0.020, 10, [first]))
    lag = progress.seconds_until(pin(20, NOW + 3600.1), NOW + 0.101)
    assert lag <= 3600  # it is tried: a lag below zero is none


def test_a_pin_of_a_timeline_that_the_replica_does_not_know_tells_nothing():
    progress = seen((0.001, 9, [pin(10, NOW, "8.2")]), (60, 9, []))
    assert progress.seconds_until(pin(20, NOW + 60), NOW + 60) == 0


def test_a_timeline_that_is_gone_tells_nothing_any_more():
    progress = seen((0.001, 9, [pin(10, NOW)]))
    progress.note({"7.2": 9}, [], NOW + 60)
    assert progress.seconds_until(pin(20, NOW + 60, "7.2"), NOW + 60) == 0


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
