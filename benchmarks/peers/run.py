"""Two loads on all ways: visitors who think, on all sites at once; and a rush, site after site.

In the first all ways have the same replica at the same time, and the same visitors: what differs is
the routing alone. In the second each has the machine for itself, for a short while, in rounds.
"""

import random
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.page import results
from benchmarks.peers import servers, visits
from benchmarks.peers.crowds import Crowd
from benchmarks.peers.servers import BURST, BURST_SECONDS, LAGS, Servers, wait
from benchmarks.peers.site import Site
from benchmarks.peers.visitors import Visit
from benchmarks.peers.ways import WAYS, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of it. ``cell`` is how long one way is watched at one lag, all in seconds."""

    rounds: int
    warm_up: float
    cell: float
    burst: float
    rush: float
    users: int = 14
    rushing_users: int = 4


FULL = Extent(rounds=3, warm_up=20, cell=20, burst=BURST_SECONDS, rush=2)
QUICK = Extent(rounds=1, warm_up=8, cell=5, burst=8, rush=0.5)

#: After the burst, as long as the replica needs to have all of it, and a little more.
AFTER_BURST_SECONDS = 10.0


def measure(extent: Extent, directory: Path, parts: frozenset[str]) -> None:
    """Run the parts ``visitors`` and ``rush`` of the benchmarks, and save what comes out."""
    ways = [way for way in WAYS if way.is_installed]
    with servers.running(ways[0], len(ways) * extent.users) as machines, ExitStack() as stack:
        sites = [stack.enter_context(machines.site(way)) for way in ways]
        common = {"versions": machines.versions() | packages(ways), "rounds": extent.rounds}
        if "visitors" in parts:
            figures = watch_visitors(machines, sites, extent)
            results.save(directory, "visitors", {**common, **figures})
        if "rush" in parts:
            results.save(directory, "rush", {**common, **watch_rush(machines, sites, extent)})


def packages(ways: Iterable[Way]) -> dict[str, str]:
    """The versions of the other routers."""
    return {way.name: version(way.name) for way in ways if way.package}


def watch_visitors(machines: Servers, sites: list[Site], extent: Extent) -> dict[str, Any]:
    """The same users, with the same pauses, on all sites at once, at one lag after the other."""
    rows: list[dict[str, Any]] = []
    seen: list[Visit] = []
    for number in range(1, extent.rounds + 1):
        print(f"visitors, round {number} of {extent.rounds}", flush=True)
        machines.reset()
        stretches: dict[str, tuple[float, float]] = {}
        with Crowd(sites, users=extent.users, pace=1, seed=f"visitors {number}") as crowd:
            for lag, stretch in _lags_in_turn(machines, extent):
                stretches[lag] = stretch
        _insist_that_all_work(crowd.visits)
        seen += crowd.visits
        rows += _cells(crowd.visits, stretches, number)
    return {
        "users": extent.users,
        "cell_seconds": extent.cell,
        "rows": rows,
        "costs": {
            site.way.name: visits.costs(visits.of_site(seen, site.way.name)) for site in sites
        },
        "failed": {site.way.name: site.failures() for site in sites},
    }


def _lags_in_turn(machines: Servers, extent: Extent) -> Iterator[tuple[str, tuple[float, float]]]:
    """Let the visitors go on at every lag, the longest first; when that was."""
    for place, lag in enumerate(sorted(LAGS, key=LAGS.__getitem__, reverse=True)):
        machines.pair.replica.set_delay(LAGS[lag])
        wait(extent.warm_up if place == 0 else 1)
        yield lag, wait(extent.cell)
    with machines.pair.paused():
        begun, _ = wait(extent.burst)
    yield BURST, (begun, wait(AFTER_BURST_SECONDS)[1])


def _cells(
    seen: list[Visit], stretches: dict[str, tuple[float, float]], number: int
) -> list[dict[str, Any]]:
    rows = []
    for lag, (begun, ended) in stretches.items():
        found = visits.within(seen, begun, ended)
        for site in dict.fromkeys(visit.site for visit in found):
            figures = visits.cell(visits.of_site(found, site), ended - begun)
            rows.append({"way": site, "lag": lag, "round": number, **figures})
    return rows


def _insist_that_all_work(seen: list[Visit]) -> None:
    """Raise where a site fails at most of what it is asked, so that nothing was compared."""
    for site in dict.fromkeys(visit.site for visit in seen):
        found = visits.cell(visits.of_site(seen, site), seconds=1)
        if found["failed"] > found["requests"] / 2:
            raise RuntimeError(f"{site}: {found['failed']} of {found['requests']} requests failed")


def watch_rush(machines: Servers, sites: list[Site], extent: Extent) -> dict[str, Any]:
    """Few users who never pause, on one site at a time; at each lag all of them, in rounds."""
    rows: list[dict[str, Any]] = []
    for number in range(1, extent.rounds + 1):
        print(f"rush, round {number} of {extent.rounds}", flush=True)
        machines.reset()
        turn = random.Random(number).sample(sites, len(sites))
        for lag in (*LAGS, BURST):
            with _lagging(machines, lag):
                rows += [_rush(site, lag, number, extent) for site in turn]
    return {"users": extent.rushing_users, "cell_seconds": extent.rush, "rows": rows}


@contextmanager
def _lagging(machines: Servers, lag: str) -> Iterator[None]:
    """In this block the replica is so late; of the burst, it is while nothing is replayed."""
    machines.pair.replica.set_delay(LAGS.get(lag, 0))
    with machines.pair.paused() if lag == BURST else nullcontext():
        yield


def _rush(site: Site, lag: str, number: int, extent: Extent) -> dict[str, Any]:
    seed = f"rush {number}"
    with Crowd([site], users=extent.rushing_users, pace=0, seed=seed) as crowd:
        wait(0.5)  # until all are at it
        begun, ended = wait(extent.rush)
    found = visits.cell(visits.within(crowd.visits, begun, ended), ended - begun)
    return {"way": site.way.name, "lag": lag, "round": number, **found}
