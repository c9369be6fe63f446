"""Minutes of the proof: every fault once, on PostgreSQL, on MariaDB, and on MySQL if chosen."""

from collections.abc import Callable, Iterator

import pytest

from proof.acts import PROMOTION, VENDORS, Act, names, play, play_promotion
from proof.agreement import disagreement
from proof.faults import FAULTS
from proof.stage import Stage
from tests.live.conftest import SESSION_PAIRS
from tests.live.site.pair import Pair
from tests.services import programs, service

STEP_SECONDS = 0.5
PROMOTION_SECONDS = 8.0

Figure = Callable[[str, object], None]


@pytest.fixture(scope="module", params=VENDORS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    pair: Pair = request.getfixturevalue(SESSION_PAIRS[request.param])
    pair.reset()
    with service(Stage(request.param, pair)) as stage:
        yield stage
    pair.reset()


def judge(act: Act, figure: Figure) -> None:
    verdict = act.verdict
    figure(
        f"Proof, {act.vendor}, {act.fault}",
        f"{verdict.pairs} pairs, {verdict.stale} stale, {verdict.failed} failed, "
        f"{act.replicas_share:.0%} on replicas",
    )
    assert (verdict.stale, verdict.failed) == (0, 0), (verdict, act.log)
    assert act.replicas_share > 0
    assert disagreement(act.history, verdict) == ""


@pytest.mark.parametrize("name", FAULTS)
def test_nobody_misses_what_they_wrote(stage: Stage, name: str, figure: Figure):
    if name not in names(stage.vendor):
        pytest.skip("Another vendor's.")
    with programs():
        act = play(stage, name, STEP_SECONDS)
    judge(act, figure)


@pytest.mark.parametrize("vendor", VENDORS, indirect=True)
def test_after_a_promotion_nobody_misses_what_the_new_primary_has(
    fresh_pair: Pair, vendor: str, figure: Figure
):
    with service(Stage(vendor, fresh_pair)) as stage:
        act = play_promotion(stage, PROMOTION_SECONDS)
    lost = [operation for operation in act.history if operation.kind == "lost"]
    assert lost, PROMOTION
    judge(act, figure)


def test_the_same_seed_gives_the_same_choices_of_the_visitors(stage: Stage):
    """How far each comes is a matter of time."""
    one, other = (play(stage, "steady lag", STEP_SECONDS, seed=7) for _ in range(2))
    choices = [choices_in(act) for act in (one, other)]
    for client, done in choices[0].items():
        together = min(len(done), len(choices[1][client])) - 1  # the last may be to sign out
        assert together > 0
        assert done[:together] == choices[1][client][:together]


def choices_in(act: Act) -> dict[str, list[str]]:
    """What each client did, one request after the other."""
    made: dict[str, dict[float, str]] = {}
    for each in act.history:
        made.setdefault(each.client, {})[each.sent] = each.way or each.kind
    return {client: list(done.values()) for client, done in made.items()}
