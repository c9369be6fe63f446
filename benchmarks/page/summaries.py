"""What the raw numbers of the visitors and of the rush amount to, over all rounds."""

from collections.abc import Sequence
from typing import Any

from benchmarks.page.results import middle

Row = dict[str, Any]


def ways_of(part: Row) -> list[str]:
    """The ways that were run, in the order of the first round."""
    return list(dict.fromkeys(row["way"] for row in part["rows"]))


def lags_of(part: Row) -> list[str]:
    """The lags, the shortest first, and the burst."""
    units = {"ms": 1, "s": 1000}

    def length(lag: str) -> float:
        number, _, unit = lag.partition(" ")
        return float(number) * units[unit] if unit in units else float("inf")

    return sorted(dict.fromkeys(row["lag"] for row in part["rows"]), key=length)


def rows_of(part: Row, way: str, lag: str) -> list[Row]:
    """The rounds of one way at one lag."""
    return [row for row in part["rows"] if (row["way"], row["lag"]) == (way, lag)]


def share(rows: Sequence[Row]) -> float:
    """Which part of the reads went to the primary."""
    return total(rows, "reads_on_primary") / max(total(rows, "reads"), 1)


def share_of_all(rows: Sequence[Row]) -> float:
    """The same, with the reads of requests that write."""
    on_primary = total(rows, "reads_on_primary") + total(rows, "reads_of_writes_on_primary")
    return on_primary / max(total(rows, "reads") + total(rows, "reads_of_writes"), 1)


def counts_waits(part: Row) -> bool:
    """Whether the numbers were taken when waits were counted as they are now."""
    return "waits_p99_ms" in part["rows"][0]


def total(rows: Sequence[Row], key: str) -> int:
    """The sum over the rounds."""
    return sum(row[key] for row in rows)


def over_rounds(rows: Sequence[Row], key: str) -> dict[str, float]:
    """The median over the rounds, with the least and the most."""
    return middle([row[key] for row in rows], digits=2)


def overhead(part: Row, table: str, way: str, state: str = "") -> list[Row]:
    """Rows of one table of the overhead's, of one way, and in one state if any is given."""
    rows: list[Row] = part["tables"][table]["rows"]
    return [row for row in rows if row["way"] == way and state in {"", row["state"]}]


def costs(part: Row, way: str, kind: str, key: str) -> list[float]:
    """What requests of a kind cost, whose names begin with ``kind``."""
    found: dict[str, Row] = part["costs"].get(way, {})
    return [cost[key] for name, cost in found.items() if name.startswith(kind)]
