"""System checks of packages that know one database alone. Stand-ins have their names."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import Warning  # noqa: A004
from django.db import connections
from django.test import override_settings

from pinning.checks import check_settings

PINNING = {"REPLICAS": {"default": ["replica1"]}}
EVERYTHING = {"*.*": {"ops": "all", "timeout": 1}}
NOTES = {"PRIMARY_MODELS": ["notes.Note"]}


def told_by_checks() -> list[Warning]:
    ids = {"pinning.W021", "pinning.W022", "pinning.W038"}
    return [each for each in check_settings() if each.id in ids]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Adds an app of this name, and settings. Returns what the checks of packages tell.

    Its models are what a file ``models.py`` in ``tmp_path`` has.
    """
    names = []

    def install(name: str, pinning: dict[str, Any] | None = None, **more: Any) -> list[Warning]:
        names.append(name)
        package = ModuleType(name)
        package.__path__ = [str(tmp_path)]
        monkeypatch.setitem(sys.modules, name, package)
        installed = [*settings.INSTALLED_APPS, name]
        with override_settings(
            INSTALLED_APPS=installed, PINNING={**PINNING, **(pinning or {})}, **more
        ):
            return told_by_checks()

    yield install
    for name in names:
        apps.all_models.pop(name, None)
        sys.modules.pop(f"{name}.models", None)
    apps.clear_cache()


@pytest.mark.parametrize(
    "cached",
    [
        {},
        {"CACHALOT_DATABASES": "supported_only"},
        {"CACHALOT_DATABASES": ["default", "replica1"]},
    ],
)
def test_cachalot_that_caches_a_replica_is_told(install: Any, cached: dict[str, Any]):
    (told,) = install("cachalot", **cached)
    assert told.id == "pinning.W021"
    assert told.hint == "Set CACHALOT_DATABASES = {'default'}."


@pytest.mark.parametrize(
    "cached", [{"CACHALOT_DATABASES": {"default"}}, {"CACHALOT_ENABLED": False}]
)
def test_cachalot_that_caches_no_replica_is_right(install: Any, cached: dict[str, Any]):
    assert install("cachalot", **cached) == []


@pytest.mark.parametrize(
    "profiles",
    [
        EVERYTHING,
        {"notes.*": {"ops": ["get"], "timeout": 1}},
        {"notes.note": {"ops": {"fetch"}, "timeout": 1}},
        {"Notes.Note": {"ops": "get", "timeout": 1}, "*.*": None},
    ],
)
def test_cacheops_that_caches_what_replicas_give_is_told(install: Any, profiles: dict[str, Any]):
    (told,) = install("cacheops", CACHEOPS=profiles)
    assert told.id == "pinning.W022"
    assert "notes.Note" in told.msg


def test_cacheops_profiles_may_have_defaults(install: Any):
    profiles = {"notes.note": {"timeout": 1}}
    assert install("cacheops", CACHEOPS=profiles) == []
    assert install("cacheops", CACHEOPS=profiles, CACHEOPS_DEFAULTS={"ops": "all"})


@pytest.mark.parametrize(
    ("pinning", "more"),
    [
        ({}, {}),
        ({}, {"CACHEOPS": {"notes.note": None, "*.*": {"timeout": 1}}}),
        ({}, {"CACHEOPS": EVERYTHING, "CACHEOPS_ENABLED": False}),
        (NOTES, {"CACHEOPS": {"notes.note": {"ops": "all", "timeout": 1}}}),
    ],
)
def test_cacheops_that_caches_what_the_primary_gives_is_right(
    install: Any, pinning: dict[str, Any], more: dict[str, Any]
):
    assert install("cacheops", pinning, **more) == []


def test_a_replica_that_cannot_be_set_to_a_tenant_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections["default"], "set_tenant", None, raising=False)
    (told,) = (each for each in check_settings() if each.id == "pinning.W020")
    assert "replica1" in told.msg
    monkeypatch.setattr(connections["replica1"], "set_tenant", None, raising=False)
    assert "pinning.W020" not in {each.id for each in check_settings()}


TOKEN = """
from django.db import models


class {name}(models.Model):
    class Meta:
        app_label = "{app}"
        swappable = "TOKEN_MODEL"
"""
TOKENS = ["authtoken.Token", "oauth2_provider.AccessToken", "knox.AuthToken"]


@pytest.fixture(params=TOKENS)
def token(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The label of a package's model of tokens, which ``install`` will find."""
    app, name = request.param.split(".")
    (tmp_path / "models.py").write_text(TOKEN.format(app=app, name=name))
    return str(request.param)


def test_a_token_that_a_replica_may_lack_is_told(install: Any, token: str):
    (told,) = install(token.partition(".")[0])
    assert told.id == "pinning.W038"
    assert told.msg.startswith(f"{token} may be read from a late replica")
    assert told.hint.startswith(f'Add "{token}" to PINNING["PRIMARY_MODELS"]')


def test_a_token_that_the_primary_gives_is_right(install: Any, token: str):
    app = token.partition(".")[0]
    assert install(app, {"PRIMARY_MODELS": [token]}) == []
    assert install(app, {"REPLICAS": {"default": []}}) == []


def test_a_model_of_the_project_s_own_in_its_place_is_named(install: Any, token: str):
    app = token.partition(".")[0]
    (told,) = install(app, TOKEN_MODEL="notes.Note")
    assert '"notes.Note"' in told.hint
    assert install(app, NOTES, TOKEN_MODEL="notes.Note") == []
