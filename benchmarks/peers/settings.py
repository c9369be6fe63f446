"""Settings of the site, which is given the way it goes and where its servers are."""

from benchmarks.peers.ways import way_of
from pinning.testing.site import given

_GIVEN = given()
_WAY = way_of(_GIVEN["way"])

globals().update(_WAY.django_settings())

SECRET_KEY = "benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.peers.views"
WSGI_APPLICATION = "benchmarks.peers.wsgi.application"
INSTALLED_APPS = [*_WAY.apps, "benchmarks.peers"]
MIDDLEWARE = ["benchmarks.peers.counts.counted", *_WAY.django_settings()["MIDDLEWARE"]]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = _GIVEN["databases"]
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
