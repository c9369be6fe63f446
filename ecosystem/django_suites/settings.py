"""Settings for Django's ``runtests.py``: two clusters on SQLite, with a replica each.

A replica's alias leads to its primary's file, by a connection of its own that cannot write. Without
``WAY`` in the environment there are neither replicas nor pinning. See ``runner``.
"""

import os
import tempfile
from pathlib import Path

WAY = os.environ.get("WAY", "")

_FOLDER = Path(tempfile.mkdtemp(prefix="django-suites-"))


# Readers do not stop writers, as it is with a replica.
_PRIMARY = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"
_REPLICA = "PRAGMA query_only = ON"


def _database(primary: str, on_connect: str, **test: str) -> dict[str, object]:
    place = str(_FOLDER / f"{primary}.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": place,
        "OPTIONS": {"init_command": on_connect},
        "TEST": test or {"NAME": place},
    }


DATABASES = {name: _database(name, _PRIMARY) for name in ("default", "other")}
if WAY:
    REPLICAS = {"default": ["default_replica"], "other": ["other_replica"]}
    DATABASES |= {
        replica: _database(primary, _REPLICA, MIRROR=primary)
        for primary, replicas in REPLICAS.items()
        for replica in replicas
    }
    DATABASE_ROUTERS = ["pinning.router.PinningRouter"]
    PINNING = {"REPLICAS": REPLICAS}

TEST_RUNNER = "ecosystem.django_suites.runner.Runner"
SECRET_KEY = "not a secret"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
