"""The plots of the page. The same numbers give the same files."""

from pathlib import Path
from statistics import quantiles
from typing import Any

import matplotlib

from benchmarks.page import results, summaries
from benchmarks.page.summaries import Row
from benchmarks.peers.servers import BURST
from benchmarks.peers.waits import DRAWN
from benchmarks.peers.ways import ORACLE, SETTLED_ORACLE, WAITING_WAYS, WAYS

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "pinning"
matplotlib.rcParams["axes.spines.top"] = matplotlib.rcParams["axes.spines.right"] = False
matplotlib.rcParams["font.size"] = 9

from matplotlib import pyplot  # noqa: E402  after the choice of what draws

_OURS, _ORACLES, _OTHERS = "#0b6e4f", "#444444", "#c8803c"
_MARKERS = "osD^v<>pPX*"

#: The oracle's, and for each WAIT one.
_DARKER = ("#444444", "#b5d8c8", "#74b79a", "#0b6e4f", "#04382a")


def draw(directory: Path, into: Path) -> None:
    """Every plot for which there are numbers."""
    into.mkdir(exist_ok=True)
    visitors, rush = results.load(directory, "visitors"), results.load(directory, "rush")
    waits = results.load(directory, "waits")
    overhead, growth = results.load(directory, "overhead"), results.load(directory, "growth")
    if visitors is not None:
        _save(_share(visitors), into / "share.svg")
        _save(_stale(visitors), into / "stale.svg")
    if rush is not None:
        _save(_rush(rush), into / "rush.svg")
    if waits is not None:
        _save(_waits(waits), into / "waits.svg")
    if overhead is not None:
        _save(_overhead(overhead), into / "overhead.svg")
    if growth is not None:
        _save(_growth(growth), into / "growth.svg")


def _share(part: Row) -> Any:
    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for way, lags, values in _lines(part, lambda rows: 100 * summaries.share(rows)):
        axes.plot(lags, values, label=way, **_style(way))
    axes.set_ylabel("reads on the primary, %")
    axes.set_xlabel("lag of the replica")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _stale(part: Row) -> Any:
    def percent(rows: list[Row]) -> float:
        return 100 * summaries.total(rows, "stale") / max(summaries.total(rows, "pages"), 1)

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for way, lags, values in _lines(part, percent):
        axes.plot(lags, values, label=way, **_style(way))
    axes.set_ylabel("pages that lacked what their user had written, %")
    axes.set_xlabel("lag of the replica")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _rush(part: Row) -> Any:
    """Medians over all lags and rounds, with the middle half of them."""
    ways = _ways(part)
    rates = [[row["requests_per_second"] for row in _of(part, way)] for way in ways]
    low, middle, high = zip(*(quantiles(found, n=4) for found in rates), strict=True)
    errors = [
        [half - least for half, least in zip(middle, low, strict=True)],
        [most - half for half, most in zip(middle, high, strict=True)],
    ]
    figure, axes = pyplot.subplots(figsize=(8, 3.5))
    colors = [_style(way)["color"] for way in ways]
    axes.barh(ways, middle, xerr=errors, color=colors, ecolor="#999")
    axes.invert_yaxis()
    axes.set_xlabel("requests per second without pauses, over all lags")
    return figure


def _waits(part: Row) -> Any:
    """The primary's share over the lag: one line for each way, darker the longer it waits."""
    lags = [lag for lag in summaries.lags_of(part) if lag not in {DRAWN, BURST}]
    ways = [SETTLED_ORACLE, *(way.name for way in WAITING_WAYS if way.name != SETTLED_ORACLE)]
    figure, (axes, drawn) = pyplot.subplots(
        1, 2, figsize=(9, 4), sharey=True, gridspec_kw={"width_ratios": [4, 1]}
    )
    for way, color in zip(ways, _DARKER, strict=True):
        shares = [100 * summaries.share(summaries.rows_of(part, way, lag)) for lag in lags]
        style = "--" if way == SETTLED_ORACLE else "-"
        axes.plot(lags, shares, style, color=color, marker="o", linewidth=2, label=_name(way))
        share = 100 * summaries.share(summaries.rows_of(part, way, DRAWN))
        drawn.plot([DRAWN], [share], marker="o", color=color)
    axes.set_ylabel("reads on the primary, %")
    axes.set_xlabel("lag of the replica, always the same")
    drawn.set_xlabel("... and one that changes")
    axes.legend(frameon=False)
    return figure


def _name(way: str) -> str:
    if way == SETTLED_ORACLE:
        return "oracle that never waits"
    return f"WAIT of {way.removeprefix('wait-')} ms"


def _overhead(part: Row) -> Any:
    titles = {"db_for_read": "db_for_read", "sync": "empty request", "async": "the same, async"}
    figure, all_axes = pyplot.subplots(1, 3, figsize=(10, 3.5), sharey=True)
    ways = list(dict.fromkeys(row["way"] for row in part["tables"]["db_for_read"]["rows"]))
    for axes, (table, title) in zip(all_axes, titles.items(), strict=True):
        for way in ways:
            for row in summaries.overhead(part, table, way, "unpinned"):
                axes.barh(way, row["ratio"], color=_style(way)["color"])
            axes.barh(way, 0)
        axes.set_title(title, fontsize=9)
        axes.axvline(1, color="#999", linewidth=0.8)
        axes.set_xlabel("times a no-op")
    all_axes[0].invert_yaxis()
    return figure


def _growth(part: Row) -> Any:
    keys = {"p50_ms": "p50, ms", "position_queries_per_request": "position queries per request"}
    figure, all_axes = pyplot.subplots(1, 2, figsize=(8, 3.5))
    for axes, (key, title) in zip(all_axes, keys.items(), strict=True):
        for replicas in dict.fromkeys(row["replicas"] for row in part["rows"]):
            rows = [row for row in part["rows"] if row["replicas"] == replicas]
            axes.plot(
                [row["threads"] for row in rows],
                [row[key] for row in rows],
                marker="o",
                linestyle="none",
                label=f"{replicas} replicas",
            )
        axes.set_xlabel("threads")
        axes.set_ylabel(title)
    all_axes[0].legend(frameon=False)
    return figure


def _lines(part: Row, value: Any) -> list[tuple[str, list[str], list[float]]]:
    lags = summaries.lags_of(part)
    return [
        (way, lags, [value(summaries.rows_of(part, way, lag)) for lag in lags])
        for way in _ways(part)
    ]


def _ways(part: Row) -> list[str]:
    return [way.name for way in WAYS if way.name in summaries.ways_of(part)]


def _of(part: Row, way: str) -> list[Row]:
    return [row for row in part["rows"] if row["way"] == way]


def _style(way: str) -> dict[str, Any]:
    """Ours in one colour, the oracles in another, all others in a third."""
    number = next((place for place, one in enumerate(WAYS) if one.name == way), 0)
    marker = _MARKERS[number % len(_MARKERS)]
    if way.startswith("pinning"):
        return {"color": _OURS, "marker": marker, "linewidth": 2}
    if way in {ORACLE, SETTLED_ORACLE}:
        return {"color": _ORACLES, "marker": marker, "linestyle": "--"}
    return {"color": _OTHERS, "marker": marker, "linewidth": 1}


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, format="svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)
