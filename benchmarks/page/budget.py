"""One budget: a limit, and what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.page import summaries

#: By position: what the budgets are for. The clock has no position to ask for.
OURS = ("pinning", "pinning-redis")

TIMING = 1.15  # between runs on a machine that does other things, too


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


def none_of(part: dict[str, Any], way: str) -> Iterator[Budget]:
    """Nothing is stale, and nothing fails."""
    rows = [row for row in part["rows"] if row["way"] == way]
    for key, what in (("stale", "stale reads"), ("failed", "failed requests")):
        yield Budget(what=f"{what}, `{way}`", limit=0, measured=summaries.total(rows, key))
