"""The benchmarks' visitors see stale pages where there are some, and only there."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from benchmarks.peers import visits
from benchmarks.peers.crowds import Crowd
from benchmarks.peers.servers import Servers, wait
from benchmarks.peers.ways import WAYS, way_of
from pinning.testing.redis import Redis
from tests.live.conftest import Pair

USERS = 2
SEEN = ("always-primary", "always-replica", "pinning")

#: With the packages, where they are installed, to see them work.
VISITED = [way for way in WAYS if way.name in SEEN or (way.package and way.is_installed)]


@pytest.fixture(scope="module")
def servers(session_pair: Pair, redis: Redis) -> Servers:
    servers = Servers(session_pair.primary, session_pair.replica, redis.url)
    servers.create_tables(way_of("always-primary"), accounts=len(VISITED) * USERS)
    return servers


@pytest.fixture
def crowd(pair: Pair, servers: Servers) -> Iterator[Crowd]:
    """Who visited the sites for a while, on a replica that replays nothing."""
    with ExitStack() as stack:
        sites = [stack.enter_context(servers.site(way)) for way in VISITED]
        stack.enter_context(servers.paused())
        with Crowd(sites, users=USERS, pace=0, seed="a test") as crowd:
            wait(1.5)
        yield crowd


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
