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
    assert Progress().seconds_until(pin(10, NOW), NOW) < 0


def test_it_lags_at_least_as_long_as_it_lacks_a_pin():
    progress = seen((0.001, 9, [pin(10, NOW)]), (3.0, 9, []))
    assert progress.seconds_until(pin(20, NOW + 3), NOW + 3) == pytest.approx(3.0)


def after(*lags: tuple[float, float]) -> float:
    """The lag that is believed when each pin was seen to be missing, and later to be there."""
    progress = Progress()
    for place, (missing, there) in enumerate(lags):
        begun = NOW + place
        progress.note({"7.1": place}, [pin(place + 1, begun)], begun)
        progress.note({"7.1": place}, [], begun + missing)
        progress.note({"7.1": place + 1}, [], begun + there)
    now = NOW + len(lags)
    return progress.seconds_until(pin(99, now), now)


def test_it_lags_as_long_as_it_lacked_pins_that_it_has_now():
    assert after((0.02, 0.021), (0.02, 0.021)) == pytest.approx(0.021, abs=0.001)


def test_the_shorter_of_the_last_two_lags_counts():
    assert after((0.2, 0.201), (0.2, 0.201), (0.02, 0.021)) == pytest.approx(0.021)
    assert after((0.02, 0.021), (0.02, 0.021), (0.2, 0.201)) == pytest.approx(0.021, abs=0.001)
    assert after((0.2, 0.201), (0.2, 0.201)) == pytest.approx(0.201)


def test_a_lag_that_may_be_long_is_believed_to_be_twice_what_it_is_at_least():
    assert after((0.02, 0.9), (0.02, 0.9)) == pytest.approx(0.04)


def test_what_tells_nothing_new_makes_it_a_little_shorter_so_that_a_wait_is_tried_again():
    known = [(0.5, 0.501)] * 2
    assert after(*known, (0.001, 0.9)) == pytest.approx(0.451, abs=0.001)
    assert after(*known, *[(0.001, 0.9)] * 100) < 0.01


@pytest.mark.parametrize("ahead", [-3600, -0.1, 0, 0.1, 3600])
def test_clocks_that_differ_do_no_harm(ahead):
    """The primary's clock is so many seconds ahead of this machine's."""
    progress = Progress()
    for place in range(3):
        begun, asked = NOW + place, pin(place + 1, NOW + place + ahead)
        assert progress.seconds_until(asked, begun) < 0.021
        progress.note({"7.1": place}, [asked], begun)
        progress.note({"7.1": place}, [], begun + 0.019)
        progress.note({"7.1": place + 1}, [], begun + 0.02)
    assert progress.seconds_until(pin(9, NOW + 9 + ahead), NOW + 9) == pytest.approx(
        0.02, abs=0.001
    )


def test_a_pin_of_a_timeline_that_the_replica_does_not_know_tells_nothing():
    progress = seen((0.001, 9, [pin(10, NOW, "8.2")]), (60, 9, []))
    assert progress.seconds_until(pin(20, NOW + 60), NOW + 60) < 0


def test_a_timeline_that_is_gone_tells_nothing_any_more():
    progress = seen((0.001, 9, [pin(10, NOW)]))
    progress.note({"7.2": 9}, [], NOW + 60)
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
