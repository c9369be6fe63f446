"""A true cache beside a bare one, before Redis and memcached, while the replica lags.

``PINNING_CACHE_OPERATIONS=100000`` runs as many writes and reads for each server.
"""

import json
import os
import subprocess
import sys
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from pinning.testing.memcached import Memcached
from tests.live.site.cached import CACHES, ROWS, Event
from tests.live.site.clients import Site
from tests.live.site.pair import Pair
from tests.services import service

OPERATIONS = int(os.environ.get("PINNING_CACHE_OPERATIONS", "1500"))
PROCESSES = 2

#: How late the replica is, in seconds, one after the other, and for how long it is so.
LAGS = (0.005, 1.0, 0.05, 0.3)
_SECONDS_OF_A_LAG = 1.5

#: What a bare cache may show for a while after a deletion: what a replica shows that lags.
LAG_AND_MORE = max(LAGS) + 1.0


@pytest.fixture(scope="module")
def memcached() -> Iterator[Memcached]:
    with service(Memcached()) as server:
        yield server


@pytest.fixture(params=["redis", "djangos redis", "memcached"])
def servers(request: pytest.FixtureRequest) -> dict[str, Any]:
    """CACHES with a true cache, the plain one that keeps its values, and a bare one."""
    if request.param == "memcached":
        backend = "django.core.cache.backends.memcached.PyMemcacheCache"
    else:
        is_djangos = request.param == "djangos redis"
        backend = "django.core.cache.backends.redis.RedisCache"
        backend = backend if is_djangos else "django_redis.cache.RedisCache"
    server = request.getfixturevalue(request.param.split()[-1])
    plain = {"BACKEND": backend, "LOCATION": server.url}
    true = {"BACKEND": "pinning.contrib.cache.TrueCache", "LOCATION": "plain"}
    bare = {**plain, "KEY_PREFIX": "bare"}
    return {"default": plain, "true": true, "plain": {**plain, "KEY_PREFIX": "plain"}, "bare": bare}


@pytest.fixture
def rows(pair: Pair) -> list[int]:
    pair.execute(f"INSERT INTO notes_note (text) SELECT '0' FROM generate_series(1, {ROWS})")
    pair.catch_up()
    return [number for (number,) in pair.execute("SELECT id FROM notes_note ORDER BY id")]


def test_no_value_is_older_than_the_last_deletion(
    servers: dict[str, Any],
    rows: list[int],
    pair: Pair,
    tmp_path: Path,
    figure: Callable[[str, object], None],
):
    with override_settings(CACHES=servers):
        for name in CACHES:
            caches[name].clear()
    told = crowds(pair, servers, tmp_path)
    pair.catch_up()
    deletions = latest(told["deletions"])
    hits = {name: [hit for hit in told["hits"] if hit[0] == name] for name in CACHES}
    old = {name: [hit for hit in hits[name] if is_old(hit, deletions)] for name in CACHES}
    late = [hit for hit in hits["bare"] if is_old(hit, deletions, LAG_AND_MORE)]
    lost = {name: len([each for each in told["lost"] if each[0] == name]) for name in CACHES}
    left = left_behind(servers, pair)
    for name in CACHES:
        figure(
            f"{servers['plain']['BACKEND'].rpartition('.')[2]}, {name}",
            f"{OPERATIONS} operations, {len(hits[name])} hits, {len(old[name])} older than the "
            f"last deletion, {lost[name]} not their own write, {len(left[name])} left at the end",
        )
    figure("bare, older than the lag and a second", len(late))
    assert (old["true"], lost["true"], left["true"]) == ([], 0, [])
    assert len(hits["true"]) > OPERATIONS / 20
    assert old["bare"]  # or the test has shown nothing


def crowds(pair: Pair, servers: dict[str, Any], folder: Path) -> dict[str, list[Any]]:
    """What the crowds of several processes saw while the replica lagged more or less."""
    told: dict[str, list[Any]] = defaultdict(list)
    site = Site("wsgi", pair.settings(caches=servers, pinning={"WAIT": 0}))
    program = [sys.executable, "-m", "tests.live.site.cached"]
    paths = [folder / f"{seed}.json" for seed in range(PROCESSES)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [*program, path, str(OPERATIONS // PROCESSES), path.stem],
                    env=site.environment(),
                )
            )
            for path in paths
        ]
        lag_until_ended(pair, running)
    assert [each.returncode for each in running] == [0] * PROCESSES
    for path in paths:
        for kind, events in json.loads(path.read_text()).items():
            told[kind] += events
    return told


def lag_until_ended(pair: Pair, running: list[Any]) -> None:
    number = 0
    while any(each.poll() is None for each in running):
        pair.replica.set_delay(LAGS[number % len(LAGS)])
        number += 1
        time.sleep(_SECONDS_OF_A_LAG)


Latest = dict[tuple[str, int], tuple[list[float], list[int]]]


def latest(deletions: list[Event]) -> Latest:
    """By cache and row: when deletions ended, and the largest number that was deleted till then."""
    found: Latest = defaultdict(lambda: ([], []))
    for cache, row, number, ended in sorted(deletions, key=lambda each: each[3]):
        times, numbers = found[cache, row]
        times.append(ended)
        numbers.append(max([number, *numbers[-1:]]))
    return found


def is_old(hit: Event, deletions: Latest, seconds: float = 0.0) -> bool:
    """Whether it is older than a deletion that ended so many seconds before it was asked for."""
    cache, row, number, began = hit
    times, numbers = deletions[cache, row]
    place = bisect_left(times, began - seconds)
    return place > 0 and number < numbers[place - 1]


def left_behind(servers: dict[str, Any], pair: Pair) -> dict[str, list[int]]:
    """By cache: the rows that it has wrong when all is over, and would have for ten minutes."""
    now = {row: int(text) for row, text in pair.execute("SELECT id, text FROM notes_note")}
    with override_settings(CACHES=servers):
        found = {name: caches[name].get_many([f"row:{row}" for row in now]) for name in CACHES}
    return {
        name: [row for row in now if found[name].get(f"row:{row}", now[row]) != now[row]]
        for name in CACHES
    }
