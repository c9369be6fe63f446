"""What pytest's report tells of the servers that were tried gets onto the page."""

import json
from pathlib import Path
from xml.sax.saxutils import quoteattr

from benchmarks.page import results, tables
from engines import servers


def found(server: str = "gunicorn sync", **more: object) -> dict[str, object]:
    return {
        "server": server,
        "version": "27.0",
        "between": "",
        "driver": ["psycopg2", "2.9.13", ""],
        "pool": False,
        "requests": 1234,
        "stale": 0,
        "failed": 0,
        "slowest": 0.21,
        "threads": [3, 3],
        "connections": [4, 4],
        **more,
    }


def case(inside: str, **more: object) -> str:
    value = quoteattr(json.dumps(found(**more)))
    told = f"<properties><property name='served' value={value}/></properties>"
    return f"<testcase>{told}{inside}</testcase>"


def test_the_last_run_of_each_is_on_the_page(tmp_path: Path):
    report = tmp_path / "report.xml"
    skipped = "<testcase><skipped/></testcase>"
    for requests in (7, 1234):
        good = case("", requests=requests)
        bad = case("<failure/>", server="uWSGI", between="HAProxy", stale=2)
        report.write_text(f"<testsuite>{good}{bad}{skipped}</testsuite>")
        servers.keep(list(servers.counted(report)), tmp_path)
    part = results.load(tmp_path, servers.PART)
    assert part is not None
    date = part["servers"][0]["date"]
    assert tables.servers(tmp_path).splitlines()[2:] == [
        f"| gunicorn 27.0 sync | psycopg2 2.9.13 | - | {date} | 1,234 | 3 to 3 | 4 to 4 | 0.21 "
        "| 0 / 0 |",
        f"| uWSGI 27.0 | psycopg2 2.9.13 | HAProxy | {date} | 1,234 | 3 to 3 | 4 to 4 | 0.21 "
        "| 2 / 0, **failed** |",
    ]
