"""Celery: a site that publishes, a broker, and workers in processes of their own."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery

from pinning.pins import signing
from pinning.pins.pin import Pin, Pins
from pinning.testing.redis import Redis
from tests.live.site.clients import Client, Site, last_read
from tests.live.site.pair import Pair
from tests.live.site.web_servers import Worker
from tests.services import service

POOLS = ["solo", "threads", "prefork"]

#: So short that only a position can hold a pin for longer than it takes to run a task.
WINDOW = 0.3
LONGER = 1


@pytest.fixture(scope="module")
def settings(session_pair: Pair) -> Iterator[dict[str, Any]]:
    with service(Redis()) as broker:
        yield session_pair.settings(
            redis=broker.url,
            urls="background_urls",
            apps=["pinning.contrib.celery"],
            pinning={"WINDOW": WINDOW},
        )


@pytest.fixture(scope="module")
def workers(settings: dict[str, Any]) -> Iterator[Callable[[str], Worker]]:
    """Starts workers, each pool's once."""
    started: dict[str, Worker] = {}

    def find(pool: str) -> Worker:
        if pool not in started:
            started[pool] = Worker(pool, settings)
            started[pool].start()
        return started[pool]

    yield find
    for worker in started.values():
        worker.kill()  # it would take its time
        worker.close()


@pytest.fixture(scope="module")
def celery_site(settings: dict[str, Any]) -> Iterator[Site]:
    with Site("wsgi", settings) as site:
        yield site


@pytest.fixture
def client(pair: Pair, celery_site: Site, workers: Callable[[str], Worker]) -> Iterator[Client]:
    """A visitor, with a worker behind the site."""
    workers("solo")
    yield celery_site.client()
    celery_site.close_clients()


@pytest.fixture
def stranger(pair: Pair, settings: dict[str, Any], workers: Callable[[str], Worker]) -> Celery:
    """An application that publishes without pinning."""
    workers("solo")
    app = Celery(broker=settings["redis"], backend=settings["redis"], set_as_current=False)
    app.conf.task_default_queue = "solo"
    return app


def sent(stranger: Celery, name: str, *args: str, **options: Any) -> Any:
    result = stranger.send_task(f"tests.live.site.celery_tasks.{name}", args, **options)
    return result.get(timeout=20, propagate=False)


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_sees_what_the_request_wrote_and_leaves_nothing_behind(
    client: Client, pair: Pair, workers: Callable[[str], Worker], pool: str
) -> None:
    workers(pool)
    pair.replica.pause_replay()
    seen = client.ordered("/order/read", "mine", queue=pool)
    assert (seen["notes"], seen["read"]) == (["mine"], ["default", "pinned"])
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    seen = client.ordered("/order/read", queue=pool)
    assert (seen["notes"], seen["read"]) == (["mine"], ["replica1", "caught_up"])
    assert seen["is_outermost"]


def test_without_pins_the_primary_serves_unless_declared(stranger: Celery, pair: Pair) -> None:
    assert sent(stranger, "read")["read"] == ["default", "no_pins"]
    assert sent(stranger, "read_declared")["read"] == ["replica1", "use_replica"]
    assert sent(stranger, "read_in_scope")["read"] == ["replica1", "replica"]
    assert sent(stranger, "write", "mine")["read"] == ["default", "written"]


