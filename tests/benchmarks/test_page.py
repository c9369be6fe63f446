"""The benchmarks' figures, budgets and page; what they measure is not tested here."""

import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks.page import budgets, report, results, tables
from benchmarks.page.budget import Budget
from benchmarks.peers.servers import BURST

#: What the numbers on the page fall short of; the page says "missed" there.
FALLS_SHORT = (
    "a suite with the plugin",
    "p99 after WAIT",
    "a page that waited",
)


@pytest.fixture
def copied(tmp_path):
    """The raw numbers, to be spoilt."""
    shutil.copytree(results.DIRECTORY, tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("measured", "is_kept"), [(0.5, True), (2.0, True), (2.2, True), (2.21, False)]
)
def test_a_budget_has_a_margin(measured: float, is_kept: bool):
    budget = Budget(what="a ratio", limit=2, measured=measured, margin=1.1)
    assert budget.is_kept is is_kept


def missed_in(found: list[Budget]) -> list[str]:
    """What is missed, but for that of which it is known."""
    missed = [budget.what for budget in found if not budget.is_kept]
    return [what for what in missed if not any(words in what for words in FALLS_SHORT)]


def test_all_other_budgets_are_kept_by_the_numbers_on_the_page():
    assert missed_in(budgets.budgets(results.DIRECTORY)) == []


@pytest.mark.parametrize("words", FALLS_SHORT)
def test_what_falls_short_is_said_on_the_page(words: str):
    rows = tables.budget(results.DIRECTORY).splitlines()
    assert any(words in row and "**missed**" in row for row in rows)


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


def add_waits(directory: Path, **spoilt: object) -> None:
    """As the next run will leave them: every wait ends in time, and asks once."""
    numbers = json.loads((directory / "waits.json").read_text())
    burst = [{**row, "lag": BURST} for row in numbers["rows"] if row["lag"] == "500 ms"]
    rows = [row for row in numbers["rows"] if row["lag"] != BURST]
    numbers["rows"] = [
        {**row, "waits_p99_ms": 1, "queries_of_waits": row["waits"], "p50_ms": 9, **spoilt}
        for row in rows + [{**row, "waits_in_vain": 0} for row in burst]
    ]
    (directory / "waits.json").write_text(json.dumps(numbers))


def test_what_waiting_costs_and_brings_has_budgets(copied: Path):
    add_waits(copied)
    found = budgets.budgets(copied)
    (copied / "waits.json").unlink()
    assert len(found) > len(budgets.budgets(copied)) + 10
    assert missed_in(found) == []


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"waits_p99_ms": 60}, "p99 after WAIT"),
        ({"queries_of_waits": 500}, "mean of position queries"),
        ({"waits_in_vain": 50}, "in vain in the burst"),
        ({"reads_on_primary": 900}, "to the settled oracle's"),
        ({"stale": 1}, "stale reads, `wait-20`"),
    ],
)
def test_a_missed_budget_of_waits_is_named(copied: Path, capsys, spoilt, words):
    add_waits(copied, **spoilt)
    assert budgets.check(copied) == 1
    assert words in capsys.readouterr().out


def test_an_api_has_a_budget_for_all_its_reads(copied: Path):
    row = {"way": "rest-late-20", "lag": "20 ms", "round": 1, "waits_p99_ms": 1}
    counts = {"reads": 85, "reads_on_primary": 2, "stale": 0, "failed": 0}
    part = {"rows": [{**row, **counts, "reads_of_writes": 15, "reads_of_writes_on_primary": 5}]}
    results.save(copied, "rest", part)
    (found,) = [each for each in budgets.budgets(copied) if "`rest-late-20`, 20 ms" in each.what]
    assert (found.measured, found.is_kept) == (0.07, False)
    assert "| `rest-late-20` | 7.0% |" in tables.rest(copied)


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
    from benchmarks.page import plots

    add_growth(copied)
    for place in ("one", "two"):
        plots.draw(copied, tmp_path / place)
    drawn = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert drawn == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
