"""docs/one-to-many.md: the walk from a legacy database to a site, with another database down."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT

SETTINGS = """
DATABASES = {{
    "default": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": "site",
        "HOST": "127.0.0.1", "PORT": 1, "OPTIONS": {{"connect_timeout": 2}},
    }},
    "legacy": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {legacy!r}}},
}}
DATABASES["replica1"] = {{**DATABASES["default"], "TEST": {{"MIRROR": "default"}}}}
DATABASE_ROUTERS = ["pinning.router.PinningRouter"]
MIDDLEWARE = ["pinning.middleware.PinningMiddleware"]
INSTALLED_APPS = ["pinning", "django.contrib.contenttypes", *{apps!r}]
PINNING = {pinning!r}
SECRET_KEY = "legacy"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "site_urls"
USE_TZ = True
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder, with the legacy database."""
    database = sqlite3.connect(tmp_path / "legacy.sqlite3")
    with database:
        database.execute("CREATE TABLE orders (id integer PRIMARY KEY, item text NOT NULL)")
        database.execute("INSERT INTO orders (item) VALUES ('ink')")
    database.close()
    return tmp_path


def run(folder: Path, *arguments: object) -> str:
    """What a program of Python prints there."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{folder}",
            "DJANGO_SETTINGS_MODULE": "site_settings",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def settle(folder: Path, pinning: dict[str, Any], *apps: str) -> None:
    """Write the settings anew."""
    legacy = str(folder / "legacy.sqlite3")
    text = SETTINGS.format(legacy=legacy, apps=apps, pinning=pinning)
    (folder / "site_settings.py").write_text(text)


def test_one_to_many(page, folder):
    settle(folder, {"REPLICAS": {"default": ["replica1"]}})
    run(folder, "-m", "django", "startapp", "shop")
    models = run(folder, "-m", "django", "inspectdb", "--database", "legacy")
    assert "managed = False" in models
    (folder / "shop" / "models.py").write_text(models)
    settle(folder, page.PINNING, "shop")
    assert run(folder, ROOT / "tests/docs/legacy_site.py").splitlines() == [
        "System check identified no issues (0 silenced).",
        "orders: ink",
        "a write: shop.Orders cannot be written to the cluster 'legacy': PINNING['READ_ONLY'] "
        "names it. Take it out of READ_ONLY, or write to another cluster.",
        "the rest: down",
        "orders: ink",
    ]
