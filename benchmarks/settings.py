"""Settings of the benchmarks that ask no server: a primary on SQLite, and its replica."""

SECRET_KEY = "benchmarks"
USE_TZ = True
INSTALLED_APPS = [
    "pinning",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "benchmarks.notes",
]
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "TEST": test}
    for alias, test in {"default": {}, "replica1": {"MIRROR": "default"}}.items()
}
DATABASE_ROUTERS = ["pinning.router.PinningRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PINNING = {"REPLICAS": {"default": ["replica1"]}, "WINDOW": 5}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
