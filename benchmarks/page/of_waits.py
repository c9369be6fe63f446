"""What waiting may cost and has to bring, and how many requests are answered over HTTP."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.page import summaries
from benchmarks.page.budget import OURS, TIMING, Budget, none_of
from benchmarks.peers.servers import BURST
from benchmarks.peers.waits import DRAWN, LAGS
from benchmarks.peers.ways import REST_WAYS, SETTLED_ORACLE, WAITING_WAYS, WAITS

#: By how much fewer requests than always-primary's are answered in the rush, and by how much half
#: of the visitors' requests take longer.
FEWER = {"pinning": 1 / 0.95, "pinning-redis": 1 / 0.85}
SLOWER = {"pinning": 1.05, "pinning-redis": 1.1}


def rush(part: dict[str, Any]) -> Iterator[Budget]:
    """Requests per second over all lags: the median of the ratios, as each round is alike."""
    for way in OURS:
        ratios = _ratios(part, "always-primary", way, "requests_per_second")
        what = f"requests per second in the rush, always-primary's to `{way}`'s"
        yield Budget(what=what, limit=FEWER[way], measured=median(ratios), margin=TIMING)


def visitors(part: dict[str, Any]) -> Iterator[Budget]:
    """What half of the visitors' requests take, over all lags."""
    for way in OURS:
        ratios = _ratios(part, way, "always-primary", "p50_ms")
        what = f"p50 over HTTP, `{way}` to always-primary"
        yield Budget(what=what, limit=SLOWER[way], measured=median(ratios), margin=TIMING)
        yield Budget(
            what=f"a page that waited, `{way}`: mean of position queries",
            limit=1.2,
            measured=_mean_of_waiting(part, way),
        )


def waits(part: dict[str, Any]) -> Iterator[Budget]:
    """The primary's share to that of the oracle which never waits, and what that costs."""
    for way, lags, limit in (
        ("wait-20", ["5 ms"], 0.1),
        ("wait-20", [DRAWN], 0.5),
        ("wait-50", ["20 ms"], 0.1),
        ("wait-0", list(LAGS), 1.05),
    ):
        ours, oracles = (_share(part, one, lags) for one in (way, SETTLED_ORACLE))
        what = f"reads on the primary, `{way}` to the settled oracle's, {' and '.join(lags)}"
        yield Budget(what=what, limit=limit, measured=round(ours / oracles, 3) if oracles else 0)
    for milliseconds in WAITS[1:]:
        yield from _of_wait(part, milliseconds)
    later = _p50(part, "wait-20", "20 ms") - _p50(part, "wait-0", "20 ms")
    what = "p50 of all requests at 20 ms, `wait-20` to `wait-0`: later by ms"
    yield Budget(what=what, limit=2, measured=round(later, 2), margin=TIMING)
    for way in WAITING_WAYS:
        yield from none_of(part, way.name)


def rest(part: dict[str, Any]) -> Iterator[Budget]:
    """An API's clients: reads on the primary, those of requests that write too."""
    share = summaries.share_of_all(summaries.rows_of(part, "rest-late-20", "20 ms"))
    yield Budget(what="reads on the primary, `rest-late-20`, 20 ms", limit=0.06, measured=share)
    for way in REST_WAYS:
        yield from none_of(part, way.name)


def _of_wait(part: dict[str, Any], milliseconds: int) -> Iterator[Budget]:
    way = f"wait-{milliseconds}"
    ends = (
        summaries.over_rounds(summaries.rows_of(part, way, lag), "waits_p99_ms")["median"]
        for lag in summaries.lags_of(part)
    )
    late = round(max(ends) - milliseconds, 2)
    yield Budget(what=f"a wait, `{way}`: p99 after WAIT, ms", limit=5, measured=late, margin=TIMING)
    burst = summaries.rows_of(part, way, BURST)
    vain = summaries.total(burst, "waits_in_vain") / max(summaries.total(burst, "requests"), 1)
    what = f"requests that wait in vain in the burst, `{way}`"
    yield Budget(what=what, limit=0.01, measured=round(vain, 4))
    rows = [row for row in part["rows"] if row["way"] == way]
    asked = summaries.total(rows, "queries_of_waits") / max(summaries.total(rows, "waits"), 1)
    what = f"a page that waited, `{way}`: mean of position queries"
    yield Budget(what=what, limit=1.2, measured=round(asked, 2))


def _share(part: dict[str, Any], way: str, lags: list[str]) -> float:
    return summaries.share([row for lag in lags for row in summaries.rows_of(part, way, lag)])


def _p50(part: dict[str, Any], way: str, lag: str) -> float:
    return summaries.over_rounds(summaries.rows_of(part, way, lag), "p50_ms")["median"]


def _mean_of_waiting(part: dict[str, Any], way: str) -> float:
    found = [
        cost for kind, cost in part["costs"].get(way, {}).items() if kind.startswith("waiting")
    ]
    asked = sum(cost["requests"] * cost["position_queries"] for cost in found)
    return round(asked / max(sum(cost["requests"] for cost in found), 1), 2)


def _ratios(part: dict[str, Any], one: str, other: str, key: str) -> list[float]:
    """By lag and round."""
    return [
        first[key] / second[key]
        for lag in summaries.lags_of(part)
        for first, second in zip(
            *(summaries.rows_of(part, way, lag) for way in (one, other)), strict=True
        )
        if second[key]
    ]
