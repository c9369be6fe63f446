"""The tables of the pages, in Markdown: one function each, named as its place on a page."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.page import results, summaries
from benchmarks.page.budget import OURS, Budget
from benchmarks.page.budgets import budgets
from benchmarks.page.summaries import Row
from benchmarks.peers.ways import ORACLE, REST_WAYS, SETTLED_ORACLE, WAITING_WAYS, WAYS

#: A share of reads so small that a multiple of it says nothing.
_FEW = 0.01

#: The lag and the ways of the README's figures.
_USUAL_LAG = "50 ms"
_IN_README = {
    "always-primary": "no replica",
    "autocommit": "a router of 17 lines",
    "clock-2s": "2 s by the clock",
    "django-multidb-router": "django-multidb-router",
    "pinning": "pinning",
}


ENGINES_HEADER = (
    *("server", "driver", "on", "tests passed", "planted bugs caught"),
    *("reads after a write, in the proof", "faults", "stale / failed"),
)


SERVERS_HEADER = (
    *("served by", "driver", "through", "on", "requests", "threads", "connections"),
    *("slowest, s", "stale / failed"),
)


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def ways(_: Path) -> str:
    """What was compared."""
    return markdown(["way", "what it is"], ([f"`{way.name}`", way.what] for way in WAYS))


def share(directory: Path) -> str:
    """Which part of the reads went to the primary, and how much that is of the oracle's."""
    part = results.load(directory, "visitors")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        ours = summaries.share(summaries.rows_of(part, way, lag))
        theirs = summaries.share(summaries.rows_of(part, ORACLE, lag))
        return f"{ours:.1%} ({ours / theirs:.2f})" if theirs > _FEW else f"{ours:.1%}"

    return _by_lag(part, cell)


def gains(directory: Path) -> str:
    """What the README says is gained, and what it costs: four figures at 50 ms of lag."""
    visitors, rush = (results.load(directory, name) for name in ("visitors", "rush"))
    if visitors is None or rush is None:
        return ""

    def stale(way: str) -> str:
        rows = summaries.rows_of(visitors, way, _USUAL_LAG)
        return f"{summaries.total(rows, 'stale')} of {summaries.total(rows, 'pages')}"

    def on_primary(way: str) -> str:
        return f"{summaries.share(summaries.rows_of(visitors, way, _USUAL_LAG)):.0%}"

    def half(way: str) -> str:
        rows = summaries.rows_of(visitors, way, _USUAL_LAG)
        return f"{summaries.over_rounds(rows, 'p50_ms')['median']:.1f} ms"

    def rate(way: str) -> str:
        rows = summaries.rows_of(rush, way, _USUAL_LAG)
        return f"{summaries.over_rounds(rows, 'requests_per_second')['median']:.0f}"

    lines = {
        "pages that lack what their user wrote": stale,
        "reads on the primary": on_primary,
        "half of the requests are answered within": half,
        "requests per second, where everybody has just written": rate,
    }
    rows = [[what, *map(cell, _IN_README)] for what, cell in lines.items()]
    return markdown(["", *_IN_README.values()], rows)


def ratios(directory: Path) -> str:
    """Multiples of the oracle's share by round, of those that go by position."""
    part = results.load(directory, "visitors")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        pairs = zip(*(summaries.rows_of(part, one, lag) for one in (way, ORACLE)), strict=True)
        shares = [(summaries.share([ours]), summaries.share([theirs])) for ours, theirs in pairs]
        if any(theirs < _FEW for _, theirs in shares):
            return "-"
        found = results.middle([ours / theirs for ours, theirs in shares], digits=2)
        return _range(found)

    return _by_lag(part, cell, [*OURS, SETTLED_ORACLE])


def stale(directory: Path) -> str:
    """How many pages lacked what their user had written."""
    part = results.load(directory, "visitors")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        rows = summaries.rows_of(part, way, lag)
        count, pages = summaries.total(rows, "stale"), summaries.total(rows, "pages")
        return f"{count} of {pages}" if count else "none"

    return _by_lag(part, cell)


def visitors(directory: Path) -> str:
    """How long the visitors waited: p50 / p99."""
    part = results.load(directory, "visitors")
    return "" if part is None else _by_lag(part, _waits(part))


