"""Settings of the sites that the crowds visit, which are given what a stage has."""

from pinning.testing.site import given

_GIVEN = given()
_REDIS_SECONDS = _GIVEN.get("redis_timeout")

SECRET_KEY = _GIVEN.get("secret_key", "proof")
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
INSTALLED_APPS = [
    "pinning",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "pinning.verify",
    "proof",
    *_GIVEN.get("apps", []),
]
MIDDLEWARE = [
    "pinning.middleware.PinningMiddleware",
    "django.middleware.common.CommonMiddleware",  # Content-Length: connections are kept
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "proof.urls"
DATABASES = _GIVEN.get("databases", {})
DATABASE_ROUTERS = ["pinning.router.PinningRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PINNING = {
    "REPLICAS": {"default": [alias for alias in DATABASES if alias != "default"]},
    "STORES": _GIVEN.get("stores", ["cookie"]),
    "RETRY_AFTER": 0.5,
    "WAIT": _GIVEN.get("wait", 0),
    "TASK_WAIT": _GIVEN.get("wait", 0),
    **_GIVEN.get("pinning", {}),
}
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": _GIVEN.get("redis", ""),
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": _REDIS_SECONDS, "SOCKET_TIMEOUT": _REDIS_SECONDS},
    },
    "table": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "proof_cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},  # beyond it, locks that are held would go
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
