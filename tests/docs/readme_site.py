"""A site with the README's settings, on files of SQLite in place of PostgreSQL.

Each replica has a row that tells its name, so that whoever reads can be seen in what they read.
"""

import shutil
import sys
import types
from pathlib import Path
from typing import Any

import django
import site_settings as settings


def filled(names: list[Any], own: str) -> list[str]:
    return [own if name is ... else name for name in names]


folder = Path(sys.argv[1])
settings.INSTALLED_APPS = filled(settings.INSTALLED_APPS, "django.contrib.contenttypes")
settings.MIDDLEWARE = filled(settings.MIDDLEWARE, "django.middleware.common.CommonMiddleware")
for alias, database in settings.DATABASES.items():
    database |= {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / alias, "OPTIONS": {}}
    del database["HOST"]
settings.ROOT_URLCONF = "site_urls"
settings.SECRET_KEY = "readme"
settings.ALLOWED_HOSTS = ["testserver"]
settings.USE_TZ = True
settings.SESSION_COOKIE_SECURE = True
django.setup()

# What follows needs the settings.
# ruff: noqa: E402
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path


def names(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        ContentType.objects.create(app_label=request.POST["name"], model="row")
    return HttpResponse(" ".join(sorted(row.app_label for row in ContentType.objects.all())))


sys.modules["site_urls"] = urls = types.ModuleType("site_urls")
urls.urlpatterns = [path("", names)]  # type: ignore[attr-defined]

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
for alias in ("replica1", "replica2"):
    shutil.copy(folder / "default", folder / alias)
    ContentType.objects.using(alias).bulk_create([ContentType(app_label="replica", model="row")])

visitor, writer = Client(), Client()
print("visitor:", visitor.get("/").content.decode())
print("writer:", writer.post("/", {"name": "new"}).content.decode())
print("writer:", writer.get("/").content.decode())
print("visitor:", visitor.get("/").content.decode())
