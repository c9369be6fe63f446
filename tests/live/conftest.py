"""A primary and a replica for the whole run, and sites that use them."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL
from django.db.utils import load_backend

from pinning.testing.mariadb import MariaDB
from pinning.testing.postgres import Postgres
from pinning.testing.redis import Redis
from proof.acts import VENDORS
from tests.live.site.clients import Site
from tests.live.site.pair import DATABASE, Pair, make_pair
from tests.services import service

#: For tests that hold on all: ``@on_each_database``, or ``pytestmark = on_each_database``.
on_each_database = pytest.mark.parametrize("vendor", VENDORS, indirect=True)

#: For those that compare what MySQL does otherwise: tests/live/test_mysql.py has its own.
on_postgresql_and_mariadb = pytest.mark.parametrize(
    "vendor", ["postgresql", "mariadb"], indirect=True
)

MORE_THAN_ENOUGH = re.compile(r"(?=.*(?:mariadb|mysql)).*redis")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)
    # What a store does is the same for each database: once is enough.
    items[:] = [item for item in items if not MORE_THAN_ENOUGH.search(item.name)]


@pytest.fixture(scope="session")
def session_pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield make_pair(stack)


@pytest.fixture(scope="session")
def mariadb_pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield make_pair(stack, "mariadb")


@pytest.fixture(scope="session")
def mysql_pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield make_pair(stack, "mysql")


SESSION_PAIRS = {
    "postgresql": "session_pair",
    "mariadb": "mariadb_pair",
    "mysql": "mysql_pair",
}


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> str:
    """PostgreSQL, unless the test asks for others: see ``on_each_database``."""
    return getattr(request, "param", "postgresql")


@pytest.fixture
def pair(vendor: str, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Both servers with empty tables, nothing lags yet."""
    pair: Pair = request.getfixturevalue(SESSION_PAIRS[vendor])
    pair.reset()
    yield pair
    pair.reset()


@pytest.fixture
def fresh_pair(vendor: str) -> Iterator[Pair]:
    """Servers that the test may break."""
    with ExitStack() as stack:
        yield make_pair(stack, vendor)


def completed(settings: dict[str, Any]) -> dict[str, Any]:
    """With what Django adds to an entry of DATABASES, as a connection wants it."""
    return {
        "AUTOCOMMIT": True,
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": False,
        "PASSWORD": "",
        "TIME_ZONE": None,
        **settings,
    }


@pytest.fixture
def connect(django_db_blocker: Any) -> Iterator[Callable[..., BaseDatabaseWrapper]]:
    """Opens Django's connections to servers that no alias names."""
    opened: list[BaseDatabaseWrapper] = []

    def connect(server: Postgres | MariaDB, **more: Any) -> BaseDatabaseWrapper:
        settings = completed({**server.settings(DATABASE), **more})
        backend = load_backend(settings["ENGINE"])
        opened.append(backend.DatabaseWrapper(settings, alias="replica1"))
        return opened[-1]

    with django_db_blocker.unblock():
        yield connect
        for connection in opened:
            connection.close()


@pytest.fixture(autouse=True)
def no_pool_is_left() -> Iterator[None]:
    """Closes what a test left in a pool: Django keeps pools by alias, whatever server it is now."""
    yield
    while PostgreSQL._connection_pools:
        PostgreSQL._connection_pools.popitem()[1].close()


@pytest.fixture
def aliases(pair: Pair, django_db_blocker: Any) -> Iterator[None]:
    """The servers in the places of "default" and "replica1"."""
    servers = {"default": pair.primary, "replica1": pair.replica}
    before = {alias: connections[alias] for alias in servers}
    for alias, server in servers.items():
        settings = {**before[alias].settings_dict, "TEST": {}, **server.settings(DATABASE)}
        connections[alias] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, alias)
    with django_db_blocker.unblock():
        yield
        for alias, connection in before.items():
            connections[alias].close()
            connections[alias] = connection


@pytest.fixture
def here(django_db_blocker: Any, monkeypatch: Any) -> Iterator[Callable[[Pair], None]]:
    """Makes a pair "default" and "replica1" of this process, in every thread."""
    before = {alias: connections[alias] for alias in ("default", "replica1")}

    def here(pair: Pair) -> None:
        for alias, server in {"default": pair.primary, "replica1": pair.replica}.items():
            settings = completed({**connections.settings[alias], **server.settings(DATABASE)})
            monkeypatch.setitem(connections.settings, alias, {**settings, "TEST": {}})
            del connections[alias]
        forget_in_thread_of_async_code()

    with django_db_blocker.unblock():
        yield here
        forget_in_thread_of_async_code()
        for alias, connection in before.items():
            connections[alias].close()
            connections[alias] = connection


def forget_in_thread_of_async_code() -> None:
    """It outlives a test, and has connections to the servers of the one before."""

    def forget() -> None:
        connections.close_all()
        for alias in connections.settings:
            with suppress(AttributeError):
                del connections[alias]

    SyncToAsync.single_thread_executor.submit(forget).result()


@pytest.fixture
def pair_here(pair: Pair, here: Callable[[Pair], None]) -> Pair:
    """The pair in this process."""
    here(pair)
    return pair


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with service(Redis()) as server:
        server.grow_old()
        yield server


KINDS = {
    "sync-cookie": ("wsgi", "sync_urls", ["cookie"]),
    "sync-redis": ("wsgi", "sync_urls", ["redis"]),
    "async-cookie": ("asgi", "async_urls", ["cookie"]),
    "async-redis": ("asgi", "async_urls", ["redis"]),
    "sync-both": ("wsgi", "sync_urls", ["cookie", "redis"]),
    "async-both": ("asgi", "async_urls", ["cookie", "redis"]),
}


@pytest.fixture(scope="session")
def running() -> Iterator[dict[str, Site]]:
    """All sites that were started."""
    with ExitStack() as stack:
        sites: dict[str, Site] = {}
        stack.callback(lambda: [site.close() for site in sites.values()])
        yield sites


@pytest.fixture
def sites(
    vendor: str, pair: Pair, redis: Redis, running: dict[str, Site]
) -> Iterator[Callable[..., Site]]:
    """Starts sites, each kind once."""

    def find(kind: str, **more: Any) -> Site:
        key = f"{vendor} {kind} {more}"
        if key not in running:
            server, urls, stores = KINDS[kind]
            settings = pair.settings(urls=urls, stores=stores, redis=redis.url, **more)
            running[key] = Site(server, settings)
            running[key].start()
        return running[key]

    yield find
    for site in running.values():
        site.close_clients()


@pytest.fixture(params=["sync-cookie", "sync-redis", "async-cookie", "async-redis"])
def site(request: pytest.FixtureRequest, pair: Pair, sites: Callable[..., Site]) -> Site:
    """The site in each of its kinds."""
    return sites(request.param)
