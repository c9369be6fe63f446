"""The two checkers say the same: of long histories, of bad ones, and of those changed at random.

``PINNING_AGREEMENT=50`` has fifty times as many operations and changed histories: a million, and
1,000.
"""

import os
import random

import pytest

from pinning.verify.checker import EmptyHistoryError, check
from pinning.verify.history import Kind, Operation
from proof.agreement import disagreement
from tests.proof import simulated

TIMES = int(os.environ.get("PINNING_AGREEMENT", 1))
OPERATIONS = 20_000 * TIMES
CHANGED = 20 * TIMES

#: Histories in a piece.
PIECE = 20


def test_of_a_good_history_both_say_that_it_is_good():
    history = simulated.history(OPERATIONS, seed=1)
    verdict = check(history)
    assert verdict.stale == 0
    assert verdict.went_back > 0
    assert verdict.pairs > OPERATIONS / 2
    assert disagreement(history, verdict) == ""


@pytest.mark.parametrize("mistakes", [0.001, 0.1, 1.0])
def test_of_a_bad_one_both_say_how_bad(mistakes: float):
    history = simulated.history(OPERATIONS // 4, seed=2, mistakes=mistakes)
    verdict = check(history)
    assert verdict.stale > 0
    assert disagreement(history, verdict) == ""


@pytest.mark.parametrize("piece", range(CHANGED // PIECE))
def test_of_histories_that_were_changed_at_random_both_say_the_same(piece: int):
    stale = 0
    for number in range(piece * PIECE, (piece + 1) * PIECE):
        chance = random.Random(number)
        length = chance.choice([10, 100, 1000])
        good = simulated.history(length, seed=number, sessions=chance.choice([1, 3, 8]))
        history = simulated.changed(good, chance)
        try:
            verdict = check(history)
        except EmptyHistoryError:
            continue
        stale += verdict.stale
        assert disagreement(history, verdict) == "", number
    assert stale > 0


def lost(value: int, at: float) -> Operation:
    facts = {"session": "user 0", "client": "", "sent": at, "answered": at}
    return Operation(kind=Kind.LOST, value=value, **facts)


@pytest.mark.parametrize("seed", range(10))
def test_of_a_history_in_which_writes_were_lost_both_say_the_same(seed: int):
    """Nobody reads meanwhile, as in the proof."""
    history = simulated.history(1000, seed=seed, mistakes=0.1)
    own = [each for each in history if each.session == "user 0" and each.kind is Kind.READ]
    at = own[len(own) // 2].answered
    value = max(0, (own[len(own) // 2].value or 0) - seed)
    quiet = [
        each for each in history if each.session != "user 0" or not each.sent <= at < each.answered
    ]
    history = [*quiet, lost(value, at)]
    assert disagreement(history, check(history)) == ""


def test_a_difference_is_told():
    history = simulated.history(500, seed=3, mistakes=1.0)
    verdict = check(history)
    verdict.stale += 1
    assert disagreement(history, verdict) == f"stale: {verdict.stale} and {verdict.stale - 1}"
