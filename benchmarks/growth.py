"""What a request costs as threads, replicas and pinned users become more.

    python -m benchmarks.growth --json growth.json

A site in one process with so many threads, on a PostgreSQL primary and its replicas, with pins in a
cookie and in Redis; clients with tokens, in another process and at the same pace for any number of
threads; every user has a pin before the first request. The servers themselves tell what they were
asked. Bounded: ``--seconds`` for each of the combinations, and 100,000 scopes at the end.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

# What follows needs the settings.
# ruff: noqa: E402
from django.core.cache import caches
from django.test import override_settings

from benchmarks import results
from benchmarks.growth_counts import (
    RedisCalls,
    StatementLog,
    connections_of_site,
    log_all,
    redis_memory,
    rss_mb,
)
from benchmarks.growth_memory import cookie_sizes, grow_identities, live_scope_bytes
from benchmarks.tables import markdown
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from pinning.pins.signing import hashed
from pinning.pins.stores.redis import RedisStore
from pinning.testing.postgres import Postgres
from pinning.testing.redis import Redis
from tests.live.conftest import DATABASE, Site, manage, remember

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
        remember(self.redis)
        for command in (["migrate", "auth"], ["migrate", "--run-syncdb"]):
            manage(self.settings(1), *command, "-v", "0")
        self.primary.execute("CREATE INDEX ON notes_note (text)", database=DATABASE)

    def settings(self, replicas: int) -> dict[str, Any]:
        """What tests/live/settings.py takes from the environment."""
        kept = {"CONN_MAX_AGE": None}
        used = self.replicas[:replicas]
        return {
            "primary": {**self.primary.settings(DATABASE), **kept},
            "replicas": {
                f"replica{n}": {**server.settings(DATABASE), **kept}
                for n, server in enumerate(used, start=1)
            },
            "stores": ["cookie", "redis"],
            "atomic_requests": False,
            "urls": "sync_urls",
            "redis": self.redis.url,
            "pinning": {"MAX_PIN": MAX_PIN},
        }

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
        with Site("wsgi", self.settings(replicas)) as site:
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
    command = [sys.executable, "-m", "benchmarks.growth_load", *arguments]
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


COLUMNS = (
    "threads",
    "replicas",
    "users",
    "requests",
    "position_queries_per_request",
    "store_calls_per_request",
    "names_saved_per_write",
    "connections",
    "rss_mb",
    "p50_ms",
    "p99_ms",
    "reads_on_primary",
    "stale",
    "failed",
)


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """In markdown."""
    return markdown(columns, ([row[column] for column in columns] for row in rows))


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="where to write all figures")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--users", type=int, nargs="+", default=[10, 1000, 100_000])
    parser.add_argument("--rate", type=float, default=100, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before that")
    parser.add_argument("--identities", type=int, default=100_000)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure every combination, then one process' memory."""
    options, rows, stored = options_of(), [], []
    with ExitStack() as stack:
        world = World(stack, max(options.replicas))
        stack.enter_context(cache_in(world.redis))
        for users in options.users:
            stored.append(world.pin(users))
            for replicas in options.replicas:
                for threads in options.threads:
                    rows.append(world.measure(threads, replicas, users, options))
                    print(rows[-1], file=sys.stderr, flush=True)
        memory = grow_identities(options.identities)
        scope_bytes = live_scope_bytes()
    result = {
        "machine": results.machine(),
        "rows": rows,
        "redis": stored,
        "process": memory,
        "live_scope_bytes": scope_bytes,
        "cookies": cookie_sizes(),
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(rows, COLUMNS))
    for title in ("redis", "process", "cookies"):
        print(f"\n{table(result[title], tuple(result[title][0]))}")
    print(f"\nAn open scope with its pins takes {scope_bytes} bytes.")


if __name__ == "__main__":
    main()
