"""What is known of a replica's lag, and who waits to know."""

import threading
import time

import pytest

from pinning.health.freshness import Freshness

LONG = 30.0


@pytest.fixture
def freshness() -> Freshness:
    return Freshness()


def reader(freshness: Freshness, answers: list[bool]) -> threading.Thread:
    """Somebody who reads, and waits as long as it takes."""
    activity = threading.Event()
    run = lambda: answers.append(freshness.want(activity, LONG))  # noqa: E731
    thread = threading.Thread(target=run)
    thread.start()
    activity.wait(LONG)  # the monitor is called
    return thread


def test_nothing_is_known_at_first(freshness):
    assert not freshness.is_fresh()


def test_it_is_fresh_until_a_time(freshness):
    freshness.prove(time.monotonic() + LONG)
    assert freshness.is_fresh()
    freshness.prove(time.monotonic())
    assert not freshness.is_fresh()


@pytest.mark.parametrize("is_proven", [True, False])
def test_readers_wait_until_it_is_judged(freshness, is_proven):
    answers = []
    threads = [reader(freshness, answers) for _ in range(3)]
    assert freshness.is_wanted
    assert answers == []
    if is_proven:
        freshness.prove(time.monotonic() + LONG)
    freshness.end(time.monotonic())
    for thread in threads:
        thread.join(LONG)
    assert answers == [is_proven] * 3
    assert not freshness.is_wanted


def test_nobody_waits_where_it_was_judged_in_vain_but_the_monitor_is_called(freshness):
    freshness.end(time.monotonic() - LONG)
    activity = threading.Event()
    assert not freshness.want(activity, LONG)  # at once
    assert activity.is_set()
    assert freshness.is_wanted


def test_it_is_not_called_again_at_once(freshness):
    freshness.end(time.monotonic())
    assert not freshness.want(threading.Event(), LONG)
    assert not freshness.is_wanted


def test_nor_does_anybody_wait_twice_for_a_monitor_that_does_not_come(freshness):
    assert not freshness.want(threading.Event(), 0.01)
    assert not freshness.want(threading.Event(), LONG)  # at once
    freshness.prove(time.monotonic() + LONG)
    assert freshness.is_fresh()
