"""The panel's list of queries, without a database."""

from dataclasses import replace

from example_project.panel import reads
from example_project.panel.reads import Runs, runs_of
from tests.example_project.test_verdict import run


def test_more_of_the_same_is_counted():
    runs = Runs()
    runs.add(run())
    runs.add(replace(run("default"), model="board.Like"))
    runs.add(run())
    assert [(known.model, known.times) for known in runs] == [("board.Note", 2), ("board.Like", 1)]


def test_another_database_begins_another_run():
    runs = Runs()
    for alias in ("default", "replica1", "default"):
        runs.add(run(alias))
    assert [(known.alias, known.times) for known in runs] == [
        ("default", 1),
        ("replica1", 1),
        ("default", 1),
    ]


def test_visitors_who_stay_away_are_forgotten():
    runs_of("kept").add(run())
    for number in range(2 * reads._MOST_VISITORS):
        runs_of(f"visitor {number}")
        runs_of("kept")
    assert len(reads._visitors) == reads._MOST_VISITORS
    assert list(runs_of("kept"))
