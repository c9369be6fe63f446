"""Django's tasks: a site that enqueues, and the database worker of django-tasks-db."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import django
import pytest

from pinning.pins import signing
from pinning.pins.pin import Pin, Pins
from tests.live.site.clients import Client, Site, last_read
from tests.live.site.pair import Pair

if django.VERSION < (6, 0):
    pytest.skip("Django has tasks since 6.0.", allow_module_level=True)

PINS = Pins([Pin(cluster="default", written_at=2e9, timeline="1.1", position=1)])


class Worker(Site):
    """The database worker."""

    title: ClassVar[str] = "The worker"

    def _command(self) -> Sequence[str | Path]:
        command = [sys.executable, "-m", "django", "db_worker"]
        return [*command, "--interval", "0.05", "--no-startup-delay"]

    def _answers(self) -> bool:
        return "Starting worker" in self.log()


@pytest.fixture(scope="module")
def tasks_site(session_pair: Pair) -> Iterator[Site]:
    """A site with a worker behind it. Only a position holds a pin for longer than 0.3 s."""
    settings = session_pair.settings(
        urls="tasks",
        apps=["django_tasks_db"],
        pinning={
            "WINDOW": 0.3,
            "PRIMARY_MODELS": ["django_tasks_database.DBTaskResult"],
            "UNPINNED_MODELS": ["django_tasks_database.DBTaskResult"],
        },
    )
    with Site("wsgi", settings) as site:
        site.manage("migrate", "django_tasks_database", "-v", "0")
        session_pair.replica.wait_until_caught_up()
        with Worker("database", settings):
            yield site


@pytest.fixture
def client(pair: Pair, tasks_site: Site) -> Iterator[Client]:
    yield tasks_site.client()
    tasks_site.close_clients()


def test_a_task_sees_what_the_request_wrote(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    seen = client.ordered("/order/read", "mine")
    assert (seen["notes"], seen["read"]) == (["mine"], ["default", "pinned"])
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    seen = client.ordered("/order/read")
    assert (seen["notes"], seen["read"]) == (["mine"], ["replica1", "caught_up"])
    assert seen["is_outermost"]


def test_without_pins_the_primary_serves_unless_declared(client: Client) -> None:
    assert client.ordered("/order/read")["read"] == ["default", "no_pins"]
    assert client.ordered("/order/read_declared")["read"] == ["replica1", "use_replica"]


@pytest.mark.parametrize("path", ["/order/later", "/order/on-commit"])
def test_a_position_holds_longer_than_the_window(client: Client, pair: Pair, path: str) -> None:
    pair.replica.pause_replay()
    seen = client.ordered(path, "mine")
    assert (seen["notes"], seen["read"]) == (["mine"], ["default", "pinned"])


def test_what_is_not_committed_yet_travels_by_the_clock(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    seen = client.ordered("/order/in-transaction", "mine")
    assert seen["read"] == ["default", "no_pins"]  # the pin is over


def test_what_a_task_wrote_is_handed_to_who_waits_for_it(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    id = client.get("/order/write", params={"text": "by a task"}).json()["id"]  # noqa: A001
    client.get(f"/result/{id}")
    assert client.notes() == []
    client.get(f"/result/{id}?take")
    response = client.get("/notes")
    assert response.json()["notes"] == ["by a task"]
    assert last_read(response) == ("default", "pinned")


def test_a_task_that_failed_leaves_no_scope_behind(client: Client) -> None:
    assert client.ordered("/order/fail") == {"error": "builtins.RuntimeError"}
    seen = client.ordered("/order/read")
    assert (seen["read"], seen["is_outermost"]) == (["default", "no_pins"], True)


@pytest.mark.parametrize(
    "pins",
    ["broken", signing.sign(PINS, signing.COOKIE), signing.sign(PINS, signing.CARRIED)[:-1]],
    ids=["broken", "of a cookie", "cut off"],
)
def test_forged_pins_are_none(client: Client, pins: str) -> None:
    assert client.ordered("/order/forged", pins=pins)["read"] == ["default", "no_pins"]