def rush(directory: Path) -> str:
    """Requests per second of one site alone, with the least and the most of the rounds."""
    part = results.load(directory, "rush")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        rate = summaries.over_rounds(summaries.rows_of(part, way, lag), "requests_per_second")
        return f"{rate['median']:.0f} ({rate['least']:.0f} to {rate['most']:.0f})"

    return _by_lag(part, cell)


def rush_waits(directory: Path) -> str:
    """How long a request took in the rush: p50 / p99."""
    part = results.load(directory, "rush")
    return "" if part is None else _by_lag(part, _waits(part))


def waiting(directory: Path) -> str:
    """Which part of the reads went to the primary, by how long a read may wait."""
    part = results.load(directory, "waits")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        return f"{summaries.share(summaries.rows_of(part, way, lag)):.1%}"

    return _by_lag(part, cell, [way.name for way in WAITING_WAYS])


def waited(directory: Path) -> str:
    """What the waits cost: the mean of all pages, waits in vain of all pages, p50 of a request."""
    part = results.load(directory, "waits")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        rows = summaries.rows_of(part, way, lag)
        pages = max(summaries.total(rows, "pages"), 1)
        mean = sum(row["waited_ms"] for row in rows) / pages
        vain = summaries.total(rows, "waits_in_vain") / pages
        half = summaries.over_rounds(rows, "p50_ms")["median"]
        return f"{mean:.1f} ms, {vain:.1%}, {half:.1f} ms"

    return _by_lag(part, cell, [way.name for way in WAITING_WAYS])


def asked(directory: Path) -> str:
    """Position queries: of a page that waited, of any page, and in a second on each site."""
    part = results.load(directory, "waits")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        rows = summaries.rows_of(part, way, lag)
        queries, waits = (summaries.total(rows, key) for key in ("position_queries", "waits"))
        seconds = sum(row["requests"] / row["requests_per_second"] for row in rows)
        found = f"{queries / max(summaries.total(rows, 'pages'), 1):.2f}, {queries / seconds:.1f}"
        if not (waits and summaries.counts_waits(part)):
            return f"-, {found}"
        return f"{summaries.total(rows, 'queries_of_waits') / waits:.2f}, {found}"

    return _by_lag(part, cell, [way.name for way in WAITING_WAYS])


def rest(directory: Path) -> str:
    """Which part of all reads of an API went to the primary."""
    part = results.load(directory, "rest")
    if part is None:
        return ""

    def cell(way: str, lag: str) -> str:
        return f"{summaries.share_of_all(summaries.rows_of(part, way, lag)):.1%}"

    return _by_lag(part, cell, [way.name for way in REST_WAYS])


def overhead(directory: Path) -> str:
    """What routing costs as ratios to a no-op, unpinned / pinned."""
    part = results.load(directory, "overhead")
    if part is None:
        return ""
    names = dict.fromkeys(row["way"] for row in part["tables"]["db_for_read"]["rows"])

    def cell(table: str, way: str) -> str:
        return " / ".join(f"{row['ratio']:.2f}" for row in summaries.overhead(part, table, way))

    columns = {
        "db_for_read": "`db_for_read`",
        "statement": "a statement",
        "sync": "an empty request",
        "async": "the same, asynchronous",
        "sync_server": "with Redis",
        "async_server": "with Redis, asynchronous",
    }
    return markdown(
        ["way", *columns.values()],
        ([f"`{way}`", *(cell(table, way) or "-" for table in columns)] for way in names),
    )


def no_op(directory: Path) -> str:
    """What the no-op takes, in microseconds, with the quartiles: the noise."""
    part = results.load(directory, "overhead")
    if part is None:
        return ""
    rows = [(table["title"], table["rows"][0]) for table in part["tables"].values()]
    return markdown(
        ["of a no-op", "median", "middle half of the rounds"],
        (
            [title, f"{row['us']:.2f} µs", f"{row['low']:.2f} to {row['high']:.2f}"]
            for title, row in rows
        ),
    )


def costs(directory: Path) -> str:
    """Position queries and store calls for each kind of request."""
    part = results.load(directory, "visitors")
    if part is None:
        return ""
    asking = [way.name for way in WAYS if way.is_ours or way.name == ORACLE]
    header = ["way", "request", "requests", "position queries", "store calls"]
    return markdown(
        header,
        (
            [f"`{way}`", kind, cost["requests"], *_mean_and_most(cost)]
            for way in asking
            for kind, cost in part["costs"].get(way, {}).items()
        ),
    )


