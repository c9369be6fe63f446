"""A process that starts, and a replica that comes back: reads go there as soon as they may."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from django.test import override_settings

from pinning import Reason, health, scope
from pinning.health import monitor
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Note


@pytest.fixture
def watched(pair_here: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """The pair in this process, and the monitor with it."""
    monkeypatch.setattr(monitor, "is_under_test", lambda: False)
    health.reset()
    yield pair_here
    health.reset()


@contextmanager
def written_to() -> Iterator[None]:
    """Somebody writes all the time."""
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.005):
            with scope():
                Note.objects.create(text="somebody's")
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def read() -> Reason:
    with scope() as work:
        Note.objects.filter(text="mine").count()
    (reason,) = work.reads["default"]
    return reason


def seconds_until_a_replica_serves() -> float:
    begun = time.monotonic()
    while read() is not Reason.REPLICA and time.monotonic() < begun + 60:
        time.sleep(0.01)
    return time.monotonic() - begun


@on_each_database
@pytest.mark.parametrize("late", [0, 1])
def test_a_process_that_starts_reads_from_a_replica_at_once(
    late: int, watched: Pair, figure: Callable[..., None]
):
    """MariaDB does not tell how late it is: it has to replay what was there at the start."""
    watched.replica.set_delay(late)
    with written_to():
        time.sleep(late + 1)
        connections.close_all()
        health.reset()
        took = seconds_until_a_replica_serves()
    figure(f"From a start to a read on a replica that is {late} s late, seconds", took)
    assert took < 10


@on_each_database
def test_a_replica_that_comes_back_is_used_before_its_rest_is_over(
    fresh_pair: Pair,
    here: Callable[[Pair], None],
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[..., None],
):
    monkeypatch.setattr(monitor, "is_under_test", lambda: False)
    here(fresh_pair)
    health.reset()
    with override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}, "RETRY_AFTER": 60}):
        seconds_until_a_replica_serves()
        fresh_pair.replica.kill()
        assert {read() for _ in range(3)} <= {Reason.NO_REPLICA, Reason.REPLICA}
        with written_to():
            time.sleep(1)
        fresh_pair.replica.start()
        fresh_pair.replica.wait_until_caught_up()
        took = seconds_until_a_replica_serves()
    health.reset()
    figure("From the return of a replica to a read there, seconds", took)
    assert took < 30
