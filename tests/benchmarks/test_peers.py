"""The sites of all ways, and visitors who see stale pages where there are some, and only there."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from benchmarks.peers import servers, visits
from benchmarks.peers.crowds import Crowd
from benchmarks.peers.servers import Servers, wait
from benchmarks.peers.site import Site
from benchmarks.peers.visitors import Visit
from benchmarks.peers.ways import PRIMARY, REPLICA, WAYS, Way, way_of
from tests.services import service

NOWHERE = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "nothing",
    "HOST": "127.0.0.1",
    "PORT": "1",
}


#: Django loads middleware and routers at their first use only.
LOAD_AND_CHECK = """
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import router
get_wsgi_application()
assert router.routers is not None
call_command("check", fail_level="WARNING")
"""


def visit(**changes):
    """A page that was read on the replica in 10 ms."""
    usual = {
        "site": "pinning",
        "begun": 5.0,
        "seconds": 0.01,
        "status": 200,
        "is_write": False,
        "is_stale": False,
        "reads": REPLICA,
        "reason": "",
        "position_queries": 0,
        "store_calls": 0,
    }
    return Visit(**{**usual, **changes})


USERS = 2
SEEN = ("always-primary", "always-replica", "pinning")

#: With the packages, where they are installed, to see them work.
VISITED = [way for way in WAYS if way.name in SEEN or (way.package and way.is_installed)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_ways_site_loads_and_passes_its_checks(way: Way):
    if not way.is_installed:
        pytest.skip(f"{way.package} is not installed")
    databases = {PRIMARY: NOWHERE, REPLICA: {**NOWHERE, "PORT": "2", "TEST": {"MIRROR": PRIMARY}}}
    with closing(Site(way, databases, "redis://127.0.0.1:1")) as site:
        site.manage("shell", "-v", "0", "-c", LOAD_AND_CHECK)


def test_a_cell_counts_what_was_seen():
    seen = [
        visit(),
        visit(is_stale=True),
        visit(reads=f"{PRIMARY},{REPLICA}", seconds=0.03),
        visit(is_write=True, status=302, reads="", seconds=0.5),
        visit(status=500, reads=""),
        visit(waited_ms=3.0, position_queries=2),
        visit(waited_ms=5.0, reads=PRIMARY),
    ]
    assert visits.cell(seen, seconds=2) == {
        "requests": 7,
        "failed": 1,
        "pages": 6,
        "stale": 1,
        "reads": 6,
        "reads_on_primary": 2,
        "reads_of_writes": 0,
        "reads_of_writes_on_primary": 0,
        "position_queries": 2,
        "waits": 2,
        "queries_of_waits": 2,
        "waits_in_vain": 1,
        "waited_ms": 8.0,
        "waited_p99_ms": 5.0,
        "waits_p50_ms": 3.0,
        "waits_p99_ms": 5.0,
        "requests_per_second": 3.5,
        "p50_ms": 10.0,
        "p99_ms": 500.0,
    }


def test_costs_are_told_by_the_kind_of_request():
    seen = [
        visit(reason="pinned", position_queries=1),
        visit(reason="pinned"),
        visit(reason="pinned", waited_ms=20.0, position_queries=2),
        visit(is_write=True, status=302, store_calls=1),
        visit(status=0, position_queries=9),
    ]
    found = visits.costs(seen)
    assert list(found) == ["page: pinned", "waiting page: pinned", "write"]
    assert found["page: pinned"]["position_queries"] == 0.5
    assert found["page: pinned"]["most_position_queries"] == 1
    assert found["write"]["store_calls"] == 1


@pytest.fixture(scope="module")
def machines() -> Iterator[Servers]:
    way = way_of("always-primary")
    with service(servers.running(way, accounts=len(VISITED) * USERS)) as machines:
        yield machines


@pytest.fixture
def crowd(machines: Servers) -> Iterator[Crowd]:
    """Who visited the sites for a while, on a replica that replays nothing."""
    with ExitStack() as stack:
        sites = [stack.enter_context(machines.site(way)) for way in VISITED]
        stack.enter_context(machines.pair.paused())
        with Crowd(sites, users=USERS, pace=0, seed="a test") as crowd:
            wait(1.5)
        yield crowd


@pytest.mark.live
def test_stale_pages_are_those_that_lack_what_was_acknowledged(crowd: Crowd):
    seen = {
        way.name: visits.cell(visits.of_site(crowd.visits, way.name), seconds=1) for way in VISITED
    }
    assert {name: cell["failed"] for name, cell in seen.items()} == dict.fromkeys(seen, 0)
    assert all(cell["pages"] > 0 for cell in seen.values())
    assert seen["always-primary"]["stale"] == 0
    assert seen["always-replica"]["stale"] > 0
    assert seen["pinning"]["stale"] == 0
    assert seen["always-primary"]["reads_on_primary"] == seen["always-primary"]["reads"]
    assert seen["always-replica"]["reads_on_primary"] == 0
    assert seen["pinning"]["reads_on_primary"] > 0
