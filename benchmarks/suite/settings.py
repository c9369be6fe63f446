"""The site of the suite: users, sessions, and pins in cookies."""

from benchmarks.settings import *  # noqa: F403

INSTALLED_APPS = [
    "pinning",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "benchmarks.notes",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "pinning.middleware.PinningMiddleware",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROOT_URLCONF = "benchmarks.suite.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
