"""What routing may cost: ratios measured side by side in one run, with a margin for noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.page import results, summaries
from benchmarks.peers.ways import ORACLE

#: By position: what the budgets are for. The clock has no position to ask for.
OURS = ("pinning", "pinning-redis")

TIMING = 1.15  # between runs on a machine that does other things, too

#: Lags of the order of what a page takes: which of two ways comes in the right millisecond is
#: chance, and the slower one has the fresher replica. They count in the sum over all lags only.
MOMENTARY = frozenset({"5 ms", "50 ms"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit, and what was measured. ``margin`` multiplies the limit where noise counts."""

    what: str
    limit: float
    measured: float
    margin: float = 1.0

    @property
    def is_kept(self) -> bool:
        """Whether it was not exceeded by more than noise may."""
        return self.measured <= self.limit * self.margin


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
    visitors = results.load(directory, "visitors")
    return [
        *(_of_overhead(overhead) if overhead else ()),
        *(_of_rows(rows) if rows else ()),
        *(_of_counters(counters) if counters else ()),
        *(_of_statements(statements) if statements else ()),
        *(_of_visitors(visitors) if visitors else ()),
    ]


def _of_overhead(part: dict[str, Any]) -> Iterator[Budget]:
    titles = {
        "db_for_read": ("`db_for_read`, to a no-op", 4),
        "relation": ("`db_for_read` of a relation, to a no-op", 4),
        "caught_up": ("`db_for_read`, to a no-op", 4),
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


def _of_visitors(part: dict[str, Any]) -> Iterator[Budget]:
    for way in OURS:
        yield from _of_costs(part, way)
        lags = summaries.lags_of(part)
        yield _of_share(part, way, "all lags", lags)
        for lag in lags:
            if lag not in MOMENTARY:
                yield _of_share(part, way, lag, [lag])
        for key, what in (("stale", "stale reads"), ("failed", "failed requests")):
            yield _of_count(part, way, key, what)


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


def _of_count(part: dict[str, Any], way: str, key: str, what: str) -> Budget:
    rows = [row for row in part["rows"] if row["way"] == way]
    return Budget(what=f"{what}, `{way}`", limit=0, measured=summaries.total(rows, key))
