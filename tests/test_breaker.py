"""What is set aside, and for how long."""

import pytest
from freezegun import freeze_time

from pinning.breaker import Health


@pytest.fixture
def health():
    return Health(jitter=lambda: 1.0)


def test_everything_is_healthy_at_first(health):
    assert health.may_try("replica1")


def test_what_failed_is_left_alone(health):
    health.set_aside("replica1", 10)
    assert not health.may_try("replica1")


def test_others_are_not(health):
    health.set_aside("replica1", 10)
    assert health.may_try("replica2")


@pytest.mark.parametrize(("seconds", "is_aside"), [(0, True), (9.9, True), (10, False)])
def test_it_is_tried_again_after_its_time(health, seconds, is_aside):
    with freeze_time() as clock:
        health.set_aside("replica1", 10)
        clock.tick(seconds)
        assert health.may_try("replica1") is not is_aside


def test_failing_again_leaves_it_alone_anew(health):
    with freeze_time() as clock:
        health.set_aside("replica1", 10)
        clock.tick(10)
        health.set_aside("replica1", 10)
        clock.tick(9)
        assert not health.may_try("replica1")


def test_one_at_a_time_tries_whether_it_works_again(health):
    with freeze_time() as clock:
        health.set_aside("replica1", 10)
        clock.tick(10)
        assert [health.may_try("replica1") for _ in range(3)] == [True, False, False]
        clock.tick(10)  # whoever had the turn never told
        assert [health.may_try("replica1") for _ in range(2)] == [True, False]
        health.restore("replica1")
        assert [health.may_try("replica1") for _ in range(2)] == [True, True]


def test_each_failure_in_a_row_leaves_it_alone_longer_up_to_the_most(health):
    rests = []
    with freeze_time() as clock:
        for _ in range(5):
            health.set_aside("replica1", 8)
            rest = 0
            while not health.may_try("replica1"):
                clock.tick(0.1)
                rest += 0.1
            rests.append(round(rest, 1))
    assert rests == [8.0, 10.0, 12.0, 12.8, 12.8]


def test_no_rest_is_longer_than_twice_the_base():
    for _ in range(50):
        health = Health()
        with freeze_time() as clock:
            for _ in range(10):
                health.set_aside("replica1", 10)
                clock.tick(20)
                assert health.may_try("replica1")


def test_several_that_fail_at_once_are_one_failure(health):
    with freeze_time() as clock:
        for _ in range(8):
            health.set_aside("replica1", 10)
        clock.tick(10)
        assert health.may_try("replica1")


def test_only_the_first_failure_is_news(health):
    with freeze_time() as clock:
        assert health.set_aside("replica1", 10)
        clock.tick(20)
        assert not health.set_aside("replica1", 10)


def test_only_the_first_success_is_news(health):
    health.set_aside("replica1", 10)
    assert health.restore("replica1")
    assert not health.restore("replica1")


def test_what_never_failed_is_no_news(health):
    assert not health.restore("replica1")


def test_what_works_is_used_at_once(health):
    health.set_aside("replica1", 10)
    health.restore("replica1")
    assert health.may_try("replica1")


def test_a_failure_after_a_success_is_news(health):
    health.set_aside("replica1", 10)
    health.restore("replica1")
    assert health.set_aside("replica1", 10)


def test_a_reset_forgets_everything(health):
    health.set_aside("replica1", 10)
    health.reset()
    assert health.may_try("replica1")
    assert health.set_aside("replica1", 10)
