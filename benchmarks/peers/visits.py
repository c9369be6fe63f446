"""What visitors saw, as figures: plain sums and percentiles, no opinion."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.peers.visitors import Visit
from benchmarks.peers.ways import PRIMARY

FINE = frozenset({200, 302})


def within(visits: Iterable[Visit], begun: float, ended: float) -> list[Visit]:
    """Those that began in that time."""
    return [visit for visit in visits if begun <= visit.begun < ended]


def of_site(visits: Iterable[Visit], site: str) -> list[Visit]:
    """Those of one site."""
    return [visit for visit in visits if visit.site == site]


def cell(visits: Sequence[Visit], seconds: float) -> dict[str, Any]:
    """The figures of one site in one stretch of time."""
    pages = [visit for visit in visits if not visit.is_write]
    reads, before = _reads(pages), _reads(visit for visit in visits if visit.is_write)
    waits = [visit for visit in pages if visit.waited_ms > 0]
    times = sorted(visit.seconds * 1000 for visit in visits)
    return {
        "requests": len(visits),
        "failed": sum(visit.status not in FINE for visit in visits),
        "pages": len(pages),
        "stale": sum(visit.is_stale for visit in pages),
        "reads": len(reads),
        "reads_on_primary": reads.count(PRIMARY),
        "reads_of_writes": len(before),
        "reads_of_writes_on_primary": before.count(PRIMARY),
        "position_queries": sum(visit.position_queries for visit in pages),
        "waits": len(waits),
        "queries_of_waits": sum(visit.position_queries for visit in waits),
        "waits_in_vain": sum(PRIMARY in visit.reads for visit in waits),
        "waited_ms": round(sum(visit.waited_ms for visit in pages), 1),
        "waited_p99_ms": percentile(sorted(visit.waited_ms for visit in pages), 99),
        "waits_p50_ms": percentile(sorted(visit.waited_ms for visit in waits), 50),
        "waits_p99_ms": percentile(sorted(visit.waited_ms for visit in waits), 99),
        "requests_per_second": round(len(visits) / seconds, 1),
        "p50_ms": percentile(times, 50),
        "p99_ms": percentile(times, 99),
    }


def _reads(visits: Iterable[Visit]) -> list[str]:
    return [alias for visit in visits for alias in visit.reads.split(",") if alias]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed; 0 of nothing."""
    if not ordered:
        return 0.0
    return round(ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)], 2)


def costs(visits: Iterable[Visit]) -> dict[str, dict[str, float]]:
    """Position queries and store calls, by kind of request: ``write``, or why a page's reads went.

    A page that waited for the replica is a kind of its own. A site that gives no reasons has pages
    of one kind.
    """
    kinds: dict[str, list[Visit]] = {}
    for visit in visits:
        if visit.status in FINE:
            kinds.setdefault(_kind(visit), []).append(visit)
    return {kind: _cost(found) for kind, found in sorted(kinds.items())}


def _kind(visit: Visit) -> str:
    if visit.is_write:
        return "write"
    page = f"page: {visit.reason}" if visit.reason else "page"
    return f"waiting {page}" if visit.waited_ms > 0 else page


def _cost(visits: Sequence[Visit]) -> dict[str, float]:
    positions = [visit.position_queries for visit in visits]
    stores = [visit.store_calls for visit in visits]
    return {
        "requests": len(visits),
        "position_queries": round(sum(positions) / len(visits), 3),
        "most_position_queries": max(positions),
        "store_calls": round(sum(stores) / len(visits), 3),
        "most_store_calls": max(stores),
    }
