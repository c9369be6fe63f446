"""django-cacheops: results by their SQL, whichever database gave them."""

import atexit

from pinning.testing.redis import Redis

REDIS = Redis()
REDIS.start()
atexit.register(REDIS.close)

from ecosystem.project import migrate, start  # noqa: E402

PAIR = start(
    apps=("cacheops",),
    pinning={"PRIMARY_MODELS": ["notes.Note"]},
    CACHEOPS={"notes.*": {"ops": "all", "timeout": 600}},
    CACHEOPS_REDIS=REDIS.url,
)
migrate(PAIR)

from typing import Any  # noqa: E402

import pytest  # noqa: E402
from cacheops import invalidate_all  # noqa: E402
from django.core.checks import run_checks  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from ecosystem.project import REPLICAS  # noqa: E402


@pytest.fixture(autouse=True)
def emptied() -> None:
    """Nothing is cached."""
    invalidate_all()


def test_a_model_of_primary_models_is_cached_as_if_there_were_no_replicas(
    pair: Any, client: Client
) -> None:
    with pair.paused():
        assert client.get("/").json() == {"texts": ["old"], "reads": ["primary_model"]}
        client.post("/edit", {"text": "new"})
        assert client.get("/").json()["texts"] == ["new"]
        assert Client().get("/").json()["texts"] == ["new"]


@override_settings(PINNING={"REPLICAS": REPLICAS})
def test_without_it_an_old_row_from_the_replica_is_cached_for_its_writer(
    pair: Any, client: Client
) -> None:
    with pair.paused():
        client.post("/edit", {"text": "new"})
        invalidate_all()
        assert Client().get("/").json()["texts"] == ["old"]  # somebody else, of the replica
        assert client.get("/").json() == {"texts": ["old"], "reads": ["pinned"]}


def test_the_check_names_the_setting() -> None:
    assert "pinning.W022" not in {each.id for each in run_checks()}
    with override_settings(PINNING={"REPLICAS": REPLICAS}):
        assert "pinning.W022" in {each.id for each in run_checks()}
