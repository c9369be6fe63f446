"""django-cachalot: results by alias, and a write forgets those of the primary's alias alone."""

from ecosystem.project import migrate, start

PAIR = start(
    apps=("cachalot",),
    CACHALOT_DATABASES={"default"},
)
migrate(PAIR)

from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from cachalot.api import invalidate  # noqa: E402
from cachalot.settings import cachalot_settings  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.checks import run_checks  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from ecosystem.journeys import Journeys  # noqa: E402


class TestCachalot(Journeys):
    """With the primary alone in CACHALOT_DATABASES."""


@pytest.fixture
def caches_replicas() -> Iterator[None]:
    """The default of CACHALOT_DATABASES: every database."""
    invalidate()
    cachalot_settings.CACHALOT_DATABASES = frozenset({"default", "replica1"})
    yield
    cachalot_settings.CACHALOT_DATABASES = frozenset(settings.CACHALOT_DATABASES)
    invalidate()


@pytest.mark.usefixtures("caches_replicas")
def test_by_default_an_old_result_outlives_the_pin(pair: Any, client: Client) -> None:
    """Why the setting is needed: the replica has the write, and its old result is shown still."""
    client.get("/")
    client.post("/edit", {"text": "new"})
    pair.replica.wait_until_caught_up()
    assert client.get("/").json() == {"texts": ["old"], "reads": ["caught_up"]}


def test_the_check_names_the_setting() -> None:
    assert "pinning.W021" not in {each.id for each in run_checks()}
    with override_settings(CACHALOT_DATABASES="supported_only"):
        assert "pinning.W021" in {each.id for each in run_checks()}
