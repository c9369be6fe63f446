"""The counters of several processes, in one cache."""

import logging
import threading

import pytest
from django.core.cache import caches
from django.test import override_settings

from pinning.shadow import clear, load, process, save, shared
from pinning.shadow.counts import Counts
from pinning.shadow.shared import Shared
from tests.shadow.conftest import SHADOW

KEY = ("pinned", "board")


@pytest.fixture(autouse=True)
def empty():
    caches["default"].clear()
    with override_settings(PINNING=SHADOW):
        yield
    caches["default"].clear()


def counts(times: int) -> Counts:
    found = Counts()
    found.add([(KEY, times)])
    return found


def test_what_two_processes_count_is_added():
    one, other, first = Shared(), Shared(), counts(1)
    one.save(first)
    other.save(counts(10))
    first.add([(KEY, 1)])
    one.save(first)
    totals = load()
    assert (totals.counts, totals.processes, totals.since) == ({KEY: 12}, 2, first.since)


def test_many_processes_are_added():
    for _ in range(250):
        Shared().save(counts(1))
    assert load().counts == {KEY: 250}


def test_nothing_was_counted():
    assert load().processes == 0


def test_all_begin_anew():
    one, old, other = Shared(), counts(1), Shared()
    one.save(old)
    clear()
    assert not load().counts
    one.save(old)
    assert load().counts == {}  # what it had counted before is gone
    old.add([(KEY, 2)])
    one.save(old)
    other.save(counts(1))
    assert load().counts == {KEY: 3}


def test_a_cache_that_counts_badly_gives_nobody_another_one_s_number():
    """As a cache in files or in a table may, where two processes begin at once."""
    Shared().save(counts(1))
    caches["default"].set(shared._NUMBER, 0)
    Shared().save(counts(1))
    assert load().counts == {KEY: 2}


def test_a_lost_number_comes_back():
    one = Shared()
    one.save(counts(1))
    caches["default"].delete(shared._NUMBER)
    one.save(counts(1))
    assert load().counts == {KEY: 1}


def test_what_somebody_else_has_stored_counts_for_nothing():
    one = Shared()
    one.save(counts(1))
    caches["default"].set(shared._key(1), "text")
    assert load().counts == {}


BROKEN = {"default": {"BACKEND": "tests.shadow.test_shared.Broken"}}


class Broken:
    """A cache whose server is down."""

    def __init__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        raise ConnectionError("refused")


def test_a_cache_that_is_down_is_told_once_and_harms_nobody(caplog):
    with override_settings(CACHES=BROKEN), caplog.at_level(logging.WARNING, "pinning"):
        save()
        save()
    assert [record.getMessage() for record in caplog.records if record.name == "pinning"] == [
        "The counts of shadow mode cannot be saved: ConnectionError: refused"
    ]


def test_a_fork_has_its_own(monkeypatch):
    before = process._own()
    assert process._own() is before
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert process._own() is not before


def test_several_threads_add_at_once():
    found = Counts()
    add = lambda: [found.add([(KEY, 1)]) for _ in range(1000)]  # noqa: E731
    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.all() == {KEY: 4000}