def rows(directory: Path) -> str:
    """What it takes to load thousand rows."""
    part = results.load(directory, "rows")
    if part is None:
        return ""
    found = ([f"`{row['way']}`", row["us"], row["ratio"]] for row in part["rows"])
    return markdown(["way", "µs", "to the first"], found)


def counters(directory: Path) -> str:
    """What a page costs more for what is counted."""
    part = results.load(directory, "counters")
    if part is None:
        return ""
    found = ([row["way"], f"{row['bytecodes']:,}", row["ratio"]] for row in part["rows"])
    return markdown(["what is counted", "bytecodes", "to the first"], found)


def suite(directory: Path) -> str:
    """What the pytest plugin costs a suite."""
    part = results.load(directory, "suite")
    if part is None:
        return ""
    found = ([row["way"], row["seconds"]["median"], _range(row["ratio"])] for row in part["rows"])
    return markdown(["a suite", "seconds of the processor", "to the first"], found)


def memory(directory: Path) -> str:
    """Bytes for each scope."""
    part = results.load(directory, "memory")
    if part is None:
        return ""
    rows = part["rows"]
    return markdown(["a scope", "bytes"], ([row["state"], row["bytes"]] for row in rows))


def statements(directory: Path) -> str:
    """What the nastiest texts of each size cost."""
    part = results.load(directory, "statements")
    if part is None:
        return ""
    header = ["size", "texts", "median, ms", "slowest, ms", "the slowest", "most memory, MB"]
    keys = ("size", "texts", "median_ms", "most_ms", "text", "most_mb")
    rows = [
        {**row, "text": f"`` {row['text'].replace('|', chr(92) + '|')} ``"} for row in part["rows"]
    ]
    return markdown(header, ([row[key] for key in keys] for row in rows))


GROWTH = (
    "threads",
    "replicas",
    "users",
    "position_queries_per_request",
    "store_calls_per_request",
    "rss_mb",
    "p50_ms",
    "p99_ms",
)


def growth(directory: Path) -> str:
    """What more threads, replicas and users cost."""
    part = results.load(directory, "growth")
    if part is None:
        return ""
    header = [key.replace("_", " ") for key in GROWTH]
    return markdown(header, ([row[key] for key in GROWTH] for row in part["rows"]))


def proof(directory: Path) -> str:
    """Reads after a write in each act of the proof, and which part of all reads replicas served."""
    part = results.load(directory, "proof")
    if part is None:
        return ""
    acts = {(act["fault"], act["vendor"]): act for act in part["acts"]}

    def cell(fault: str, vendor: str) -> str:
        act = acts.get((fault, vendor))
        return f"{act['pairs']:,} ({act['replicas_share']:.0%})" if act else "-"

    faults = dict.fromkeys(fault for fault, _ in acts)
    rows = [[fault, cell(fault, "postgresql"), cell(fault, "mariadb")] for fault in faults]
    header = ["while", "PostgreSQL", "MariaDB"]
    keys = ("pairs", "writes", "stale", "failed", "went_back")
    pairs, writes, stale, failed, back = (summaries.total(part["acts"], key) for key in keys)
    return (
        f"{pairs:,} reads after {writes:,} writes, of which {stale} were stale; {failed} requests "
        f"failed; {back} reads went back on a write that was under way.{_pieces(part)}"
        f"\n\n{markdown(header, rows)}"
        f"\n\n{_ways(part.get('ways'))}"
    )


def _pieces(part: Row) -> str:
    """In how many pieces a proof was played, and what its order came from."""
    if "pieces" not in part:
        return ""
    return f" Pieces: {part['pieces']}, all from the seed {part['seed']}."


def engines(directory: Path) -> str:
    """On which servers tests and the proof were run, and what came of it."""
    part = results.load(directory, "engines")
    return markdown(ENGINES_HEADER, map(_engine, part["engines"])) if part else ""


def _engine(found: Row) -> list[object]:
    proof = found.get("proof")
    parts = [found[name] for name in ("live", "teeth", "proof") if found.get(name)]
    days = sorted(part.get("date", found["date"]) for part in parts) or [found["date"]]
    return [
        f"{found['engine']} {found['version']}, {found['source']}",
        found["driver"],
        " to ".join(dict.fromkeys((days[0], days[-1]))),
        _tests(found.get("live")),
        _tests(found.get("teeth")),
        f"{proof['pairs']:,}" if proof else "-",
        len(proof["faults"]) if proof else "-",
        f"{proof['stale']} / {proof['failed']}" if proof else "-",
    ]


