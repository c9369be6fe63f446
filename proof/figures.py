"""The figures of the proof: of each act, and of all acts together."""

from collections import Counter
from typing import Any

from proof.acts import Act
from proof.agreement import disagreement

Figures = dict[str, Any]

#: Those that add up.
COUNTS = ("writes", "reads", "pairs", "stale", "failed", "went_back", "replica_reads")


def of_act(act: Act) -> Figures:
    """What there is to keep of an act, and what both checkers say of it."""
    verdict = act.verdict
    return {
        "vendor": act.vendor,
        "fault": act.fault,
        "seed": act.seed,
        **{key: getattr(verdict, key) for key in COUNTS if key != "replica_reads"},
        "replica_reads": act.replica_reads,
        "seconds": round(verdict.seconds, 1),
        "ways": _by_way(act),
        "disagreement": disagreement(act.history, verdict),
    }


def together(acts: list[Figures]) -> Figures:
    """The sum of all acts, with one row for each fault on each vendor."""
    rows: dict[tuple[str, str], Figures] = {}
    ways: dict[str, Counter[str]] = {}
    for act in acts:
        kind = act["vendor"], act["fault"]
        row = rows.setdefault(kind, {"vendor": kind[0], "fault": kind[1], "seconds": 0.0})
        for key in (*COUNTS, "seconds"):
            row[key] = row.get(key, 0) + act[key]
        for name, counts in act["ways"].items():
            ways.setdefault(name, Counter()).update(counts)
    for row in rows.values():
        row["seconds"] = round(row["seconds"], 1)
        row["replicas_share"] = round(row["replica_reads"] / max(1, row["reads"]), 3)
    return {
        **{key: sum(act[key] for act in acts) for key in COUNTS},
        "pieces": len({act["piece"] for act in acts}),
        "acts": sorted(rows.values(), key=lambda row: row["vendor"], reverse=True),
        "ways": {
            name: {"pairs": counts["pairs"], "stale": counts["stale"]}
            for name, counts in sorted(ways.items(), key=lambda item: -item[1]["pairs"])
        },
    }


def _by_way(act: Act) -> dict[str, dict[str, int]]:
    """Reads after a write in each way, to write or to read, and how many of them were stale."""
    totals: dict[str, dict[str, int]] = {}
    counted = {"pairs": act.verdict.pairs_by_ways, "stale": act.verdict.stale_by_ways}
    for key, counts in counted.items():
        for both, count in counts.items():
            for name in set(both) - {""}:  # what the primary lost was written in no way
                totals.setdefault(name, {"pairs": 0, "stale": 0})[key] += count
    return totals
