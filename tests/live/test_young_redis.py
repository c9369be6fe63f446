"""A Redis that was flushed a moment ago, beside cookies: what it knows counts, and no more."""

from collections.abc import Callable, Iterator

import pytest
import redis as redis_py

from pinning import Reason
from pinning.testing.redis import Redis
from tests.live.site.clients import Client, Site, last_read
from tests.live.site.pair import Pair


@pytest.fixture(params=["sync-both", "async-both"])
def site(
    request: pytest.FixtureRequest, pair: Pair, redis: Redis, sites: Callable[..., Site]
) -> Iterator[Site]:
    yield sites(request.param)
    redis.grow_old()


def flush(redis: Redis) -> None:
    with redis_py.Redis.from_url(redis.url) as client:
        client.flushall()


def signed_in(site: Site) -> Client:
    client = site.client()
    assert client.post("/sign-in").status_code == 200
    return client


def caught_up(pair: Pair) -> None:
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()


@pytest.mark.parametrize("who", [Site.client, signed_in])
def test_what_a_body_wrote_is_seen(site: Site, pair: Pair, redis: Redis, who) -> None:
    """The body's headers have left: only Redis has the pin."""
    writer, other = who(site), site.client()
    caught_up(pair)
    flush(redis)
    for number in range(5):
        response = writer.post("/notes/streamed", params={"text": f"late {number}"})
        assert response.text.endswith("written\n")
        assert writer.notes() == [f"late {n}" for n in range(number + 1)]
    assert other.notes() == []
    assert last_read(other.get("/notes")) == ("replica1", Reason.REPLICA)


def test_what_another_device_wrote_is_seen(site: Site, pair: Pair, redis: Redis) -> None:
    phone, laptop = signed_in(site), signed_in(site)
    caught_up(pair)
    flush(redis)
    phone.get("/me")  # Redis is asked, and finds that it is new
    phone.write("new", "/notes/mine")
    assert laptop.notes("/notes/mine") == ["new"]


def test_what_another_device_wrote_before_is_seen_too(site: Site, pair: Pair, redis: Redis) -> None:
    """Its pin is lost, and the laptop's cookies know nothing of it."""
    phone, laptop = signed_in(site), signed_in(site)
    caught_up(pair)
    phone.write("new", "/notes/mine")
    flush(redis)
    response = laptop.get("/notes/mine")
    assert response.json() == {"notes": ["new"]}
    assert last_read(response) == ("default", Reason.STORES_DOWN)
