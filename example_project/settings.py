"""Settings of the example. `demo.py` starts the databases and says on which ports they are."""

import os
from typing import Any


def _postgres(port: str, **extra: Any) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "board",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": port,
        **extra,
    }


DATABASES = {
    "default": _postgres(os.environ["PRIMARY_PORT"]),
    "replica1": _postgres(os.environ["REPLICA_PORT"], TEST={"MIRROR": "default"}),
}

INSTALLED_APPS = [
    "pinning",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "example_project.board",
]
MIDDLEWARE = [
    "pinning.middleware.PinningMiddleware",
    "example_project.board.switch.SwitchMiddleware",
    "example_project.board.querylog.QueryLogMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# A site names pinning.router.PinningRouter itself; this one is it, with a switch to turn it off.
DATABASE_ROUTERS = ["example_project.board.switch.SwitchedRouter"]
PINNING = {"REPLICAS": {"default": ["replica1"]}, "WINDOW": 5}

TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]
ROOT_URLCONF = "example_project.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

SECRET_KEY = "known to everybody: this project is served to your own machine alone"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DEBUG = True
