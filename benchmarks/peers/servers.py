"""The primary, the replica and Redis that all sites share, and how late the replica is."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import redis as redis_py

from benchmarks.peers.site import Site
from benchmarks.peers.ways import PRIMARY, REPLICA, Way
from pinning.testing.postgres import Postgres, Replica
from pinning.testing.redis import Redis

DATABASE = "benchmarks"
CONNECTIONS = 500

#: By name, in seconds; and that of the burst, in which nothing is replayed for a while.
LAGS = {"5 ms": 0.005, "50 ms": 0.05, "500 ms": 0.5, "5 s": 5.0}
BURST = "burst of 30 s"
BURST_SECONDS = 30.0


class Servers:
    """A primary and its replica, with the tables of the sites, and a Redis."""

    def __init__(self, primary: Postgres, replica: Replica, redis_url: str) -> None:
        self.primary, self.replica, self._redis = primary, replica, redis_url

    def site(self, way: Way) -> Site:
        """The site that goes this way. Not started."""
        databases = {
            PRIMARY: self.primary.settings(DATABASE),
            REPLICA: self.replica.settings(DATABASE),
        }
        return Site(way, databases, self._redis)

    def create_tables(self, way: Way, accounts: int) -> None:
        """Make the site's database on the primary, with accounts from 1 on."""
        self.primary.create_database(DATABASE)
        with closing(self.site(way)) as site:
            site.manage("migrate", "--run-syncdb", "-v", "0")
        fill = "INSERT INTO peers_account (id, value) SELECT id, 0 FROM generate_series(1, %s) id"
        self.primary.execute(fill, [accounts], DATABASE)
        self.replica.wait_until_caught_up()

    def reset(self) -> None:
        """Nothing lags, and the tables are small."""
        self.replica.set_delay(0)
        self.replica.resume_replay()
        self.primary.execute("TRUNCATE peers_entry", database=DATABASE)
        self.primary.execute("VACUUM peers_account", database=DATABASE)
        self.replica.wait_until_caught_up()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is replayed in this block."""
        self.replica.pause_replay()
        try:
            yield
        finally:
            self.replica.resume_replay()

    def versions(self) -> dict[str, str]:
        """Of the servers, by name."""
        postgresql = str(self.primary.execute("SHOW server_version")[0][0]).split()[0]
        with redis_py.Redis.from_url(self._redis) as client:
            info: Any = client.info("server")
        return {"PostgreSQL": postgresql, "Redis": info["redis_version"]}


@contextmanager
def running(way: Way, accounts: int) -> Iterator[Servers]:
    """Start all of them; ``way`` makes the tables."""
    with ExitStack() as stack:
        primary = stack.enter_context(Postgres.primary())
        primary.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        primary.stop()
        primary.start()
        replica = stack.enter_context(primary.replica())
        redis = stack.enter_context(Redis())
        with redis_py.Redis.from_url(redis.url) as client:
            client.set("pinning:{memory}:lasting", 1)  # as on a server that has been up for long
        servers = Servers(primary, replica, redis.url)
        servers.create_tables(way, accounts)
        yield servers


def wait(seconds: float) -> tuple[float, float]:
    """Let the visitors go on. When that began and ended, by the monotonic clock."""
    begun = time.monotonic()
    time.sleep(seconds)
    return begun, time.monotonic()
