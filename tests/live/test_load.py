"""A crowd of clients on a primary and two replicas, while these die, freeze, lag and return."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import pytest

from pinning import Reason
from pinning.testing.postgres import Replica
from tests.live.site.clients import Site
from tests.live.site.crowd import Crowd
from tests.live.site.pair import DATABASE, Pair
from tests.services import service

CLIENTS = 4
RETRY_AFTER = 0.5  # of tests/live/site/settings.py


@pytest.fixture(scope="module")
def second(session_pair: Pair) -> Iterator[Replica]:
    with service(session_pair.primary.replica()) as replica:
        yield replica


@pytest.fixture
def open_site(pair: Pair, second: Replica) -> Iterator[Callable[..., Site]]:
    second.wait_until_caught_up()
    with ExitStack() as stack:

        def open_site(kind: str = "wsgi", *, persistent: bool = True, **pinning: Any) -> Site:
            replicas = {
                alias: {
                    **server.settings(DATABASE),
                    "CONN_MAX_AGE": None if persistent else 0,
                }
                for alias, server in {"replica1": pair.replica, "replica2": second}.items()
            }
            urls = {"wsgi": "sync_urls", "asgi": "async_urls"}[kind]
            settings = pair.settings(replicas=replicas, urls=urls, pinning=pinning)
            site = stack.enter_context(Site(kind, settings))
            stack.callback(site.close_clients)
            return site

        yield open_site


@contextmanager
def frozen(server: Replica) -> Iterator[None]:
    """Stopped like a process under SIGSTOP: its connections stay open, and nobody answers."""
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@pytest.mark.parametrize("persistent", [True, False], ids=["kept", "new"])
def test_a_replica_that_is_stopped_costs_one_bounded_wait(
    open_site: Callable[..., Site],
    second: Replica,
    figure: Callable[[str, object], None],
    persistent: bool,
):
    site = open_site(persistent=persistent, RETRY_AFTER=60)  # what is not cut waits to the end
    with Crowd(site, CLIENTS) as crowd:
        crowd.wait(1)
        before = crowd.wait(2)
        with frozen(second):
            during = crowd.wait(3)
        crowd.wait(0.5)  # a late answer brings it back before its time
        after = crowd.wait(1)
    usual = sorted(visit.seconds for visit in crowd.reads(*before))
    slowest = max(visit.seconds for visit in crowd.reads(before[1] - 0.5, during[1]))
    assert (crowd.failed, crowd.stale) == ([], [])
    assert crowd.share("replica2", *during) < 0.1  # those that were moved away while they ran
    assert crowd.share("replica2", *after) > 0.2
    assert slowest - usual[-1] < 0.8  # of the 3 s; what it should be is printed
    figure(
        f"Slowest read when a replica is stopped, {'kept' if persistent else 'new'} connections",
        f"{slowest * 1000:.0f} ms; before: {median(usual) * 1000:.0f} ms, at most "
        f"{usual[-1] * 1000:.0f} ms",
    )


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_replica_that_is_killed_costs_no_request(
    open_site: Callable[..., Site],
    second: Replica,
    figure: Callable[[str, object], None],
    kind: str,
):
    site = open_site(kind)
    with Crowd(site, CLIENTS) as crowd:
        crowd.wait(1)
        before = crowd.wait(1)
        second.kill()
        during = crowd.wait(2)
        second.start()
        crowd.wait(2 * RETRY_AFTER)
        after = crowd.wait(2)
    assert crowd.stale == []
    assert crowd.share("replica2", *before) > 0.2
    assert crowd.share("replica2", *during) < 0.2
    figure(f"Requests that failed because a replica died ({kind})", len(crowd.failed))
    figure(
        "Share of reads back on it within twice RETRY_AFTER",
        f"{crowd.share('replica2', *after):.2f} (before: {crowd.share('replica2', *before):.2f})",
    )
    assert crowd.failed == []
    assert crowd.share("replica2", *after) > 0.2
    assert site.log().count("'replica2' is set aside") == 1


def test_a_replica_that_is_restarted_again_and_again_costs_no_request(
    open_site: Callable[..., Site], second: Replica, figure: Callable[[str, object], None]
):
    site = open_site()
    with Crowd(site, CLIENTS) as crowd:
        for stop in (second.stop, second.kill, second.stop):
            crowd.wait(1)
            stop()
            crowd.wait(0.5)
            second.start()
        crowd.wait(1)
    figure("Requests that failed as a replica was restarted three times", len(crowd.failed))
    assert (crowd.failed, crowd.stale) == ([], [])


def test_a_replica_that_lags_leaves_the_rotation_for_everyone(
    open_site: Callable[..., Site], second: Replica
):
    site = open_site(MAX_LAG=1)
    with Crowd(site, CLIENTS) as crowd:
        crowd.wait(1)
        second.pause_replay()
        try:
            crowd.wait(2.5)
            during = crowd.wait(1)
        finally:
            second.resume_replay()
        crowd.wait(1)
        after = crowd.wait(1)
    assert (crowd.failed, crowd.stale) == ([], [])
    assert crowd.share("replica2", *during) == 0
    assert crowd.share("replica2", *after) > 0.2
    assert site.log().count("'replica2' is taken out of the rotation: It lags") == 1
    assert "replica1" not in site.log()


def test_when_all_are_out_the_primary_serves_and_that_is_said_once(
    pair: Pair, open_site: Callable[..., Site], second: Replica
):
    site = open_site()
    with Crowd(site, CLIENTS) as crowd:
        crowd.wait(1)
        with frozen(second), frozen(pair.replica):
            crowd.wait(0.5)
            during = crowd.wait(2)
        crowd.wait(2 * RETRY_AFTER)
        after = crowd.wait(1)
    assert (crowd.failed, crowd.stale) == ([], [])
    assert {visit.reason for visit in crowd.reads(*during)} <= {
        Reason.NO_REPLICA,
        Reason.FOLLOWS_PRIMARY,
    }
    assert crowd.share("default", *during) == 1
    assert crowd.share("default", *after) < 0.5
    assert site.log().count("No replica of 'default' is left") == 1
    assert site.log().count("is set aside") == 2


def test_a_process_that_starts_while_a_replica_is_stopped_waits_once(
    open_site: Callable[..., Site], second: Replica
):
    with frozen(second):
        site = open_site()
        with Crowd(site, CLIENTS) as crowd:
            crowd.wait(4)
    slow = [visit for visit in crowd.visits if visit.seconds > 0.9]
    assert (crowd.failed, crowd.stale) == ([], [])
    assert len(slow) <= CLIENTS
    assert site.log().count("'replica2' is set aside") == 1


def test_an_idle_primary_makes_no_replica_late(open_site: Callable[..., Site], second: Replica):
    """Only what it has not got counts, not how long ago it got something."""
    site = open_site(MAX_LAG=1)
    client = site.client()
    for _ in range(40):
        client.get("/notes/latest?of=nobody")
        time.sleep(0.1)
    assert "taken out" not in site.log()
