"""Settings of the unit tests: a primary on SQLite, and replicas that mirror it."""

import os
import tempfile
from pathlib import Path

#: In memory where that can be: on a disk each of some 100,000 commits waits for it.
_MEMORY = Path("/dev/shm")
_FOLDER = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
#: Of this run alone: several may go on at once.
_PREFIX = _FOLDER / f"pinning-{os.getpid()}"


def _sqlite(**extra: object) -> dict[str, object]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{_PREFIX}.sqlite3", **extra}


SECRET_KEY = "tests"
USE_TZ = True
INSTALLED_APPS = [
    "pinning",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "tests.notes",
    "tests.shop",
    "tests.differential",
    "tests.move",
    "pinning.verify",
]
MIDDLEWARE = [
    "pinning.middleware.PinningMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": _sqlite(TEST={"NAME": f"{_PREFIX}-tests.sqlite3"}),
    "replica1": _sqlite(TEST={"MIRROR": "default"}),
    "replica2": _sqlite(TEST={"MIRROR": "default"}),
    "elsewhere": _sqlite(TEST={"NAME": f"{_PREFIX}-elsewhere.sqlite3"}),
    "orders": _sqlite(TEST={"NAME": f"{_PREFIX}-orders.sqlite3"}),
    "orders1": _sqlite(TEST={"MIRROR": "orders"}),
}
DATABASE_ROUTERS = ["pinning.router.PinningRouter"]
#: A replica of these tests is there at once or never: who waits has to say so.
PINNING = {"REPLICAS": {"default": ["replica1"]}, "WINDOW": 5, "WAIT": 0, "TASK_WAIT": 0}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_URL = "/static/"
ROOT_URLCONF = "tests.notes.urls"
TASKS = {
    "default": {"BACKEND": "tests.contrib.backends.AtOnce"},
    "later": {"BACKEND": "tests.contrib.backends.Later"},
    "never": {"BACKEND": "tests.contrib.backends.Never"},
}
