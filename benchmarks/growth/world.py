"""The servers, and a site on them that is measured while clients visit it."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from django.core.cache import caches
from django.test import override_settings

from benchmarks.growth.counts import (
    RedisCalls,
    StatementLog,
    connections_of_site,
    log_all,
    redis_memory,
    rss_mb,
)
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from pinning.pins.signing import hashed
from pinning.pins.stores.redis import RedisStore
from pinning.testing.postgres import Postgres
from pinning.testing.redis import Redis
from pinning.testing.site import Site

DATABASE = "app"
MAX_PIN = 3600  # so that all pins hold to the end
AT_ONCE = 100  # users whose pins are saved in one round trip


@contextmanager
def cache_in(redis: Redis) -> Iterator[None]:
    """The default cache of this process, as the site has it."""
    cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis.url}
    pinning = {"REPLICAS": {"default": ["replica1"]}, "MAX_PIN": MAX_PIN}
    with override_settings(CACHES={"default": cache}, PINNING=pinning):
        yield
        caches["default"].client.disconnect()


class World:
    """A primary, its replicas, Redis, and sites on some of them."""

    def __init__(self, stack: ExitStack, replicas: int) -> None:
        self.primary = stack.enter_context(Postgres.primary())
        self.primary.create_database(DATABASE)
        log_all(self.primary)
        self.replicas = [stack.enter_context(self.primary.replica()) for _ in range(replicas)]
        self.redis = stack.enter_context(Redis())
        self.redis.grow_old()
        with closing(self._site(1)) as site:
            site.manage("migrate", "--run-syncdb", "-v", "0")

    def _site(self, replicas: int) -> Site:
        """A site on so many of the replicas."""
        servers = {"default": self.primary}
        servers |= {f"replica{n}": each for n, each in enumerate(self.replicas[:replicas], start=1)}
        databases = {
            alias: {**server.settings(DATABASE), "CONN_MAX_AGE": None}
            for alias, server in servers.items()
        }
        given = {"databases": databases, "redis": self.redis.url, "max_pin": MAX_PIN}
        return Site("benchmarks.growth.settings", given)

    def pin(self, users: int) -> dict[str, Any]:
        """Give each user a pin at the primary's end. What that took in Redis."""
        pins, store = Pins([self._pin_of_now()]), RedisStore()
        before = redis_memory(self.redis)[0]
        for first in range(0, users, AT_ONCE):
            numbers = range(first, min(users, first + AT_ONCE))
            names = [name for n in numbers for name in hashed("token", f"Bearer user-{n}")]
            store.save(Visitor(cookies={}, identities=tuple(names)), pins, None)
        used, keys, lasting = redis_memory(self.redis)
        return {
            "users": users,
            "redis_bytes_per_user": round((used - before) / users),
            "keys": keys,
            "keys_that_never_expire": lasting,
        }

    def _pin_of_now(self) -> Pin:
        [(position, system)] = self.primary.execute(
            "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint, system_identifier "
            "FROM pg_control_system()"
        )
        return Pin(
            cluster="default",
            written_at=time.time(),
            timeline=f"{system}.1",
            position=int(position),
        )

    def measure(self, threads: int, replicas: int, users: int, options: Any) -> dict[str, Any]:
        """One row: a site of its own, warmed up, and then counted."""
        row = {"threads": threads, "replicas": replicas, "users": users}
        with self._site(replicas) as site:
            begin(site.port, threads, users, options.rate, options.warm_up).communicate()
            servers = [self.primary, *self.replicas[:replicas]]
            logs, calls = [StatementLog(server) for server in servers], RedisCalls(self.redis)
            clients = begin(site.port, threads, users, options.rate, options.seconds)
            time.sleep(options.seconds / 2)
            row["connections"] = max(map(connections_of_site, servers))
            found = json.loads(clients.communicate()[0])
            row["rss_mb"] = round(rss_mb(site.pid), 1)
        return row | figures(found, [log.positions() for log in logs], calls.since())


def begin(
    port: int, threads: int, users: int, rate: float, seconds: float
) -> subprocess.Popen[str]:
    """Set clients to work for so long, in a process of their own."""
    arguments = [str(value) for value in (port, threads, users, rate, seconds)]
    command = [sys.executable, "-m", "benchmarks.growth.load", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def figures(
    found: dict[str, Any], positions: list[tuple[int, int]], calls: dict[str, int]
) -> dict[str, Any]:
    """Per request, and for queries on the primary and store's saves per request that wrote."""
    reads, writes = found["read_ms"], found["write_ms"]
    requests = len(reads) + len(writes)
    (alone, riding), on_replicas = positions[0], sum(alone for alone, _ in positions[1:])
    cuts = statistics.quantiles(reads, n=100)
    return {
        "requests": requests,
        "writes": len(writes),
        "position_queries_per_request": round((alone + on_replicas) / requests, 4),
        "primary_position_queries_per_write": round(alone / len(writes), 4),
        "with_commit_per_write": round(riding / len(writes), 4),
        "replica_position_queries_per_read": round(on_replicas / len(reads), 4),
        "store_calls_per_request": round((calls["loads"] + len(writes)) / requests, 4),
        "loads_per_read": round(calls["loads"] / len(reads), 4),
        "names_saved_per_write": round(calls["saves"] / len(writes), 4),
        "p50_ms": round(statistics.median(reads), 2),
        "p99_ms": round(cuts[98], 2),
        "write_p50_ms": round(statistics.median(writes), 2),
        "reads_on_primary": round(found["aliases"].get("default", 0) / len(reads), 4),
        "reasons": found["reasons"],
        "stale": found["stale"],
        "failed": found["failed"],
    }
