"""A project in a process of its own, and a primary and a replica for it."""

import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pinning.testing.pair import Pair
from pinning.testing.processes import ServerError
from pinning.testing.site import Site, given
from proof.acts import VENDORS
from tests.services import service

pytestmark = pytest.mark.live

SETTINGS = """
from pinning.testing.site import given
SECRET_KEY = "a project's"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.contenttypes", "things"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "views"
DATABASES = given().get("databases", {})
WORD = given()["word"]
"""
MODELS = """
from django.db import models

class Thing(models.Model):
    name = models.CharField(max_length=9)
"""
VIEWS = """
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("word", lambda request: HttpResponse(settings.WORD))]
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules that can be imported from here."""
    (tmp_path / "settings_of_site.py").write_text(SETTINGS)
    (tmp_path / "views.py").write_text(VIEWS)
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "__init__.py").touch()
    (tmp_path / "things" / "models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture(scope="module", params=VENDORS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with service(Pair.running(request.param, database="things")) as pair:
        yield pair


def word(site: Site) -> str:
    with urllib.request.urlopen(f"{site.url}/word", timeout=5) as response:
        return response.read().decode()


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_site_is_served_with_what_it_was_given(kind: str):
    with Site("settings_of_site", {"word": "hello"}, kind=kind) as site:
        assert word(site) == "hello"


def test_at_its_next_start_it_may_be_given_something_else():
    with Site("settings_of_site", {"word": "hello"}) as site:
        site.stop()
        site.given = {"word": "goodbye"}
        site.start()
        assert word(site) == "goodbye"


def test_a_site_that_cannot_start_says_why():
    with pytest.raises(ServerError, match="KeyError: 'word'"), Site("settings_of_site"):
        pass


def test_a_stranger_on_its_port_is_not_taken_for_it():
    with Site("settings_of_site", {"word": "another"}) as stranger:
        site = Site("settings_of_site", {"word": "hello"})
        site.port = stranger.port
        with pytest.raises(ServerError, match="Address already in use"), site:
            pass


def test_a_command_that_fails_says_why():
    with closing(Site("settings_of_site", {"word": ""})) as site:
        with pytest.raises(ServerError, match="Unknown command: 'no_such_command'"):
            site.manage("no_such_command")


def test_nobody_is_given_anything_elsewhere():
    assert given() == {}


def test_a_pair_gets_the_tables_of_a_site_and_replicates_them(pair: Pair):
    with closing(Site("settings_of_site", {"word": "", "databases": pair.databases()})) as site:
        pair.create_tables(site)
    pair.execute("INSERT INTO things_thing (name) VALUES (%s)", ["one"])
    pair.catch_up()
    on_replica = pair.replica.execute("SELECT name FROM things_thing", database="things")
    assert on_replica == [("one",)]


def test_a_pair_that_is_paused_replays_nothing_until_the_block_ends(pair: Pair):
    with pair.paused():
        pair.execute("CREATE TABLE later (number int)")
        assert not has_table(pair, "later")
    pair.catch_up()
    assert has_table(pair, "later")


def test_a_pair_catches_up_however_late_it_was(pair: Pair):
    pair.replica.set_delay(600)
    pair.replica.pause_replay()
    pair.execute("CREATE TABLE late (number int)")
    pair.catch_up()
    assert has_table(pair, "late")


def test_its_databases_are_as_a_project_names_them(pair: Pair):
    found = pair.databases(CONN_MAX_AGE=None)
    assert list(found) == ["default", "replica1"]
    assert found["replica1"]["TEST"] == {"MIRROR": "default"}
    assert [entry["CONN_MAX_AGE"] for entry in found.values()] == [None, None]


def has_table(pair: Pair, name: str) -> bool:
    question = "SELECT 1 FROM information_schema.tables WHERE table_name = %s"
    return bool(pair.replica.execute(question, [name], database="things"))