def test_a_position_holds_longer_than_the_window(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    seen = client.ordered("/order/read", "mine", countdown=LONGER)
    assert (seen["notes"], seen["read"]) == (["mine"], ["default", "pinned"])


def test_what_is_not_committed_yet_travels_by_the_clock(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    seen = client.ordered("/order/in-transaction", "mine", countdown=LONGER)
    assert seen["read"] == ["default", "no_pins"]  # the pin is over


def test_on_commit_there_is_a_position(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    seen = client.ordered("/order/on-commit", "mine", countdown=LONGER)
    assert (seen["notes"], seen["read"]) == (["mine"], ["default", "pinned"])


def test_a_retry_keeps_the_pins_and_the_headers(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    seen = client.ordered("/order/read_on_retry/with-headers", "mine")
    assert (seen["notes"], seen["read"]) == (["mine"], ["default", "pinned"])
    assert seen["mine"] == "kept"


def test_a_task_that_is_delivered_again_sees_what_it_wrote_before(
    client: Client, pair: Pair
) -> None:
    client.write("mine")
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    seen = client.ordered("/order/write_and_requeue")
    assert seen["notes"] == ["mine", "by a task"]
    assert seen["read"] == ["default", "pinned"]


@pytest.mark.parametrize("caught_up", [True, False])
def test_a_task_comes_back_when_the_replica_has_what_it_must_see(
    client: Client, pair: Pair, caught_up: bool
) -> None:
    """Once: if it is still behind then, the primary serves."""
    pair.replica.pause_replay()
    timer = threading.Timer(1 if caught_up else 10, pair.replica.resume_replay)
    timer.start()
    seen = client.ordered("/order/read_later", "mine")
    timer.cancel()
    assert (seen["notes"], seen["retries"]) == (["mine"], 1)
    assert seen["read"] == (["replica1", "caught_up"] if caught_up else ["default", "pinned"])


def test_headers_of_the_project_arrive(client: Client) -> None:
    assert client.ordered("/order/read/with-headers", "mine")["mine"] == "kept"


@pytest.mark.parametrize("path", ["/order/chain", "/order/chord"])
def test_what_follows_tasks_sees_what_they_wrote(client: Client, pair: Pair, path: str) -> None:
    client.write("mine")
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    seen = client.ordered(path, text="by a task")
    assert (seen["notes"], seen["read"]) == (["mine", "by a task"], ["default", "pinned"])


def test_each_task_of_a_group_sees_what_the_request_wrote(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    ids = client.post("/order/group", data={"text": "mine"}).json()["ids"]
    for id in ids:  # noqa: A001
        seen = client.get(f"/result/{id}").json()
        assert (seen["notes"], seen["read"]) == (["mine"], ["default", "pinned"])
    assert len(ids) == 3


def test_what_a_task_wrote_is_handed_to_who_waits_for_it(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    id = client.get("/order/write", params={"text": "by a task"}).json()["id"]  # noqa: A001
    client.get(f"/result/{id}")
    assert client.notes() == []
    client.get(f"/result/{id}?take")
    response = client.get("/notes")
    assert response.json()["notes"] == ["by a task"]
    assert last_read(response) == ("default", "pinned")
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    assert last_read(client.get("/notes")) == ("replica1", "caught_up")


def test_publishing_leaves_the_pins_to_the_response(client: Client, pair: Pair) -> None:
    pair.replica.pause_replay()
    client.ordered("/order/read", "mine")
    assert client.notes() == ["mine"]


def test_a_task_that_failed_leaves_no_scope_behind(stranger: Celery) -> None:
    assert isinstance(sent(stranger, "fail", "mine"), RuntimeError)
    seen = sent(stranger, "read")
    assert (seen["read"], seen["is_outermost"]) == (["default", "no_pins"], True)


PINS = Pins([Pin(cluster="default", written_at=2e9, timeline="1.1", position=1)])
FORGED = {
    "broken": "broken",
    "no text": 5,
    "a list": ["pins"],
    "huge": "x" * 200_000,
    "no pins": "",
    "of a cookie": signing.sign(PINS, signing.COOKIE),
    "cut off": signing.sign(PINS, signing.CARRIED)[:-1],
    "without its signature": signing.sign(PINS, signing.CARRIED)[24:],
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_message_runs_without_pins(stranger: Celery, what: str) -> None:
    headers = {"pinning": FORGED[what], "pinning_block": "x"}
    assert sent(stranger, "read", headers=headers)["read"] == ["default", "no_pins"]
