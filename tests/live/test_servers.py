"""Web servers, workers, drivers and poolers that projects use, while the replica is late and fails.

``make test`` tries some of them for seconds. ``make servers`` tries all for longer, and keeps what
was counted for docs/benchmarks.md: PINNING_SERVERS_SECONDS says how long.
"""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import pytest

from pinning.testing.redis import Redis
from proof.pgbouncer import PgBouncer
from tests.live.site import served
from tests.live.site.by_tls import by_tls
from tests.live.site.clients import Client, Site, last_read, soon
from tests.live.site.crowd import PAUSE_SECONDS, Crowd, Visit
from tests.live.site.drivers import DRIVERS, POOLED, PREPARED
from tests.live.site.haproxy import HAProxy
from tests.live.site.held import Held
from tests.live.site.pair import DATABASE, Pair
from tests.live.site.served import Served
from tests.live.site.web_servers import PROCESSES, SERVERS, ServedSite, WebServer, Worker
from tests.services import give_up, service

SECONDS = float(os.environ.get("PINNING_SERVERS_SECONDS", 0))
CLIENTS = 3
AT_ONCE = 2 * CLIENTS
SLOTS = 2
LAG_SECONDS = 1

#: Server, driver, what stands before the databases, and whether `make test` tries it.
CASES = [
    ("gunicorn sync", "psycopg binary", "", False),
    ("gunicorn sync", "psycopg2-binary", "", True),
    ("gunicorn gthread", "psycopg binary", "", False),
    ("gunicorn gthread", "psycopg python", "", True),
    ("gunicorn gthread", "psycopg pool", "", False),
    ("gunicorn gthread", "mysqlclient", "", False),
    ("gunicorn gthread", "psycopg binary", "PgBouncer session", False),
    ("gunicorn gthread", "psycopg binary", "PgBouncer transaction", False),
    ("gunicorn gthread", "psycopg pool", "PgBouncer transaction", True),
    ("gunicorn gthread", "psycopg prepared", "", False),
    ("gunicorn gthread", "psycopg prepared", "PgBouncer session", False),
    ("gunicorn gthread", "psycopg prepared", "PgBouncer transaction", False),
    ("gunicorn gthread", "psycopg binary", "HAProxy", False),
    ("gunicorn gthread", "psycopg pool", "TLS", False),
    ("gunicorn gthread", "mysqlclient", "TLS", False),
    ("gunicorn --preload", "psycopg binary", "", False),
    ("gunicorn gevent", "psycopg binary", "", True),
    ("gunicorn gevent", "PyMySQL", "", False),
    ("uWSGI", "psycopg binary", "", True),
    ("uWSGI enable-threads", "mysqlclient", "", False),
    ("uWSGI threads", "PyMySQL", "", True),
    ("uWSGI threads", "PyMySQL", "TLS", False),
    ("uWSGI lazy-apps", "psycopg binary", "", False),
    ("mod_wsgi", "psycopg binary", "", False),
    ("mod_wsgi", "psycopg pool", "", False),
    ("granian wsgi", "psycopg binary", "", False),
    ("granian asgi", "psycopg binary", "", True),
    ("uvicorn", "psycopg binary", "", False),
    ("uvicorn", "psycopg pool", "", False),
]
WORKERS = [
    ("Celery prefork", "psycopg binary", True),
    ("Celery threads", "psycopg binary", False),
    ("Celery gevent", "psycopg binary", False),
]

#: What a worker's databases are spoken to with, as the site's view tells it.
_PSYCOPG = ["psycopg", version("psycopg"), "binary"]

Keep = Callable[[dict[str, Any]], None]


