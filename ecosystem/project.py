"""A Django project in this process, on servers of its own, with another package installed."""

import atexit
from contextlib import ExitStack
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

from pinning.testing.pair import Pair

REPLICAS = {"default": ["replica1"]}
APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = [
    "pinning.middleware.PinningMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def start(
    *,
    apps: tuple[str, ...] = (),
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    engine: str = "",
    pinning: dict[str, Any] | None = None,
    **more: Any,
) -> Pair:
    """Start servers and Django on them. ``before`` and ``after`` are middleware around ours.

    It is called once in a process, before models are imported. The servers end with the process.
    """
    stack = ExitStack()
    atexit.register(stack.close)
    pair = stack.enter_context(Pair.running())
    databases = pair.databases(**({"ENGINE": engine} if engine else {}))
    settings.configure(
        **{
            "ALLOWED_HOSTS": ["*"],
            "DATABASES": databases,
            "DATABASE_ROUTERS": ["pinning.router.PinningRouter"],
            "INSTALLED_APPS": [*apps, *APPS, "ecosystem.notes", "pinning"],
            "MIDDLEWARE": [*before, *MIDDLEWARE, *after],
            "PINNING": {"REPLICAS": REPLICAS, **(pinning or {})},
            "ROOT_URLCONF": "ecosystem.notes.urls",
            "SECRET_KEY": "not a secret",
            "USE_TZ": True,
            **more,
        }
    )
    django.setup()
    return pair


def migrate(pair: Pair) -> None:
    """Make the tables, and wait until the replica has them."""
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # of apps without migrations
    pair.replica.wait_until_caught_up()
