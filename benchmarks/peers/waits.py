"""The same visitors on sites whose reads may wait for the replica, and on one that never waits.

All sites have the same replica at the same time. Most of its lags stay as they are; one is drawn
anew many times a second, from a log-normal distribution. In the end nothing is replayed for a
while.
"""

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.page import results
from benchmarks.peers import servers, visits
from benchmarks.peers.crowds import Crowd
from benchmarks.peers.servers import BURST, BURST_SECONDS, Servers, wait
from benchmarks.peers.site import Site
from benchmarks.peers.ways import REST_WAYS, WAITING_WAYS, Way

#: In seconds. The last is the median of a log-normal one, whose sigma is 1.
LAGS = {"5 ms": 0.005, "20 ms": 0.02, "50 ms": 0.05, "500 ms": 0.5}
DRAWN, DRAWN_SECONDS = "20 ms, drawn", 0.02

#: How often it is drawn, in seconds.
_EACH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of it. ``cell`` is how long all are watched at one lag, in seconds."""

    rounds: int
    warm_up: float
    cell: float
    burst: float
    users: int = 14
    pace: float = 0.4


FULL = Extent(rounds=3, warm_up=10, cell=15, burst=BURST_SECONDS)
QUICK = Extent(rounds=1, warm_up=5, cell=6, burst=8)


def measure(extent: Extent, directory: Path) -> None:
    """Watch the visitors at each lag, and save what comes out."""
    results.save(directory, "waits", watch(WAITING_WAYS, extent, "users"))


def measure_api(extent: Extent, directory: Path) -> None:
    """Watch an API's clients instead, who have tokens and write more."""
    results.save(directory, "rest", watch(REST_WAYS, extent, "looking"))


def watch(ways: Sequence[Way], extent: Extent, kind: str) -> dict[str, Any]:
    """The figures of all ways, on sites that run at once, for visitors of this kind."""
    with servers.running(ways[0], len(ways) * extent.users) as machines, ExitStack() as stack:
        sites = [stack.enter_context(machines.site(way)) for way in ways]
        rows = [
            row
            for number in range(extent.rounds)
            for row in _round(machines, sites, extent, number, kind)
        ]
        return {
            "versions": machines.versions(),
            "rounds": extent.rounds,
            "users": extent.users,
            "cell_seconds": extent.cell,
            "rows": rows,
            "failed": {site.way.name: site.failures() for site in sites},
        }


def _round(
    machines: Servers, sites: list[Site], extent: Extent, number: int, kind: str
) -> Iterator[dict[str, Any]]:
    print(f"waits of {kind}, round {number + 1} of {extent.rounds}", flush=True)
    machines.reset()
    stretches: dict[str, tuple[float, float]] = {}
    turn = random.Random(number).sample(sites, len(sites))  # all visit at once: one comes first
    seed = f"waits {number}"
    with Crowd(turn, users=extent.users, pace=extent.pace, seed=seed, kind=kind) as crowd:
        for place, lag in enumerate((*reversed(LAGS), DRAWN)):
            with _lagging(machines, lag):
                wait(extent.warm_up if place == 0 else 1)
                stretches[lag] = wait(extent.cell)
        machines.pair.replica.set_delay(0)
        with machines.pair.paused():
            stretches[BURST] = wait(extent.burst)
    for lag, (begun, ended) in stretches.items():
        found = visits.within(crowd.visits, begun, ended)
        for site in sites:
            figures = visits.cell(visits.of_site(found, site.way.name), ended - begun)
            yield {"way": site.way.name, "lag": lag, "round": number + 1, **figures}


@contextmanager
def _lagging(machines: Servers, lag: str) -> Iterator[None]:
    """In this block the replica is so late."""
    if lag in LAGS:
        machines.pair.replica.set_delay(LAGS[lag])
        yield
        return
    over, chance = threading.Event(), random.Random(lag)

    def draw() -> None:
        while not over.wait(_EACH):
            machines.pair.replica.set_delay(DRAWN_SECONDS * chance.lognormvariate(0, 1))

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
