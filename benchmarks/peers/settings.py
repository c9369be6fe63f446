"""Settings of the site. Which way it goes, and where its servers are, the environment tells."""

import json
import os

from benchmarks.peers.ways import PRIMARY, REPLICA, way_of

_GIVEN = json.loads(os.environ["PINNING_BENCHMARK"])
_WAY = way_of(_GIVEN["way"])

globals().update(_WAY.django_settings())

SECRET_KEY = "benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.peers.views"
INSTALLED_APPS = [*_WAY.apps, "benchmarks.peers"]
MIDDLEWARE = ["benchmarks.peers.counts.counted", *_WAY.django_settings()["MIDDLEWARE"]]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {
    alias: {**_GIVEN[alias], "CONN_MAX_AGE": None, "TEST": test}
    for alias, test in {PRIMARY: {}, REPLICA: {"MIRROR": PRIMARY}}.items()
}
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": _GIVEN["redis"],
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.2},
    }
}
HAS_POSITIONS = _WAY.has_positions
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "ERROR"}},
}
