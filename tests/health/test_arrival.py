"""The age at which a replica is asked for a write, judging by what the questions before found."""

import math
import random

import pytest

from pinning.health.arrival import Arrival


def test_of_a_replica_that_nobody_asked_a_write_may_be_there_at_any_age():
    assert Arrival().age == -math.inf


def asked(*questions: tuple[float, bool]) -> Arrival:
    """After questions about writes of such ages, which the replica had or lacked."""
    arrival = Arrival()
    for age, is_there in questions:
        arrival.note([] if is_there else [age], [age] if is_there else [])
    return arrival


def test_after_a_question_that_came_too_early_the_next_comes_later_and_later():
    ages = [asked(*[(0.01, False)] * count).age for count in (1, 2)]
    assert ages == [pytest.approx(0.011), pytest.approx(0.011)]  # 0.01 was not yet the time
    misses = [(0.01, False), (0.011, False), (0.013, False), (0.017, False)]
    assert asked(*misses).age == pytest.approx(0.025)


def test_what_was_there_when_it_was_expected_is_asked_for_a_little_sooner():
    assert 0.0105 < asked((0.01, False), (0.011, True)).age < 0.011


def test_what_was_there_sooner_is_asked_for_so_soon():
    assert asked((0.04, False), (0.005, True)).age == 0.005


def test_what_was_asked_for_late_tells_nothing():
    assert asked((0.01, False), (5.0, True)).age == asked((0.01, False)).age


def test_of_several_writes_in_one_answer_each_counts():
    arrival = Arrival()
    arrival.note([0.02, 0.01], [0.5])
    assert arrival.age == pytest.approx(0.021)


@pytest.mark.parametrize("ahead", [-3600, 0, 3600])
def test_who_waits_asks_about_once_whatever_the_clocks_show(ahead):
    """The replica is 20 ms late, and half a millisecond more or less. The clocks differ."""
    arrival, chance, questions, late = Arrival(), random.Random(0), 0, 0.0
    for number in range(1100):
        comes = chance.gauss(0.02, 0.0005) + ahead
        age = 0.002 + ahead
        while True:
            age = max(arrival.age, age + 0.001)
            is_there = age >= comes
            arrival.note([] if is_there else [age], [age] if is_there else [])
            if number >= 100:
                questions += 1
                late += max(0.0, age - comes)
            if is_there:
                break
    assert questions <= 1.2 * 1000
    assert late <= 0.002 * 1000


def test_a_replica_that_is_fast_again_is_known_to_be_so_after_few_waits():
    """It was 20 ms late, and is 3 ms late. Nobody asks but those who wait."""
    arrival = asked((0.02, False), (0.021, True))
    waits = 0
    while arrival.age > 0.004:
        arrival.note([], [arrival.age])
        waits += 1
    assert waits < 50
