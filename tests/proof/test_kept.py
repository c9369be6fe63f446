"""A proof is kept act by act, and goes on wherever it was stopped."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pinning.verify.checker import check
from pinning.verify.history import read_history
from proof import kept as kept_module
from proof.kept import Kept, KeptError
from tests.proof import played

KILLS = int(os.environ.get("PINNING_KILLS", "6"))
ROOT = Path(__file__).parents[2]


def judge(folder: Path) -> None:
    """All acts are there, each with its whole history, and they have come in their own order."""
    kept = Kept.resume(folder)
    turns: dict[tuple[str, str], int] = {}
    for act in kept.acts:
        history = list(read_history(folder / act["history"]))
        assert check(history).pairs == act["pairs"]
        kind = act["vendor"], act["fault"]
        assert act["seed"] == kept.plan.visitors_seed(*kind, turns.get(kind, 0))
        turns[kind] = turns.get(kind, 0) + 1
    assert len(turns) == 4
    assert all(kept.pairs(*kind) >= played.PAIRS for kind in turns)
    assert list(turns) == [
        (vendor, fault)
        for vendor in kept.plan.order(played.VENDORS)
        for fault in kept.plan.order(played.FAULTS)
    ]


def test_a_proof_that_nobody_stops_is_played_to_its_end(tmp_path: Path):
    assert list(played.acts(played.play_on(tmp_path))) == []
    judge(tmp_path)


def test_the_same_seed_gives_the_same_acts(tmp_path: Path):
    both = [played.play_on(tmp_path / name).acts for name in ("one", "two")]
    assert both[0] == both[1]


def test_another_seed_gives_other_orders_and_other_visitors():
    plans = [replace(played.PLAN, seed=seed) for seed in range(20)]
    assert len({tuple(plan.order("abcdef")) for plan in plans}) > 15
    assert len({plan.visitors_seed("mariadb", "lag", 0) for plan in plans}) == 20
    assert plans[0].visitors_seed("mariadb", "lag", 1) != plans[0].visitors_seed(
        "mariadb", "lag", 0
    )


class Stopped(BaseException):
    """As a kill: nothing cleans up."""


@pytest.mark.parametrize("last", range(10))
def test_it_goes_on_after_any_of_its_writes(
    last: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each time, the one after so many changes of the folder is not made, or half of it."""
    changes, replace_at_once = iter(range(10**9)), Path.replace

    def stopping(change: Any) -> Any:
        def changed(path: Any, *arguments: Any) -> Any:
            if next(changes) == last:
                if change is not replace_at_once:
                    Path(path).write_bytes(b"half")
                raise Stopped
            return change(path, *arguments)

        return changed

    monkeypatch.setattr(Path, "replace", stopping(replace_at_once))
    for name in ("write_history", "write_lines"):
        monkeypatch.setattr(kept_module, name, stopping(getattr(kept_module, name)))
    with pytest.raises(Stopped):
        played.play_on(tmp_path)
    played.play_on(tmp_path)
    monkeypatch.undo()
    judge(tmp_path)


def test_it_goes_on_after_being_killed_at_any_moment(tmp_path: Path):
    chance = random.Random(7)
    counts = []
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.proof.played", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as playing:
            assert playing.stdout is not None
            assert playing.stdout.readline() == "Playing.\n"
            time.sleep(chance.uniform(0, 0.15))
            playing.kill()
        counts.append(len(list(tmp_path.glob("act-*.json"))))
    assert counts == sorted(counts)
    played.play_on(tmp_path)
    judge(tmp_path)


def test_nothing_is_left_of_an_act_that_was_not_kept_to_its_end(tmp_path: Path):
    kept = played.opened(tmp_path)
    (tmp_path / "act-0001-mariadb-other.jsonl.gz").write_bytes(b"half")
    kept.keep({"vendor": "mariadb", "fault": "lag, alone", "pairs": 1}, [], "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "act-0001-mariadb-lag-alone.json",
        "act-0001-mariadb-lag-alone.jsonl.gz",
        "act-0001-mariadb-lag-alone.log.gz",
        "plan.json",
    ]


def test_pieces_are_counted(tmp_path: Path):
    kept = played.opened(tmp_path)
    assert kept.next_piece == 1
    kept.keep({"vendor": "mariadb", "fault": "lag", "pairs": 1, "piece": 3}, [], "")
    assert Kept.resume(tmp_path).next_piece == 4


def test_a_proof_is_never_begun_over_another(tmp_path: Path):
    played.opened(tmp_path)
    with pytest.raises(KeptError, match="go on with --resume, or move it away"):
        Kept.begin(tmp_path, played.PLAN)


def test_without_a_proof_there_is_nothing_to_go_on_with(tmp_path: Path):
    with pytest.raises(KeptError, match="There is no proof in .* to go on with"):
        Kept.resume(tmp_path)


def test_a_proof_of_other_code_does_not_go_on(tmp_path: Path):
    Kept.begin(tmp_path, replace(played.PLAN, code="other"))
    with pytest.raises(KeptError, match="is of other code"):
        Kept.resume(tmp_path)


def test_the_plan_is_kept(tmp_path: Path):
    Kept.begin(tmp_path, played.PLAN)
    assert Kept.resume(tmp_path).plan == played.PLAN
    assert json.loads((tmp_path / "plan.json").read_text())["seed"] == 7