def servers(directory: Path) -> str:
    """Which web servers, workers, drivers and poolers were tried, and what was counted."""
    part = results.load(directory, "servers")
    return markdown(SERVERS_HEADER, map(_server, part["servers"])) if part else ""


def _server(found: Row) -> list[object]:
    program, _, way = found["server"].partition(" ")
    package, version, implementation = found["driver"]
    how = [implementation.removeprefix("binary"), "pool" if found["pool"] else ""]
    return [
        " ".join(filter(None, [program, found["version"], way])),
        " ".join(filter(None, [package, version, *how])),
        found["between"] or "-",
        found["date"],
        *(_counts(found) if "requests" in found else [*"----", "**failed**"]),
    ]


def _counts(found: Row) -> list[object]:
    return [
        f"{found['requests']:,}",
        *(" to ".join(map(str, found[each])) for each in ("threads", "connections")),
        found["slowest"],
        f"{found['stale']} / {found['failed']}{', **failed**' if found['has_failed'] else ''}",
    ]


def _tests(counts: Row | None) -> str:
    if counts is None:
        return "-"
    failed = f", **{counts['failed']} failed**" if counts["failed"] else ""
    return f"{counts['passed']}{failed}"


def _ways(ways: dict[str, dict[str, int]] | None) -> str:
    """Reads after a write in each way. One whose read and write differ counts for both."""
    if ways is None:
        return (
            "That run is older: its users had fewer ways to write and read, and a pin in a cookie "
            "lasted as long as the browser kept it."
        )
    rows = ([f"`{name}`", f"{counts['pairs']:,}"] for name, counts in ways.items())
    return markdown(["way to write or to read", "reads after a write"], rows)


def budget(directory: Path) -> str:
    """The budgets and what was measured."""
    return markdown(
        ["what", "budget", "measured", ""],
        (
            [found.what, f"{found.limit:g}", f"{found.measured:g}", _verdict(found)]
            for found in budgets(directory)
        ),
    )


def machine(directory: Path) -> str:
    """Where each part was run, and how busy that was when it ended."""
    parts = {name: results.load(directory, name) for name in results.PARTS}
    header = ["part", "how much", "date", "machine", "versions", "load average at its end"]
    return markdown(header, (_machine(name, part) for name, part in parts.items() if part))


def _machine(name: str, part: Row) -> list[object]:
    found = part["machine"]
    versions = {"Python": found["python"], "Django": found["django"], **part.get("versions", {})}
    machine = (
        f"{found['system']}, {found['processors']} of {found['processor']}, {found['memory_gb']} GB"
    )
    words = ", ".join(f"{name} {number}" for name, number in versions.items())
    return [name, _extent(part), found["date"], machine, words, found["load"]]


def _extent(part: Row) -> str:
    words = [f"{part['rounds']} rounds"] if "rounds" in part else []
    if "users" in part:
        words += [f"{part['users']} users on each site", f"{part['cell_seconds']:g} s for each lag"]
    return ", ".join(words)


def _by_lag(part: Row, cell: Callable[[str, str], str], ways: Sequence[str] | None = None) -> str:
    lags = summaries.lags_of(part)
    ways = ways or [way.name for way in WAYS if way.name in summaries.ways_of(part)]
    return markdown(
        ["way", *lags], ([f"`{way}`", *(cell(way, lag) for lag in lags)] for way in ways)
    )


def _waits(part: Row) -> Callable[[str, str], str]:
    def cell(way: str, lag: str) -> str:
        rows = summaries.rows_of(part, way, lag)
        half = summaries.over_rounds(rows, "p50_ms")["median"]
        most = summaries.over_rounds(rows, "p99_ms")["median"]
        return f"{half:.1f} / {most:.0f} ms"

    return cell


def _mean_and_most(cost: Row) -> list[str]:
    return [
        f"{cost['position_queries']:g}, at most {cost['most_position_queries']}",
        f"{cost['store_calls']:g}, at most {cost['most_store_calls']}",
    ]


def _verdict(found: Budget) -> str:
    if not found.is_kept:
        return "**missed**"
    return "kept" if found.measured <= found.limit else "over, within the margin"


def _range(found: dict[str, float]) -> str:
    """The median over the rounds, with the least and the most."""
    return f"{found['median']:.2f} ({found['least']:.2f} to {found['most']:.2f})"
