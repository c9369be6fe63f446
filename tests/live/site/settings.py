"""Settings of the site that the journeys visit; what differs it is given."""

from pinning.testing.site import given
from tests.settings import *  # noqa: F403

_GIVEN = given()

ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "proof", *_GIVEN.get("apps", [])]  # noqa: F405
DATABASES = {
    "default": {**_GIVEN["primary"], "ATOMIC_REQUESTS": _GIVEN["atomic_requests"]},
    **{
        alias: {**database, "TEST": {"MIRROR": "default"}}
        for alias, database in _GIVEN["replicas"].items()
    },
    **_GIVEN.get("databases", {}),
}
PINNING = {
    "REPLICAS": {"default": list(_GIVEN["replicas"])},
    "STORES": _GIVEN["stores"],
    "RETRY_AFTER": 0.5,
    "WAIT": 0,
    "TASK_WAIT": 0,
    **_GIVEN["pinning"],
}
_REDIS_SECONDS = _GIVEN.get("redis_timeout", 0.2)
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": _GIVEN["redis"],
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": _REDIS_SECONDS, "SOCKET_TIMEOUT": _REDIS_SECONDS},
    },
    "table": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "proof_cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    },
    **_GIVEN.get("caches", {}),
}
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = _GIVEN["redis"]
CELERY_TASK_DEFAULT_QUEUE = "solo"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
TASKS = {"default": {"BACKEND": "tests.live.site.tasks.Backend"}}
MIDDLEWARE = [MIDDLEWARE[0], "tests.live.site.traced.trace_reads", *MIDDLEWARE[1:]]  # noqa: F405
ROOT_URLCONF = f"tests.live.site.{_GIVEN['urls']}"
if "asgi" in _GIVEN:
    ASGI_APPLICATION = f"tests.live.site.{_GIVEN['asgi']}"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
