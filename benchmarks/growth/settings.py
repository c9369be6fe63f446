"""Settings of the site; where its servers are it is given."""

from benchmarks.settings import *  # noqa: F403
from pinning.testing.site import given

_GIVEN = given()

INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sessions"]  # noqa: F405
ALLOWED_HOSTS = ["127.0.0.1"]
MIDDLEWARE = [
    "pinning.middleware.PinningMiddleware",
    "django.middleware.common.CommonMiddleware",  # Content-Length: connections are kept
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "benchmarks.growth.views"
DATABASES = _GIVEN["databases"]
PINNING = {
    "REPLICAS": {"default": [alias for alias in DATABASES if alias != "default"]},
    "STORES": ["cookie", "redis"],
    "MAX_PIN": _GIVEN["max_pin"],
}
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": _GIVEN["redis"],
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.2},
    }
}
