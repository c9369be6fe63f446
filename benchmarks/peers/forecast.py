"""What shadow mode foretells, and what comes of it when replicas are switched on.

``python -m benchmarks.peers.forecast``, or ``... programs`` for these alone. All sites have the
same replica at the same time, and the same visitors: users with cookies, or programs with tokens.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import servers, visits
from benchmarks.peers.crowds import Crowd
from benchmarks.peers.servers import Servers, wait
from benchmarks.peers.site import Site
from benchmarks.peers.visitors import Visit
from benchmarks.peers.ways import FORECAST_WAYS, WAITS, Way

#: In seconds: what the visitors do before anything counts, and how long counts take to be shared.
WARM_UP_SECONDS, SAVED_SECONDS = 4.0, 3.0

#: Who keeps pins where.
STORES = {"users": "cookie", "programs": "redis"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A WAIT in milliseconds, and the share of the reads that replicas serve with it."""

    wait: int
    forecast: float
    measured: float


def compare(
    machines: Servers, sites: Sequence[Site], lag: float, seconds: float, *, users: int, kind: str
) -> list[Compared]:
    """Let visitors use all sites for so long. The first site is in shadow mode."""
    shadow, *others = sites
    machines.reset()
    machines.pair.replica.set_delay(lag)
    with Crowd(sites, users=users, pace=0.4, seed=f"{kind} {lag}", kind=kind) as crowd:
        wait(WARM_UP_SECONDS)
        forecast(shadow, "--clear")
        wait(SAVED_SECONDS)
        begun, ended = wait(seconds)
        wait(SAVED_SECONDS)
        told = json.loads(forecast(shadow, "--json"))
    found = visits.within(crowd.visits, begun, ended)
    assert not any(visit.is_stale or visit.status not in visits.FINE for visit in found)
    assert _share_of(found, shadow) == 0
    return [
        Compared(milliseconds, told["total"]["shares"][str(milliseconds)], _share_of(found, site))
        for milliseconds, site in zip(map(_wait_of, others), others, strict=True)
    ]


def forecast(site: Site, *options: str) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "django", "pinning_forecast", *options]
    done = subprocess.run(
        command, env=site.environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def ways_of(kind: str, waits: Sequence[int] = WAITS) -> list[Way]:
    """The ways for such visitors: that of shadow mode, and one for each of the waits."""
    shadow, *others = FORECAST_WAYS[STORES[kind]]
    return [shadow, *(way for wait, way in zip(WAITS, others, strict=True) if wait in waits)]


def _wait_of(site: Site) -> int:
    return round(site.way.settings["PINNING"]["WAIT"] * 1000)


def _share_of(found: list[Visit], site: Site) -> float:
    cell: dict[str, Any] = visits.cell(visits.of_site(found, site.way.name), 1)
    return 1 - cell["reads_on_primary"] / cell["reads"] if cell["reads"] else 0.0


def _rows(
    kinds: Sequence[str], users: int, seconds: float
) -> Iterator[tuple[str, float, Compared]]:
    for kind in kinds:
        ways = ways_of(kind)
        with servers.running(ways[0], len(ways) * users) as machines, ExitStack() as stack:
            sites = [stack.enter_context(machines.site(way)) for way in ways]
            for lag in (0.005, 0.02, 0.05, 0.5):
                for row in compare(machines, sites, lag, seconds, users=users, kind=kind):
                    yield kind, lag, row
            print(forecast(sites[0]))


if __name__ == "__main__":
    for kind, lag, row in _rows(sys.argv[1:] or [*STORES], users=10, seconds=20):
        print(
            f"{kind}, lag {lag * 1000:.0f} ms, WAIT {row.wait} ms: forecast {row.forecast:.1%}, "
            f"measured {row.measured:.1%}",
            flush=True,
        )
