"""Acts add up, in however many pieces they were played."""

from pathlib import Path

import pytest

from benchmarks.page import results, tables
from pinning.verify.checker import check
from proof import figures
from proof.acts import PROMOTION, VENDORS, Act, missing, names
from proof.kept import Kept, Plan, code
from tests.proof import simulated


def act(vendor: str, fault: str, seed: int, **how: float) -> Act:
    history = simulated.history(500, seed=seed, **how)
    return Act(fault, vendor, check(history), history, "", seed)


PLAYED = [
    (1, act("postgresql", "steady lag", 1)),
    (1, act("mariadb", "steady lag", 2)),
    (2, act("mariadb", "steady lag", 3, mistakes=1.0)),
    (2, act("mariadb", "Redis hung", 4)),
]
ACTS = [{**figures.of_act(each), "piece": piece} for piece, each in PLAYED]


@pytest.mark.parametrize("key", ["pairs", "writes", "stale", "failed", "went_back"])
def test_the_sum_is_that_of_the_acts_and_of_the_rows(key: str):
    total = figures.together(ACTS)
    expected = sum(getattr(each.verdict, key) for _, each in PLAYED)
    assert total[key] == expected > 0
    assert sum(row[key] for row in total["acts"]) == expected


def test_each_fault_of_a_vendor_has_one_row():
    rows = figures.together(ACTS)["acts"]
    kinds = [(row["vendor"], row["fault"]) for row in rows]
    assert kinds == [
        *(("postgresql", "steady lag"), ("mariadb", "steady lag"), ("mariadb", "Redis hung"))
    ]


def test_pieces_are_told_on_the_page(tmp_path: Path):
    results.save(tmp_path, "proof", {"seed": 7, **figures.together(ACTS)})
    assert "Pieces: 2, all from the seed 7." in tables.proof(tmp_path)


def test_nothing_kept_amounts_to_nothing():
    assert figures.together([])["pairs"] == 0


def test_the_second_checker_has_judged_each_act():
    assert [each["disagreement"] for each in ACTS] == [""] * len(ACTS)


def test_of_other_vendors_nothing_is_missing(tmp_path: Path):
    kept = Kept.begin(tmp_path, Plan(380, 1.5, ["mariadb"], 7, code()))
    assert {vendor for vendor, _ in missing(kept)} == {"mariadb"}
    assert sum(missing(kept).values()) >= 380


def test_what_is_missing_goes_down_as_acts_are_kept(tmp_path: Path):
    kept = Kept.begin(tmp_path, Plan(380, 1.5, VENDORS, 7, code()))
    kinds = {(vendor, fault) for vendor in VENDORS for fault in (*names(vendor), PROMOTION)}
    goal = -(-380 // len(kinds))
    assert missing(kept) == dict.fromkeys(kinds, goal)
    last = {"vendor": "mariadb", "fault": PROMOTION}
    kept.keep({**last, "pairs": goal - 1}, [], "")
    assert missing(kept)["mariadb", PROMOTION] == 1
    kept.keep({**last, "pairs": 2}, [], "")
    assert ("mariadb", PROMOTION) not in missing(kept)
