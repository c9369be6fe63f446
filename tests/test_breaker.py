"""What is set aside, and for how long."""

import pytest
from freezegun import freeze_time

from pinning.breaker import Breaker, breaker_of, reset


@pytest.fixture
def breaker():
    return Breaker(jitter=lambda: 1.0)


def test_everything_is_healthy_at_first(breaker):
    assert breaker.may_try()


def test_what_failed_is_left_alone(breaker):
    breaker.set_aside(10)
    assert not breaker.may_try()


def test_others_are_not():
    breaker_of("replica", "replica1").set_aside(10)
    assert breaker_of("replica", "replica2").may_try()
    assert breaker_of("store", "replica1").may_try()
    assert not breaker_of("replica", "replica1").may_try()


def test_one_reset_is_for_all():
    breaker_of("replica", "replica1").set_aside(10)
    kept = breaker_of("store", "redis")
    kept.set_aside(10)
    reset()
    assert breaker_of("replica", "replica1").may_try()
    assert kept.may_try()


@pytest.mark.parametrize(("seconds", "is_aside"), [(0, True), (9.9, True), (10, False)])
def test_it_is_tried_again_after_its_time(breaker, seconds, is_aside):
    with freeze_time() as clock:
        breaker.set_aside(10)
        clock.tick(seconds)
        assert breaker.may_try() is not is_aside


def test_a_part_of_its_time_may_be_enough_but_not_while_somebody_tries(breaker):
    with freeze_time() as clock:
        breaker.set_aside(10)
        assert not breaker.may_try(enough_seconds=1)
        clock.tick(1)
        assert not breaker.may_try()
        assert [breaker.may_try(enough_seconds=1) for _ in range(2)] == [True, False]
        clock.tick(9)  # whoever had the turn hangs
        assert not breaker.may_try(enough_seconds=1)
        clock.tick(1)
        assert breaker.may_try(enough_seconds=1)


def test_failing_again_leaves_it_alone_anew(breaker):
    with freeze_time() as clock:
        breaker.set_aside(10)
        clock.tick(10)
        breaker.set_aside(10)
        clock.tick(9)
        assert not breaker.may_try()


def test_one_at_a_time_tries_whether_it_works_again(breaker):
    with freeze_time() as clock:
        breaker.set_aside(10)
        clock.tick(10)
        assert [breaker.may_try() for _ in range(3)] == [True, False, False]
        clock.tick(10)  # whoever had the turn never told
        assert [breaker.may_try() for _ in range(2)] == [True, False]
        breaker.restore()
        assert [breaker.may_try() for _ in range(2)] == [True, True]


def test_each_failure_in_a_row_leaves_it_alone_longer_up_to_the_most(breaker):
    rests = []
    with freeze_time() as clock:
        for _ in range(5):
            breaker.set_aside(8)
            rest = 0
            while not breaker.may_try():
                clock.tick(0.1)
                rest += 0.1
            rests.append(round(rest, 1))
    assert rests == [8.0, 10.0, 12.0, 12.8, 12.8]


def test_no_rest_is_longer_than_twice_the_base():
    for _ in range(50):
        breaker = Breaker()
        with freeze_time() as clock:
            for _ in range(10):
                breaker.set_aside(10)
                clock.tick(20)
                assert breaker.may_try()


def test_several_that_fail_at_once_are_one_failure(breaker):
    with freeze_time() as clock:
        for _ in range(8):
            breaker.set_aside(10)
        clock.tick(10)
        assert breaker.may_try()


def test_only_the_first_failure_is_news(breaker):
    with freeze_time() as clock:
        assert breaker.set_aside(10)
        clock.tick(20)
        assert not breaker.set_aside(10)


def test_only_the_first_success_is_news(breaker):
    breaker.set_aside(10)
    assert breaker.restore()
    assert not breaker.restore()


def test_what_never_failed_is_no_news(breaker):
    assert not breaker.restore()


def test_what_works_is_used_at_once(breaker):
    breaker.set_aside(10)
    breaker.restore()
    assert breaker.may_try()


def test_a_failure_after_a_success_is_news(breaker):
    breaker.set_aside(10)
    breaker.restore()
    assert breaker.set_aside(10)


def test_a_reset_forgets_everything(breaker):
    breaker.set_aside(10)
    breaker.reset()
    assert breaker.may_try()
    assert breaker.set_aside(10)
