"""The primary, the replica and Redis that all sites share, and how late the replica is."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import redis as redis_py

from benchmarks.peers.site import Site
from benchmarks.peers.ways import Way
from pinning.testing.pair import Pair
from pinning.testing.redis import Redis

CONNECTIONS = 500

#: By name, in seconds; and that of the burst, in which nothing is replayed for a while.
LAGS = {"5 ms": 0.005, "50 ms": 0.05, "500 ms": 0.5, "5 s": 5.0}
BURST = "burst of 30 s"
BURST_SECONDS = 30.0


class Servers:
    """A primary and its replica, with the tables of the sites, and a Redis."""

    def __init__(self, pair: Pair, redis_url: str) -> None:
        self.pair, self._redis = pair, redis_url

    def site(self, way: Way) -> Site:
        """The site that goes this way. Not started."""
        return Site(way, self.pair.databases(CONN_MAX_AGE=None), self._redis)

    def create_tables(self, way: Way, accounts: int) -> None:
        """Make the site's tables, with accounts from 1 on."""
        with closing(self.site(way)) as site:
            self.pair.create_tables(site)
        fill = "INSERT INTO peers_account (id, value) SELECT id, 0 FROM generate_series(1, %s) id"
        self.pair.execute(fill, [accounts])

    def reset(self) -> None:
        """Nothing lags, and the tables are small."""
        self.pair.execute("TRUNCATE peers_entry")
        self.pair.execute("VACUUM peers_account")
        self.pair.catch_up()

    def versions(self) -> dict[str, str]:
        """Of the servers, by name."""
        postgresql = str(self.pair.execute("SHOW server_version")[0][0]).split()[0]
        with redis_py.Redis.from_url(self._redis) as client:
            info: Any = client.info("server")
        return {"PostgreSQL": postgresql, "Redis": info["redis_version"]}


@contextmanager
def running(way: Way, accounts: int) -> Iterator[Servers]:
    """Start all of them; ``way`` makes the tables."""
    with Pair.running(database="benchmarks") as pair, Redis() as redis:
        for server in (pair.replica, pair.primary):  # a replica must not allow fewer
            server.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
            server.stop()
            server.start()
        redis.grow_old()
        servers = Servers(pair, redis.url)
        servers.create_tables(way, accounts)
        servers.reset()
        yield servers


def wait(seconds: float) -> tuple[float, float]:
    """Let the visitors go on. When that began and ended, by the monotonic clock."""
    begun = time.monotonic()
    time.sleep(seconds)
    return begun, time.monotonic()
