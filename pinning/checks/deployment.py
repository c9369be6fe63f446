"""System checks of what matters in production, run by ``manage.py check --deploy``."""

from collections.abc import Iterator

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Warning  # noqa: A004

from pinning import conf
from pinning.checks.base import Check, replicas_of
from pinning.conf import Settings
from pinning.databases import takes_connect_timeout
from pinning.pins import cookies


def check_deployment(**_: object) -> list[CheckMessage]:
    """Check what matters in production, if the value of PINNING is right."""
    if conf.find_problems(getattr(django_settings, "PINNING", {})):
        return []
    return [message for check in _DEPLOYMENT_CHECKS for message in check(conf.settings())]


def _cookies_are_secure(_: Settings) -> Iterator[CheckMessage]:
    if not cookies.is_secure():
        yield Warning(
            "The pin cookie is also sent over plain HTTP.",
            hint="Set SESSION_COOKIE_SECURE = True. The pin cookie follows it.",
            id="pinning.W009",
        )


def _replicas_keep_connections(settings: Settings) -> Iterator[CheckMessage]:
    for _, alias, database in replicas_of(settings):
        pooled = database.get("OPTIONS", {}).get("pool")
        if database.get("CONN_MAX_AGE", 0) == 0 and not pooled:
            yield Warning(
                f"DATABASES[{alias!r}] connects anew for every request, and each new connection "
                "must ask again how far the replica is.",
                hint='Set CONN_MAX_AGE = 60, or OPTIONS["pool"].',
                id="pinning.W010",
            )


def _replicas_check_connections(settings: Settings) -> Iterator[CheckMessage]:
    for _, alias, database in replicas_of(settings):
        keeps = database.get("CONN_MAX_AGE", 0) != 0 or database.get("OPTIONS", {}).get("pool")
        if keeps and not database.get("CONN_HEALTH_CHECKS"):
            yield Warning(
                f"DATABASES[{alias!r}] keeps connections and does not check them: when the replica "
                "restarts, requests that use them fail.",
                hint="Set CONN_HEALTH_CHECKS = True.",
                id="pinning.W011",
            )


def _replicas_connect_in_time(settings: Settings) -> Iterator[CheckMessage]:
    for _, alias, database in replicas_of(settings):
        options = database.get("OPTIONS", {})
        pool = options.get("pool")
        is_pool_bounded = not pool or (isinstance(pool, dict) and "timeout" in pool)
        if takes_connect_timeout(database["ENGINE"]) and not (
            "connect_timeout" in options and is_pool_bounded
        ):
            yield Warning(
                f"DATABASES[{alias!r}] may wait long for a replica that does not answer.",
                hint='Set OPTIONS["connect_timeout"], and for a pool OPTIONS["pool"]["timeout"].',
                id="pinning.W012",
            )


_DEPLOYMENT_CHECKS: tuple[Check, ...] = (
    _cookies_are_secure,
    _replicas_keep_connections,
    _replicas_check_connections,
    _replicas_connect_in_time,
)
