"""Settings of the example. `demo.py` starts the servers and says where they are."""

import os
from typing import Any

from pinning.move import moved


def _postgres(server: str, name: str, **extra: Any) -> dict[str, Any]:
    host, _, port = server.partition(":")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": "postgres",
        "PASSWORD": os.environ["DATABASE_PASSWORD"],
        "HOST": host,
        "PORT": port,
        "OPTIONS": {"connect_timeout": 2},
        **extra,
    }


# "host:port" of the primary, and of each replica.
_PRIMARY, *_REPLICAS = os.environ["SERVERS"].split()
_NUMBERS = range(1, len(_REPLICAS) + 1)

# Two clusters. To start quickly, they are two databases of the same servers.
DATABASES = {"default": _postgres(_PRIMARY, "board"), "archive": _postgres(_PRIMARY, "archive")}
for _number, _replica in zip(_NUMBERS, _REPLICAS, strict=True):
    DATABASES |= {
        f"replica{_number}": _postgres(_replica, "board", TEST={"MIRROR": "default"}),
        f"archive{_number}": _postgres(_replica, "archive", TEST={"MIRROR": "archive"}),
    }

INSTALLED_APPS = [
    "pinning",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    "example_project.activity",
    "example_project.board",
    "example_project.panel",
]
MIDDLEWARE = [
    "pinning.middleware.PinningMiddleware",
    "example_project.panel.reads.ReadLogMiddleware",
    "example_project.panel.modes.ModeMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "example_project.board.no_answer.NoAnswerMiddleware",
]
# A site names pinning.router.PinningRouter itself; this one is it, with a switch to turn it off.
DATABASE_ROUTERS = ["example_project.panel.modes.SwitchedRouter"]
PINNING = {
    "REPLICAS": {
        "default": [f"replica{number}" for number in _NUMBERS],
        "archive": [f"archive{number}" for number in _NUMBERS],
    },
    # Where the events are: they move by `pinning_move`, and then EVENTS=archive says so.
    "MODELS": {
        "activity": os.environ.get("EVENTS")
        or moved("activity.Event", from_="default", to="archive")
    },
    "WINDOW": 5,
    # Longer than anybody reads a step of the tour, in which the replica is paused.
    "MAX_LAG": 900,
    "MAX_PIN": 1200,
    "RETRY_AFTER": 2,
}

if "REDIS_URL" in os.environ:
    CACHES = {
        "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": os.environ["REDIS_URL"]}
    }

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    },
]
ROOT_URLCONF = "example_project.urls"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "board"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

SECRET_KEY = "known to everybody: this project is served to your own machine alone"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
# Cookies do not tell ports apart: under the usual names, a visit would end the session of whatever
# other Django project is served on this machine.
SESSION_COOKIE_NAME = "board_session"
CSRF_COOKIE_NAME = "board_csrftoken"
DEBUG = True
# The page asks for its live parts every second: say what goes wrong, not each request.
LOGGING = {"version": 1, "loggers": {"django.server": {"level": "ERROR"}}}

# What shows developers and staff where reads go: TOOLS=1 make demo.
if "TOOLS" in os.environ:
    INSTALLED_APPS += [
        "django.contrib.messages",
        "django.contrib.admin",
        "debug_toolbar",
        "pinning.contrib.admin",
    ]
    MIDDLEWARE = [
        "debug_toolbar.middleware.DebugToolbarMiddleware",
        *MIDDLEWARE,
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    TEMPLATES[0]["OPTIONS"]["context_processors"].append(
        "django.contrib.messages.context_processors.messages"
    )
    DEBUG_TOOLBAR_PANELS = [
        "debug_toolbar.panels.sql.SQLPanel",
        "pinning.contrib.debug_toolbar.PinningPanel",
    ]
    DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": "example_project.urls.has_toolbar"}