def chosen(cases: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [
        pytest.param(*values, id=", ".join(filter(None, values)))
        for *values, is_quick in cases
        if is_quick or SECONDS
    ]


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> str:
    driver = request.node.callspec.params.get("driver", "psycopg binary")
    return DRIVERS[driver][0]


@pytest.fixture
def late(pair: Pair) -> Pair:
    pair.replica.set_delay(LAG_SECONDS)
    return pair


@pytest.fixture
def keep(record_property: Any) -> Keep:
    """For ``make servers``, which reads it in pytest's report."""
    return lambda found: record_property("served", json.dumps(found))


def need(module: str) -> None:
    if find_spec(module) is None:
        give_up(f"The Python package {module} is not installed.")


@contextmanager
def reached(pair: Pair, between: str, *, prepares: bool) -> Iterator[list[Any]]:
    """What the site takes for its primary and its replica."""
    with ExitStack() as stack:
        kind, _, mode = between.partition(" ")
        servers: list[Any] = [pair.primary, pair.replica]
        if kind == "TLS":
            yield stack.enter_context(by_tls(pair))
            return
        if kind == "PgBouncer":
            servers = [PgBouncer(server, mode=mode) for server in servers]
            if prepares and not servers[0].prepares():
                pytest.skip("This PgBouncer knows no prepared statements.")
        elif kind == "HAProxy":
            second = stack.enter_context(pair.primary.replica())
            second.set_delay(LAG_SECONDS)
            servers = [HAProxy(pair.primary), HAProxy(pair.replica, second)]
        yield [stack.enter_context(service(server)) if kind else server for server in servers]


def entry(server: Any, driver: str, threads: int) -> dict[str, Any]:
    """Of DATABASES. A pool has as many connections as its process has threads."""
    made = server.settings(DATABASE)
    if driver in POOLED:
        pool = {"min_size": 1, "max_size": threads or AT_ONCE}
        return {**made, "OPTIONS": {**made["OPTIONS"], **POOLED[driver], "pool": pool}}
    return {**made, "CONN_MAX_AGE": None if threads else 0}


@contextmanager
def site_under(server: WebServer, driver: str, servers: list[Any], pair: Pair) -> Iterator[Site]:
    primary, replica = (entry(each, driver, server.threads) for each in servers)
    told = {"urls": server.urls, "replicas": {"replica1": replica}}
    with ServedSite(server, driver, pair.settings(primary=primary, **told)) as site:
        yield site
        site.close_clients()


def assert_good(seen: Served) -> None:
    assert (seen.stale, seen.failed) == ([], [])  # clients that wait too long count as failed
    assert not seen.is_less_than(seen.held[-1]), seen.held


@pytest.mark.parametrize(("server", "driver", "between"), chosen(CASES))
def test_no_read_is_stale_and_nothing_grows(
    server: str, driver: str, between: str, late: Pair, keep: Keep
):
    way = SERVERS[server]
    for module in (way.module, *way.more, DRIVERS[driver][1]):
        need(module)
    with (
        reached(late, between, prepares=driver == PREPARED) as servers,
        site_under(way, driver, servers, late) as site,
    ):
        ports = [each.port for each in servers]
        used = site.client().get("/driver").json()["driver"]
        assert driver in POOLED or driver in {used[0], f"{used[0]} {used[2]}"}
        if driver == PREPARED:
            used[2] = "prepared"
        most = most_connections(way, driver)
        room = Held(PROCESSES * way.threads, len(ports) * most if is_kept(way, driver) else 0)
        seen = served.visit(site, late, ports, lambda: crowds(site), SECONDS, room)
        names = {"server": server, "version": version(way.package), "between": between}
        keep({**names, "driver": used, "pool": driver in POOLED, **seen.counts()})
        assert_good(seen)
        assert seen.most <= most
        assert soon(lambda: last_read(site.client().get("/notes"))[0] == "replica1")


def is_kept(server: WebServer, driver: str) -> bool:
    """Whether connections stay open between requests."""
    return server.threads > 0 or driver in POOLED


def most_connections(server: WebServer, driver: str) -> int:
    """To one database server, with one for each monitor: see docs/operations.md."""
    if is_kept(server, driver):
        return server.processes * ((server.threads or AT_ONCE) + 1)
    return 2 * AT_ONCE + server.processes  # those of a request are closed after its answer


def crowds(site: Site) -> list[Crowd]:
    """Some write all the time, and some read what they wrote long ago."""
    return [Crowd(site, CLIENTS), Crowd(site, CLIENTS, of=100)]


@pytest.mark.parametrize(("server", "driver"), chosen(WORKERS))
def test_tasks_see_what_was_written_before_and_nothing_grows(
    server: str, driver: str, late: Pair, keep: Keep
):
    pool = server.removeprefix("Celery ")
    if pool == "gevent":
        need("gevent")
    with service(Redis()) as broker:
        more = {"urls": "background_urls", "apps": ["pinning.contrib.celery"]}
        settings = late.settings(redis=broker.url, **more)
        with Site("wsgi", settings) as site, Worker(pool, settings, slots=SLOTS) as worker:
            ports = [late.primary.port, late.replica.port]
            seen = served.visit(worker, late, ports, lambda: [Orders(site, pool)], SECONDS)
            names = {"server": server, "version": version("celery"), "between": ""}
            keep({**names, "driver": _PSYCOPG, "pool": False, **seen.counts()})
            assert_good(seen)
            client = site.client()
            order = partial(client.ordered, "/order/read_in_scope", queue=pool)
            assert soon(lambda: order()["read"][0] == "replica1")
            site.close_clients()
            worker.kill()  # it would take its time


class Orders(Crowd):
    """Clients whose tasks read what they wrote."""

    def __init__(self, site: Site, queue: str) -> None:
        self._queue = queue
        super().__init__(site, CLIENTS, of=3)

    def _wander(self, name: str, client: Client) -> Iterator[float]:
        written = ""
        for turn in itertools.count():
            yield PAUSE_SECONDS
            write = "" if turn % self._of else f"{name}.{turn}"
            written = write or written
            begun = time.monotonic()
            seen = client.ordered("/order/latest", write, of=name, queue=self._queue)
            took = time.monotonic() - begun
            self.visits.append(Visit(begun, took, 200, "", "", seen["notes"] != [written]))
