"""The last queries of each visitor, without a database."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from example_project.panel import runs as module
from example_project.panel.runs import Runs, runs_of
from tests.example_project.test_verdict import run


def test_more_of_the_same_is_counted():
    runs = Runs()
    runs.add(run())
    runs.add(replace(run("default"), model="board.Like"))
    runs.add(run())
    assert [(known.model, known.times) for known in runs] == [("board.Note", 2), ("board.Like", 1)]


def test_what_has_waited_stands_alone():
    runs = Runs()
    runs.add(run())
    runs.add(replace(run(), waited=0.4))
    runs.add(run())
    assert [(known.waited_milliseconds, known.times) for known in runs] == [
        (0, 1),
        (400, 1),
        (0, 1),
    ]


def test_another_database_begins_another_run():
    runs = Runs()
    for alias in ("default", "replica1", "default"):
        runs.add(run(alias))
    assert [(known.alias, known.times) for known in runs] == [
        ("default", 1),
        ("replica1", 1),
        ("default", 1),
    ]


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns much more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def test_requests_at_the_same_time_lose_no_query(eager_threads):
    runs = Runs()
    models = [f"board.Model{number % 4}" for number in range(4000)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda model: runs.add(replace(run(), model=model)), models))
    assert {known.model: known.times for known in runs} == dict.fromkeys(models, 1000)


def test_visitors_who_stay_away_are_forgotten():
    runs_of("kept").add(run())
    for number in range(2 * module._MOST_VISITORS):
        runs_of(f"visitor {number}")
        runs_of("kept")
    assert len(module._visitors) == module._MOST_VISITORS
    assert list(runs_of("kept"))
