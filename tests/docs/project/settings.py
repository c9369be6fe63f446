"""The settings of the project that docs/testing.md tests."""

from pathlib import Path

folder = Path(__file__).parent


def database(**test: object) -> dict[str, object]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "notes.sqlite3", "TEST": test}


SECRET_KEY = "project"
USE_TZ = True
INSTALLED_APPS = ["pinning", "notes"]
MIDDLEWARE = ["pinning.middleware.PinningMiddleware"]
DATABASES = {
    "default": database(NAME=folder / "tests.sqlite3"),
    "replica1": database(MIRROR="default"),
}
DATABASE_ROUTERS = ["pinning.router.PinningRouter"]
PINNING = {"REPLICAS": {"default": ["replica1"]}}
ROOT_URLCONF = "notes.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
