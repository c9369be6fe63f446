"""Hands that save and load at once, command by command on a real Redis: no pin is lost or lowered.

``python -m proof.stores`` has many more of them.
"""

from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from django_redis import get_redis_connection

from pinning.pins.stores.cache import CacheStore
from pinning.pins.stores.redis import RedisStore
from pinning.testing.redis import Redis
from proof.stores.interleaving import every_order, interleave, redis_taking_turns
from proof.stores.scenarios import Outcome, by_chance, written_out
from tests.pins.stores.helpers.planted import PLANTED, REACHED
from tests.services import service

pytestmark = pytest.mark.live

SEED = 20260101
INTERLEAVINGS = 250

#: By chance until then, and no longer: the rarest takes a few hundred.
MOST_UNTIL_CAUGHT = 3000


@pytest.fixture(scope="module", autouse=True)
def redis() -> Iterator[Redis]:
    with service(Redis()) as server, redis_taking_turns(server.url):
        yield server


def failed(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    return (outcome for outcome in outcomes if outcome.losses)


def appending(text: str) -> Callable[[], None]:
    """A job of as many commands as ``text`` has letters."""

    def job() -> None:
        pipeline = get_redis_connection("default").pipeline(transaction=False)
        for letter in text:
            pipeline.append("written", letter)
        pipeline.execute()

    return job


def test_hands_take_each_order_of_their_commands_once():
    """Also between those of one pipeline, as Redis may."""

    def run(choose):
        client = get_redis_connection("default")
        client.delete("written")
        interleave([appending("aa"), appending("bb")], choose)
        return client.get("written").decode()

    assert sorted(every_order(run)) == ["aabb", "abab", "abba", "baab", "baba", "bbaa"]


def test_no_order_of_a_few_hands_loses_or_lowers_a_pin():
    assert list(failed(islice(written_out(RedisStore), INTERLEAVINGS))) == []


def test_no_order_that_chance_makes_up_loses_or_lowers_a_pin():
    assert list(failed(islice(by_chance(RedisStore, SEED), INTERLEAVINGS))) == []


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(bug):
    with PLANTED[bug]() as store:
        found = failed(islice(by_chance(store, SEED, REACHED), MOST_UNTIL_CAUGHT))
        assert next(found, None) is not None


def test_the_cache_store_loses_a_pin_now_and_then():
    """As its documentation says."""
    found = failed(islice(by_chance(CacheStore, SEED), MOST_UNTIL_CAUGHT))
    assert next(found, None) is not None
