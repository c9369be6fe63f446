"""What is set aside, and for how long."""

import pytest
from freezegun import freeze_time

from pinning.health import Health


@pytest.fixture
def health():
    return Health()


def test_everything_is_healthy_at_first(health):
    assert not health.is_aside("replica1")


def test_what_failed_is_left_alone(health):
    health.set_aside("replica1", 10)
    assert health.is_aside("replica1")


def test_others_are_not(health):
    health.set_aside("replica1", 10)
    assert not health.is_aside("replica2")


@pytest.mark.parametrize(("seconds", "is_aside"), [(0, True), (9.9, True), (10, False)])
def test_it_is_tried_again_after_its_time(health, seconds, is_aside):
    with freeze_time() as clock:
        health.set_aside("replica1", 10)
        clock.tick(seconds)
        assert health.is_aside("replica1") is is_aside


def test_failing_again_leaves_it_alone_anew(health):
    with freeze_time() as clock:
        health.set_aside("replica1", 10)
        clock.tick(10)
        health.set_aside("replica1", 10)
        clock.tick(9)
        assert health.is_aside("replica1")


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
    assert not health.is_aside("replica1")


def test_a_failure_after_a_success_is_news(health):
    health.set_aside("replica1", 10)
    health.restore("replica1")
    assert health.set_aside("replica1", 10)


def test_a_reset_forgets_everything(health):
    health.set_aside("replica1", 10)
    health.reset()
    assert not health.is_aside("replica1")
    assert health.set_aside("replica1", 10)
