"""Snippets of settings: the checks have nothing against them, and the README's start a site."""

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import checks

from tests.docs.pages import README, ROOT, SNIPPETS, Snippet

SNIPPETS_OF_SETTINGS = [
    pytest.param(snippet, id=str(snippet))
    for snippet in SNIPPETS
    if snippet.is_settings and snippet.is_runnable and not snippet.path
]

#: What the pages take for granted.
AROUND = {
    "DATABASES": {
        **django_settings.DATABASES,
        "replica2": {"TEST": {"MIRROR": "default"}},
        "legacy": {},
    },
    "CACHES": {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.2},
        }
    },
    "SESSION_COOKIE_SECURE": True,
}

#: What the checks may say: of models that are not installed in tests, and of the tests' own.
EXPECTED = (
    *("django_tasks_database", "search.Hit", "shop.Order.customer"),
    "counts 'id' by itself",  # a key of the tests' own models
)


def values_of(snippet: Snippet) -> dict[str, Any]:
    """The settings that it sets, without what ``...`` stands for."""
    names: dict[str, Any] = {}
    exec(snippet.text, names)
    values = {name: value for name, value in names.items() if name.isupper()}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = [item for item in value if item is not ...]
    return values


@pytest.mark.django_db(databases="__all__")  # a check of Django 6.1 asks what SQLite can do
@pytest.mark.parametrize("snippet", SNIPPETS_OF_SETTINGS)
def test_the_checks_have_nothing_against_it(snippet, settings, monkeypatch):
    values = {**AROUND, **values_of(snippet)}
    settings.PINNING = values.pop("PINNING", settings.PINNING)
    settings.CACHES = values.pop("CACHES")
    for name, value in values.items():
        monkeypatch.setattr(django_settings, name, value)
    is_complete = values["DATABASES"] is not AROUND["DATABASES"]
    found = [
        message
        for message in checks.run_checks(include_deployment_checks=is_complete)
        if str(message.id).startswith("pinning.")
        and not any(words in message.msg for words in EXPECTED)
    ]
    assert found == []


def test_the_logging_can_be_configured():
    (snippet,) = [snippet for snippet in SNIPPETS if "LOGGING = " in snippet.text]
    code = f"{snippet.text}\nfrom logging.config import dictConfig; dictConfig(LOGGING)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def readme_block(name: str) -> str:
    """The first code block of the README that sets ``name``."""
    blocks = (snippet for snippet in SNIPPETS if snippet.page == README)
    return next(block.text for block in blocks if f"{name} = " in block.text)


def test_the_settings_of_the_readme_start_a_site_that_shows_what_was_written(tmp_path):
    (tmp_path / "site_settings.py").write_text(readme_block("PINNING") + readme_block("DATABASES"))
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tests/docs/readme_site.py", tmp_path],
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "DJANGO_SETTINGS_MODULE": "site_settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "System check identified no issues (0 silenced).",
        "visitor: contenttypes replica",
        "writer: contenttypes new",
        "writer: contenttypes new",
        "visitor: contenttypes replica",
    ]
