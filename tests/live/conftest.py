"""A primary and a replica for the whole run, sites that use them, and clients."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import redis as redis_py
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

from pinning.testing.mariadb import MariaDB, MariaDBReplica
from pinning.testing.postgres import Postgres, Replica
from pinning.testing.processes import Server
from pinning.testing.redis import Redis
from tests.services import service

ROOT = Path(__file__).parents[2]
DATABASE = "app"


#: For tests that hold on both: ``@on_each_database``, or ``pytestmark = on_each_database``.
on_each_database = pytest.mark.parametrize("vendor", ["postgresql", "mariadb"], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)
    # What a store does is the same for each database: once is enough.
    items[:] = [item for item in items if not ("mariadb" in item.name and "redis" in item.name)]


@dataclass
class Pair:
    """A primary and its replica, with the site's tables."""

    primary: Postgres | MariaDB
    replica: Replica | MariaDBReplica

    def settings(self, **more: Any) -> dict[str, Any]:
        """What tests/live/settings.py takes from the environment."""
        return {
            "primary": self.primary.settings(DATABASE),
            "replicas": {"replica1": self.replica.settings(DATABASE)},
            "stores": ["cookie"],
            "atomic_requests": False,
            "urls": "sync_urls",
            "redis": "",
            "pinning": {},
            **more,
        }

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement on the primary."""
        return self.primary.execute(statement, database=DATABASE)

    def reset(self) -> None:
        """Empty tables, one user, everything replayed."""
        self.replica.set_delay(0)
        self.replica.resume_replay()
        tables = ("attachment", "note_tags", "note", "tag", "comment")
        self.execute("".join(f"DELETE FROM notes_{table};" for table in tables))
        self.execute("DELETE FROM django_session")
        self.replica.wait_until_caught_up()


class Site(Server):
    """The site in a process of its own."""

    title: ClassVar[str] = "The site"

    def __init__(self, kind: str, settings: dict[str, Any]) -> None:
        super().__init__()
        self.account = None
        self._kind = kind
        self._settings = settings
        self._clients: list[Client] = []

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def client(self, cookies: Any = None, *, follows: bool = True) -> "Client":
        """A new visitor, with a cookie jar."""
        client = Client(base_url=self.url, follow_redirects=follows, timeout=20, cookies=cookies)
        self._clients.append(client)
        return client

    def close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()

    def _environment(self) -> dict[str, str]:
        return environment(self._settings)

    def _command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "tests.live.serve", self._kind, str(self.port)]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/nowhere").status_code == 404
        except httpx.TransportError:
            return False


class Client(httpx.Client):
    """A browser, as far as cookies and redirects go."""

    def notes(self, path: str = "/notes") -> list[str]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        notes: list[str] = response.json()["notes"]
        return notes

    def ordered(self, path: str, write: str = "", **params: Any) -> dict[str, Any]:
        """What the task that ``path`` orders reports, after a write of ``write`` if any."""
        if write:
            response = self.post(path, data={"text": write}, params=params)
        else:
            response = self.get(path, params=params)
        assert response.status_code == 200, response.text
        result: dict[str, Any] = self.get(f"/result/{response.json()['id']}").json()
        return result

    def write(self, text: str, path: str = "/notes") -> httpx.Response:
        return self.post(path, data={"text": text})


def reads(response: httpx.Response) -> list[tuple[str, str, str]]:
    """Model, alias and reason of each of the router's answers."""
    return [tuple(read) for read in json.loads(response.headers["X-Reads"])]


def last_read(response: httpx.Response) -> tuple[str, str]:
    """Alias and reason of the last one."""
    return reads(response)[-1][1:]


def environment(settings: dict[str, Any]) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.live.settings",
        "PINNING_LIVE": json.dumps(settings),
    }


def manage(settings: dict[str, Any], *arguments: str) -> None:
    command = [sys.executable, "-m", "django", *arguments]
    done = subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def make_pair(stack: ExitStack, vendor: str = "postgresql") -> Pair:
    server = {"postgresql": Postgres, "mariadb": MariaDB}[vendor]
    primary = stack.enter_context(service(server.primary()))
    primary.create_database(DATABASE)
    replica = stack.enter_context(service(primary.replica()))
    pair = Pair(primary, replica)
    manage(pair.settings(), "migrate", "auth", "-v", "0")  # which tests.notes refers to
    manage(pair.settings(), "migrate", "--run-syncdb", "-v", "0")
    create = "from django.contrib.auth.models import User; User.objects.create_user"
    manage(pair.settings(), "shell", "-v", "0", "-c", f"{create}('writer', password='secret')")
    replica.wait_until_caught_up()
    return pair


@pytest.fixture(scope="session")
def session_pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield make_pair(stack)


@pytest.fixture(scope="session")
def mariadb_pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield make_pair(stack, "mariadb")


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> str:
    """PostgreSQL, unless the test asks for others: see ``on_each_database``."""
    return getattr(request, "param", "postgresql")


@pytest.fixture
def pair(vendor: str, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Both servers with empty tables, nothing lags yet."""
    name = {"postgresql": "session_pair", "mariadb": "mariadb_pair"}[vendor]
    pair: Pair = request.getfixturevalue(name)
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


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with service(Redis()) as server:
        remember(server)
        yield server


def remember(server: Redis) -> None:
    """Let the store take the server's memory for old enough to know all pins."""
    with redis_py.Redis.from_url(server.url) as client:
        client.set("pinning:{memory}:lasting", 1)


KINDS = {
    "sync-cookie": ("wsgi", "sync_urls", ["cookie"]),
    "sync-redis": ("wsgi", "sync_urls", ["redis"]),
    "async-cookie": ("asgi", "async_urls", ["cookie"]),
    "async-redis": ("asgi", "async_urls", ["redis"]),
    "sync-both": ("wsgi", "sync_urls", ["cookie", "redis"]),
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
