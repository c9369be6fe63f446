"""What breaks while users are at work: stores and replicas that die, hang and come back."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pinning import Reason
from pinning.testing.redis import Redis
from tests.live.conftest import KINDS
from tests.live.site.clients import Client, Site, last_read
from tests.live.site.pair import Pair, make_pair
from tests.services import service


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A Redis that the test may break."""
    with service(Redis()) as server:
        server.grow_old()
        yield server


@pytest.fixture
def open_site(pair: Pair, own_redis: Redis) -> Iterator[object]:
    with ExitStack() as stack:

        def open_site(kind: str) -> Site:
            server, urls, stores = KINDS[kind]
            settings = pair.settings(urls=urls, stores=stores, redis=own_redis.url)
            site = stack.enter_context(Site(server, settings))
            stack.callback(site.close_clients)
            return site

        yield open_site


def with_session(site: Site) -> Client:
    """A browser whose pins Redis keeps: those of one without a session are in its cookies."""
    browser = site.client()
    browser.post("/sign-in")
    return browser


@pytest.mark.parametrize("failure", ["kill", "freeze"])
def test_browsers_lose_nothing_when_redis_fails_beside_the_cookie(
    pair: Pair, own_redis: Redis, open_site, failure: str
):
    site = open_site("sync-both")
    browsers = [with_session(site) for _ in range(3)]
    pair.replica.pause_replay()
    expected = [[] for _ in browsers]
    statuses = set()
    for step in range(12):
        if step == 4:
            getattr(own_redis, failure)()
        if step == 8:
            own_redis.start() if failure == "kill" else own_redis.thaw()
        for number, browser in enumerate(browsers):
            text = f"{number}.{step}"
            response = browser.write(text)
            statuses.add(response.status_code)
            for texts in expected:
                texts.append(text)
            assert response.json()["notes"] == expected[number]
            assert browser.notes() == expected[number]
    assert statuses == {200}
    if failure == "freeze":
        assert "store is left alone" in site.log()


def test_without_the_cookie_a_dead_redis_sends_reads_to_the_primary(
    pair: Pair, own_redis: Redis, open_site
):
    site = open_site("sync-redis")
    browser, other = with_session(site), site.client()
    browser.write("before")
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    own_redis.kill()
    response = browser.write("after")
    assert response.json()["notes"] == ["before", "after"]
    assert last_read(response) == ("default", Reason.STORES_DOWN)
    assert last_read(other.get("/notes")) == ("replica1", Reason.REPLICA)  # known by no name
    assert site.log().count("store is left alone") == 1
    own_redis.start()
    time.sleep(0.6)  # RETRY_AFTER
    assert browser.notes() == ["before", "after"]  # Redis has lost its pins, and says so
    assert last_read(browser.get("/notes")) == ("default", Reason.STORES_DOWN)
    own_redis.grow_old()  # whole as it says, but this process knows of a pin that it lacks
    assert browser.notes() == ["before", "after"]
    assert last_read(browser.get("/notes")) == ("default", Reason.STORES_DOWN)


def test_a_hung_redis_costs_a_bounded_wait_once(pair: Pair, own_redis: Redis, open_site):
    site = open_site("sync-redis")
    browser = with_session(site)
    browser.write("new")
    own_redis.freeze()
    try:
        assert last_read(browser.get("/notes")) == ("default", Reason.STORES_DOWN)
        assert last_read(browser.get("/notes")) == ("default", Reason.STORES_DOWN)
    finally:
        own_redis.thaw()


@pytest.mark.parametrize("kind", ["sync-cookie", "async-cookie"])
def test_a_dead_replica_is_no_error(pair: Pair, open_site, kind: str):
    site = open_site(kind)
    browser, other = site.client(), site.client()
    browser.write("one")
    pair.replica.wait_until_caught_up()
    pair.replica.kill()
    try:
        for _ in range(3):
            assert other.notes() == ["one"]
            assert browser.write("one").status_code == 200
            pair.execute("DELETE FROM notes_note WHERE id > (SELECT min(id) FROM notes_note)")
        assert last_read(other.get("/notes")) == ("default", Reason.NO_REPLICA)
        assert site.log().count("is set aside") == 1
    finally:
        pair.replica.start()
        pair.replica.wait_until_caught_up()
    time.sleep(1.2)  # twice RETRY_AFTER
    assert last_read(other.get("/notes")) == ("replica1", Reason.REPLICA)


def test_a_promoted_replica_holds_a_pin_for_the_window(open_site, own_redis: Redis):
    """Its own fresh pair: a promoted replica does not come back."""
    with ExitStack() as stack:
        pair = make_pair(stack)
        settings = pair.settings(redis=own_redis.url, pinning={"WINDOW": 1.5})
        site = stack.enter_context(Site("wsgi", settings))
        stack.callback(site.close_clients)
        browser = site.client()
        pair.replica.pause_replay()
        browser.write("lost")
        pair.replica.resume_replay()
        pair.replica.promote()
        browser.write("only here")
        assert browser.notes() == ["lost", "only here"]
        assert last_read(browser.get("/notes")) == ("default", Reason.PINNED)
        time.sleep(1.6)
        assert last_read(browser.get("/notes")) == ("replica1", Reason.WINDOW_OVER)
