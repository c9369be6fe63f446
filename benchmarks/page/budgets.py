"""What routing may cost: ratios measured side by side in one run, with a margin for noise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.page import of_waits, results, summaries
from benchmarks.page.budget import OURS, TIMING, Budget, none_of
from benchmarks.peers.ways import ORACLE

#: Lags of the order of what a page takes: which of two ways comes in the right millisecond is
#: chance, and the slower one has the fresher replica. They count in the sum over all lags only.
MOMENTARY = frozenset({"5 ms", "50 ms"})


def check(directory: Path) -> int:
    """Print those that were missed. 1 if there are any, as a program's exit status."""
    found = budgets(directory)
    missed = [budget for budget in found if not budget.is_kept]
    for budget in missed:
        allowed = f"{budget.limit:g} (with a margin {budget.limit * budget.margin:.2f})"
        print(f"MISSED: {budget.what}: {budget.measured:.3g}, the budget is {allowed}")
    print(f"{len(found) - len(missed)} of {len(found)} budgets are kept.")
    return 1 if missed else 0


def budgets(directory: Path) -> list[Budget]:
    """All that the results at hand can tell of."""
    overhead = results.load(directory, "overhead")
    rows = results.load(directory, "rows")
    counters = results.load(directory, "counters")
    statements = results.load(directory, "statements")
    suite = results.load(directory, "suite")
    visitors = results.load(directory, "visitors")
    waiting = (results.load(directory, part) for part in ("rush", "waits", "rest"))
    rush, waits, rest = (
        part if part and summaries.counts_waits(part) else None for part in waiting
    )
    return [
        *(_of_overhead(overhead) if overhead else ()),
        *(_of_rows(rows) if rows else ()),
        *(_of_counters(counters) if counters else ()),
        *(_of_statements(statements) if statements else ()),
        *(_of_suite(suite) if suite else ()),
        *(_of_visitors(visitors) if visitors else ()),
        *(of_waits.rush(rush) if rush else ()),
        *(of_waits.waits(waits) if waits else ()),
        *(of_waits.rest(rest) if rest else ()),
    ]


def _of_overhead(part: dict[str, Any]) -> Iterator[Budget]:
    titles = {
        "db_for_read": ("`db_for_read`, to a no-op", 3),
        "relation": ("`db_for_read` of a relation, to a no-op", 3),
        "caught_up": ("`db_for_read`, to a no-op", 3),
        "server": ("`db_for_read`, pins on a server, to a no-op", 4),
        "sync": ("an empty request, to one through a no-op middleware", 1.15),
        "async": ("an empty asynchronous request, to one through a no-op middleware", 1.15),
        "sync_server": ("an empty request, with Redis, to one through a no-op middleware", 1.3),
        "async_server": ("an empty asynchronous request, with Redis, to a no-op", 1.3),
    }
    for table, (what, limit) in titles.items():
        for row in summaries.overhead(part, table, "pinning"):
            yield Budget(
                what=f"{what} ({row['state']})",
                limit=limit,
                measured=row["ratio"],
                margin=TIMING,
            )


def _of_rows(part: dict[str, Any]) -> Iterator[Budget]:
    for row in part["rows"][1:]:
        yield Budget(
            what="1,000 rows from a replica, to those through a plain router",
            limit=1.02,
            measured=row["ratio"],
            margin=1.03,
        )


def _of_counters(part: dict[str, Any]) -> Iterator[Budget]:
    for row in part["rows"][1:]:
        what = f"a page of 25 queries, to one without counts ({row['way']})"
        yield Budget(what=what, limit=1.03, measured=row["ratio"])


def _of_statements(part: dict[str, Any]) -> Iterator[Budget]:
    limits = {"60 KB": 50, "10 MB": 1000}
    for row in part["rows"]:
        what = f"the nastiest statement of {row['size']}"
        if row["size"] in limits:
            limit = limits[row["size"]]
            yield Budget(what=f"{what}, ms", limit=limit, measured=row["most_ms"], margin=TIMING)
        yield Budget(what=f"{what}: memory, MB", limit=150, measured=row["most_mb"])


def _of_suite(part: dict[str, Any]) -> Iterator[Budget]:
    """The median over the rounds, and no margin: each round has its own run without the plugin."""
    for row, limit in zip(part["rows"][1:], (1.02, 1.15), strict=True):
        what = f"a suite {row['way']}, to one without the plugin"
        yield Budget(what=what, limit=limit, measured=row["ratio"]["median"])


def _of_visitors(part: dict[str, Any]) -> Iterator[Budget]:
    for way in OURS:
        yield from _of_costs(part, way)
        lags = summaries.lags_of(part)
        yield _of_share(part, way, "all lags", lags)
        for lag in lags:
            if lag not in MOMENTARY:
                yield _of_share(part, way, lag, [lag])
        yield from none_of(part, way)
    if summaries.counts_waits(part):
        yield from of_waits.visitors(part)


def _of_costs(part: dict[str, Any], way: str) -> Iterator[Budget]:
    positions, stores = "most_position_queries", "most_store_calls"
    calls = 0 if way == "pinning" else 1
    limits = [
        ("a page of a user who never wrote", "page: replica", positions, 0),
        ("a page of a user who never wrote", "page: replica", stores, calls),
        ("a page of a user who has written", "page", positions, 1),
        ("a page of a user who has written", "page", stores, calls),
        ("a write", "write", positions, 1),
    ]
    for what, kind, key, limit in limits:
        most = max(summaries.costs(part, way, kind, key), default=0)
        words = key.replace("_", " ")
        yield Budget(what=f"{what}, `{way}`: {words}", limit=limit, measured=most)


def _of_share(part: dict[str, Any], way: str, name: str, lags: list[str]) -> Budget:
    ours, theirs = (
        summaries.share([row for lag in lags for row in summaries.rows_of(part, one, lag)])
        for one in (way, ORACLE)
    )
    return Budget(
        what=f"reads on the primary, `{way}` to the oracle's, {name}",
        limit=1.1,
        measured=round(ours / theirs, 3) if theirs else float("inf"),
    )
