"""Hypothesis searches for a way to lose or lower a pin; ``machine`` has the rules of the search."""

from collections.abc import Iterator

import pytest
from freezegun import freeze_time
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pinning.pins.stores import Store
from pinning.pins.stores.redis import RedisStore
from proof.stores.interleaving import redis_taking_turns
from tests.pins.stores.helpers.lasting import LastingRedis
from tests.pins.stores.helpers.machine import StoreMachine
from tests.pins.stores.helpers.planted import PLANTED
from tests.services import service

pytestmark = pytest.mark.live

#: ``test_races`` catches these. The first takes a flush in the middle of one load; a run has but
#: one. The other takes a load soon after a flush, which a search on a busy machine may miss.
NOT_FOUND = {"the marks are read first", "a young memory is not looked into"}
MOST_UNTIL_FOUND = 1000

#: A planted bug is searched for; nobody reads how it was found.
SEARCH = settings(
    derandomize=True,
    stateful_step_count=50,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def world() -> Iterator[None]:
    """A server, and a time that passes when it is told to."""
    ignored = ["pinning.testing", "redis"]  # which wait for servers
    with service(LastingRedis()) as server, redis_taking_turns(server.url):
        with freeze_time("2026-01-01", ignore=ignored) as clock:
            StoreMachine.server, StoreMachine.clock = server, clock
            yield


def search(kind: type[Store], examples: int) -> None:
    machine = type("Machine", (StoreMachine,), {"kind": kind})
    run_state_machine_as_test(machine, settings=settings(SEARCH, max_examples=examples))


def test_no_pin_is_lost_or_lowered_whatever_happens():
    search(RedisStore, 30)


@pytest.mark.parametrize("bug", [bug for bug in PLANTED if bug not in NOT_FOUND])
def test_a_planted_bug_is_found(bug):
    with PLANTED[bug]() as kind, pytest.raises(AssertionError):
        search(kind, MOST_UNTIL_FOUND)
