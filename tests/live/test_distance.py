"""Replicas that are far away, or late when a process has just begun to read from them."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pinning import Reason
from tests.live.conftest import on_each_database
from tests.live.site.clients import Site, last_read
from tests.live.site.crowd import Crowd
from tests.live.site.far import Far, through
from tests.live.site.pair import DATABASE, Pair

LATE_SECONDS = 4.0
MAX_LAG = 1.0


@pytest.fixture
def open_site(pair: Pair) -> Iterator[Callable[..., Site]]:
    """Starts a site of its own; ``far`` is between it and the replica."""
    with ExitStack() as stack:

        def open_site(far: Far | None = None, **pinning: Any) -> Site:
            replica = pair.replica.settings(DATABASE)
            replicas = {"replica1": replica if far is None else through(far, replica)}
            settings = pair.settings(replicas=replicas, pinning=pinning)
            site = stack.enter_context(Site("wsgi", settings))
            stack.callback(site.close_clients)
            return site

        yield open_site


@pytest.mark.parametrize("round_trip_seconds", [0.12, 0.25])
def test_a_far_replica_is_no_silent_one(pair, open_site, figure, round_trip_seconds: float):
    with Far(pair.replica.port, round_trip_seconds / 2) as far:
        site = open_site(far, RETRY_AFTER=10)
        with Crowd(site, 4) as crowd:
            during = crowd.wait(12)
    setbacks = site.log().count("is set aside")
    share = crowd.share("replica1", *during)
    figure(f"Setbacks in 12 s, a round trip of {round_trip_seconds} s", setbacks)
    figure(f"Share of reads on that replica, {round_trip_seconds} s", f"{share:.2f}")
    assert (crowd.failed, crowd.stale) == ([], [])
    assert setbacks <= 1  # as the process begins
    assert crowd.reads(during[1] - 4, during[1])[-1].alias == "replica1"


def test_one_that_falls_silent_is_noticed_all_the_same(pair, open_site):
    with Far(pair.replica.port, 0.06) as far:
        site = open_site(far, RETRY_AFTER=60)
        client = site.client()
        for _ in range(10):
            client.get("/notes")
        pair.replica.freeze()
        try:
            began = time.monotonic()
            assert last_read(client.get("/notes"))[0] == "default"
            assert time.monotonic() - began < 3
        finally:
            pair.replica.thaw()


@on_each_database
def test_the_first_read_of_a_process_is_not_on_a_late_replica(pair, open_site):
    pair.replica.pause_replay()
    pair.execute("INSERT INTO notes_tag (name) VALUES ('late')")
    time.sleep(LATE_SECONDS)
    site = open_site(MAX_LAG=MAX_LAG)
    client = site.client()
    assert [last_read(client.get("/notes")) for _ in range(20)] == [
        ("default", Reason.NO_REPLICA)
    ] * 20
    pair.catch_up()
    time.sleep(4 * MAX_LAG)
    client.get("/notes")
    time.sleep(0.5)
    assert last_read(client.get("/notes")) == ("replica1", Reason.REPLICA)


@on_each_database
def test_nor_is_the_first_one_after_a_pause(pair, open_site):
    site = open_site(MAX_LAG=MAX_LAG)
    client = site.client()
    assert last_read(client.get("/notes")) == ("replica1", Reason.REPLICA)
    pair.replica.pause_replay()
    pair.execute("INSERT INTO notes_tag (name) VALUES ('late')")
    time.sleep(LATE_SECONDS)  # nobody reads
    assert last_read(client.get("/notes")) == ("default", Reason.NO_REPLICA)


@on_each_database
def test_the_first_read_is_on_a_replica_that_has_all(pair, open_site, figure):
    site = open_site()
    client = site.client()
    began = time.monotonic()
    assert last_read(client.get("/notes")) == ("replica1", Reason.REPLICA)
    first = time.monotonic() - began
    began = time.monotonic()
    client.get("/notes")
    second = time.monotonic() - began
    figure("First and second read of a process, ms", f"{first * 1000:.0f}, {second * 1000:.0f}")


def test_also_on_one_that_lags_less_than_allowed(pair, open_site):
    """PostgreSQL tells when the last transaction was committed that a standby has replayed."""
    pair.replica.set_delay(2)
    for number in range(10):
        pair.execute(f"INSERT INTO notes_tag (name) VALUES ('{number}')")
        time.sleep(0.4)
    site = open_site(MAX_LAG=30)
    assert last_read(site.client().get("/notes")) == ("replica1", Reason.REPLICA)


def test_a_primary_that_is_gone_keeps_nobody_from_the_replica(fresh_pair):
    pair = fresh_pair
    with Site("wsgi", pair.settings(pinning={"MAX_LAG": 1})) as site:
        pair.primary.kill()
        client = site.client()
        assert last_read(client.get("/notes")) == ("replica1", Reason.REPLICA)
        site.close_clients()
