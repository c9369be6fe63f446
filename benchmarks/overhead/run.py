"""Compares all candidates, by each of the timers.

The rounds of all candidates are interleaved, in another order each, so that a noisy machine hits
them alike; the medians are compared. Import it once Django is set up.
"""

import random
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import override_settings

from benchmarks.overhead.candidates import (
    Candidate,
    async_candidates,
    candidates,
    caught_up,
    on_a_server,
    variants,
    with_a_server,
)
from benchmarks.overhead.timers import Timer, answering, answering_async, asking, running
from benchmarks.page import results
from benchmarks.peers.ways import WAYS

ROUNDS, QUICK_ROUNDS = 501, 101


def medians(runs: list[Callable[[], float]], rounds: int) -> list[dict[str, float]]:
    """Microseconds: of each the median over interleaved rounds, with the quartiles."""
    times: list[list[float]] = [[] for _ in runs]
    places = list(range(len(runs)))
    for _ in range(rounds):
        random.shuffle(places)
        for place in places:
            times[place].append(runs[place]())
    return [_quartiles(found) for found in times]


def _quartiles(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4)
    return {"us": round(middle, 3), "low": round(low, 3), "high": round(high, 3)}


def compare(title: str, named: list[Candidate], timer: Timer, rounds: int) -> dict[str, Any]:
    """A row for each candidate, with its ratio to the first."""
    figures = medians([timer(candidate) for candidate in named], rounds)
    rows = [
        {**candidate.label, **figure, "ratio": round(figure["us"] / figures[0]["us"], 2)}
        for candidate, figure in zip(named, figures, strict=True)
    ]
    print(title, *(f"  {row['way']} {row['state']}: {row['ratio']} x" for row in rows), sep="\n")
    return {"title": title, "rows": rows}


def measure(directory: Path, *, quick: bool) -> None:
    """Run all of it, and save the figures."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    extras = {key: value for way in WAYS for key, value in way.settings.items() if key != "PINNING"}
    with override_settings(ROOT_URLCONF="benchmarks.overhead.views", **extras):
        tables = {
            "db_for_read": compare("db_for_read", candidates(), asking, rounds),
            "relation": compare("db_for_read of a relation", variants(), asking, rounds),
            "caught_up": compare(
                "db_for_read, the replica has caught up", caught_up(), asking, rounds
            ),
            "statement": compare("a statement", candidates(), running, rounds),
            "sync": compare("an empty request", candidates(), answering, rounds),
            "async": compare(
                "an empty request, async", async_candidates(), answering_async, rounds
            ),
        }
        with override_settings(PINNING={**settings.PINNING, "STORES": ["cookie", "cache"]}):
            title = "db_for_read, pins on a server"
            tables["server"] = compare(title, on_a_server(), asking, rounds)
        with override_settings(PINNING={**settings.PINNING, "STORES": ["cookie", "redis"]}):
            for key, more, timer in (
                ("sync_server", "", answering),
                ("async_server", ", async", answering_async),
            ):
                title = f"an empty request{more}, with Redis"
                tables[key] = compare(title, with_a_server(), timer, rounds)
    results.save(directory, "overhead", {"rounds": rounds, "tables": tables})
