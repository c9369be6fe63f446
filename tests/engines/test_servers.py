"""What pytest's report tells of the servers that were tried gets onto the page."""

import json
from pathlib import Path
from xml.sax.saxutils import quoteattr

from benchmarks.page import results, tables
from engines import servers
from tests.live import test_servers as live


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
    return f"<testcase name='test_it[gunicorn sync, psycopg2]'>{told}{inside}</testcase>"


def test_the_last_run_of_each_is_on_the_page(tmp_path: Path):
    report = tmp_path / "report.xml"
    skipped = "<testcase name='test_it[uvicorn, psycopg pool]'><skipped/></testcase>"
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


def test_a_run_that_ends_before_it_has_counted_is_on_the_page_as_failed(tmp_path: Path):
    servers.keep([{**found(), "date": "2026-11-01", "has_failed": False}], tmp_path)
    report = tmp_path / "report.xml"
    names = ("gunicorn sync, psycopg2", "uWSGI, psycopg pool, HAProxy", "Celery gevent, PyMySQL")
    ends = ("<failure/>", "<error/>", "<skipped/>")
    pairs = zip(names, ends, strict=True)
    told = (f"<testcase name='test_it[{name}]'>{end}</testcase>" for name, end in pairs)
    report.write_text(f"<testsuite>{''.join(told)}</testsuite>")
    servers.keep(list(servers.counted(report)), tmp_path)
    part = results.load(tmp_path, servers.PART)
    assert part is not None
    date = part["servers"][0]["date"]
    assert date > "2026-11-01"
    assert tables.servers(tmp_path).splitlines()[2:] == [
        f"| gunicorn sync | psycopg2 | - | {date} | - | - | - | - | **failed** |",
        f"| uWSGI | psycopg pool | HAProxy | {date} | - | - | - | - | **failed** |",
    ]


def test_each_row_of_the_page_is_known_by_the_name_of_its_test():
    part = results.load(results.DIRECTORY, servers.PART)
    assert part is not None
    tried = [(server, driver, between) for server, driver, between, _ in live.CASES]
    tried += [(server, driver, "") for server, driver, _ in live.WORKERS]
    names = (f"test_it[{', '.join(filter(None, each))}]" for each in tried)
    rows = {servers.key(each) for each in part["servers"]}
    assert rows <= {servers.key(servers.named(name)) for name in names}
