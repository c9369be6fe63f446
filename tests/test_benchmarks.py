"""The benchmarks' settings, figures, budgets and page; what they measure is not tested here."""

import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import budgets, report, results, tables
from benchmarks.budgets import Budget
from benchmarks.peers import visits
from benchmarks.peers.site import Site
from benchmarks.peers.visitors import Visit
from benchmarks.peers.ways import PRIMARY, REPLICA, WAYS, Way

NOWHERE = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "nothing",
    "HOST": "127.0.0.1",
    "PORT": "1",
}


#: Django loads middleware and routers at their first use only.
LOAD_AND_CHECK = """
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import router
get_wsgi_application()
assert router.routers is not None
call_command("check", fail_level="WARNING")
"""


def visit(**changes):
    """A page that was read on the replica in 10 ms."""
    usual = {
        "site": "pinning",
        "begun": 5.0,
        "seconds": 0.01,
        "status": 200,
        "is_write": False,
        "is_stale": False,
        "reads": REPLICA,
        "reason": "",
        "position_queries": 0,
        "store_calls": 0,
    }
    return Visit(**{**usual, **changes})


@pytest.fixture
def copied(tmp_path):
    """The raw numbers, to be spoilt."""
    shutil.copytree(results.DIRECTORY, tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_ways_site_loads_and_passes_its_checks(way: Way):
    if not way.is_installed:
        pytest.skip(f"{way.package} is not installed")
    databases = {PRIMARY: NOWHERE, REPLICA: {**NOWHERE, "PORT": "2"}}
    with closing(Site(way, databases, "redis://127.0.0.1:1")) as site:
        site.manage("shell", "-v", "0", "-c", LOAD_AND_CHECK)


def test_a_cell_counts_what_was_seen():
    seen = [
        visit(),
        visit(is_stale=True),
        visit(reads=f"{PRIMARY},{REPLICA}", seconds=0.03),
        visit(is_write=True, status=302, reads="", seconds=0.5),
        visit(status=500, reads=""),
    ]
    assert visits.cell(seen, seconds=2) == {
        "requests": 5,
        "failed": 1,
        "pages": 4,
        "stale": 1,
        "reads": 4,
        "reads_on_primary": 1,
        "requests_per_second": 2.5,
        "p50_ms": 10.0,
        "p99_ms": 500.0,
    }


def test_costs_are_told_by_the_kind_of_request():
    seen = [
        visit(reason="pinned", position_queries=1),
        visit(reason="pinned"),
        visit(is_write=True, status=302, store_calls=1),
        visit(status=0, position_queries=9),
    ]
    found = visits.costs(seen)
    assert list(found) == ["page: pinned", "write"]
    assert found["page: pinned"]["position_queries"] == 0.5
    assert found["page: pinned"]["most_position_queries"] == 1
    assert found["write"]["store_calls"] == 1


@pytest.mark.parametrize(
    ("measured", "is_kept"), [(0.5, True), (2.0, True), (2.2, True), (2.21, False)]
)
def test_a_budget_has_a_margin(measured: float, is_kept: bool):
    budget = Budget(what="a ratio", limit=2, measured=measured, margin=1.1)
    assert budget.is_kept is is_kept


def test_the_budgets_are_kept_by_the_numbers_on_the_page(capsys):
    assert budgets.check(results.DIRECTORY) == 0


def test_a_missed_budget_fails_and_is_named(copied: Path, capsys):
    numbers = json.loads((copied / "visitors.json").read_text())
    for row in numbers["rows"]:
        if (row["way"], row["lag"], row["round"]) == ("pinning", "5 s", 1):
            row["stale"] = 1
            row["reads_on_primary"] = row["reads"]
    (copied / "visitors.json").write_text(json.dumps(numbers))
    assert budgets.check(copied) == 1
    printed = capsys.readouterr().out
    assert "MISSED: stale reads, `pinning`: 1, the budget is 0" in printed
    assert "MISSED: reads on the primary, `pinning` to the oracle's, 5 s" in printed


def test_without_numbers_there_is_no_budget(tmp_path: Path):
    assert budgets.budgets(tmp_path) == []


def test_the_page_is_what_the_script_makes_of_the_numbers():
    for file in report.PAGES:
        text = file.read_text()
        assert report.page(text, results.DIRECTORY) == text


def test_the_page_changes_with_the_numbers(copied: Path):
    text = report.PAGES[0].read_text()
    numbers = (copied / "memory.json").read_text()
    (copied / "memory.json").write_text(numbers.replace('"unpinned"', '"spoilt"'))
    assert "| spoilt |" in report.page(text, copied)


def test_every_part_of_the_page_has_its_table():
    parts = [part for file in report.PAGES for part in report.parts(file.read_text())]
    assert len(parts) == len(set(parts)) > 5
    assert all(callable(getattr(tables, part)) for part in parts)


def test_every_plot_on_the_page_is_there():
    names = re.findall(r"\]\(benchmarks/(\w+\.svg)\)", report.PAGES[0].read_text())
    assert names
    assert sorted(names) == sorted(file.name for file in report.PLOTS.iterdir())


def add_growth(directory: Path) -> None:
    row = {
        "threads": 4,
        "replicas": 2,
        "users": 100,
        "position_queries_per_request": 0.2,
        "store_calls_per_request": 0.0,
        "rss_mb": 70,
        "p50_ms": 2.5,
        "p99_ms": 9.5,
    }
    results.save(directory, "growth", {"rows": [row]})


def test_the_growth_of_a_process_has_a_table_where_it_was_measured(copied: Path):
    add_growth(copied)
    assert "| 4 | 2 | 100 | 0.2 | 0.0 | 70 | 2.5 | 9.5 |" in tables.growth(copied)


def test_the_same_numbers_give_the_same_plots(copied: Path, tmp_path: Path):
    pytest.importorskip("matplotlib")
    from benchmarks import plots

    add_growth(copied)
    for place in ("one", "two"):
        plots.draw(copied, tmp_path / place)
    drawn = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert drawn == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
