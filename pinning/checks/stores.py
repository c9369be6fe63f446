"""System checks of the stores: that they load, under which names they file pins, and where."""

import importlib.util
from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured

from pinning.conf import SHADOW, Settings
from pinning.pins import identity_rule
from pinning.pins.stores import Stores, load_store

_UNSHARED = ("LocMemCache", "DummyCache")


def stores_load(settings: Settings) -> Iterator[CheckMessage]:
    """Whether each of STORES can be made."""
    for name in settings.stores:
        if name == "redis" and importlib.util.find_spec("django_redis") is None:
            yield Error(
                "PINNING['STORES'] names 'redis', but django-redis is not installed.",
                hint="Run: pip install django-pinning[redis]",
                id="pinning.E017",
            )
            continue
        try:
            load_store(name)
        except ImproperlyConfigured as error:
            yield Error(
                f"PINNING['STORES']: {error}",
                hint='Name "cookie", "redis", "cache" or the dotted path of a Store class.',
                id="pinning.E018",
            )


def identity_loads(settings: Settings) -> Iterator[CheckMessage]:
    """Whether what IDENTITY names can be called."""
    try:
        identity_rule.load_rule(settings.identity)
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Name a function that takes the request and returns a list of str.",
            id="pinning.E033",
        )


def identity_is_asked(settings: Settings) -> Iterator[CheckMessage]:
    """Whether a store needs the names that IDENTITY gives."""
    if settings.identity is None:
        return
    try:
        is_asked = Stores.named(settings.stores).has_server_side
    except ImproperlyConfigured:  # E018
        return
    if not is_asked:
        yield Warning(
            "PINNING['IDENTITY'] is never asked: the cookie store files pins under no names.",
            hint='Add "redis" to PINNING["STORES"], or leave IDENTITY out.',
            id="pinning.W015",
        )


def cache_exists(settings: Settings) -> Iterator[CheckMessage]:
    """Whether CACHES has the cache of the stores, and of shadow mode."""
    is_used = {"redis", "cache"} & set(settings.stores) or settings.use_replicas == SHADOW
    if is_used and settings.cache not in django_settings.CACHES:
        yield Error(
            f"PINNING['CACHE'] names {settings.cache!r}, which is not in CACHES.",
            hint="Name the cache that keeps the pins, or the counts of shadow mode.",
            id="pinning.E019",
        )


def redis_cache_fits(settings: Settings) -> Iterator[CheckMessage]:
    """Whether the redis store finds a cache of django-redis, which does not wait for ever."""
    cache: Any = django_settings.CACHES.get(settings.cache)
    if "redis" not in settings.stores or cache is None:
        return
    if not cache.get("BACKEND", "").startswith("django_redis."):
        yield Error(
            f"The redis store needs CACHES[{settings.cache!r}] to be a django-redis cache, not "
            f"{cache.get('BACKEND')!r}.",
            hint='Set its BACKEND to "django_redis.cache.RedisCache".',
            id="pinning.E020",
        )
        return
    options: dict[str, Any] = cache.get("OPTIONS", {})
    given = {key.lower() for key in (*options, *options.get("CONNECTION_POOL_KWARGS", {}))}
    sentinels = options.get("SENTINEL_KWARGS")  # without it, OPTIONS count for Sentinels, too
    for name in ("socket_connect_timeout", "socket_timeout"):
        if name not in given:
            yield _endless(settings.cache, f'OPTIONS["{name.upper()}"]')
        if sentinels is not None and name not in sentinels:
            yield _endless(settings.cache, f'OPTIONS["SENTINEL_KWARGS"]["{name}"]')


def _endless(cache: str, setting: str) -> CheckMessage:
    return Warning(
        f"CACHES[{cache!r}] has no {setting}: a Redis that hangs would hang the site.",
        hint="Set it to less than a second. 0.2 suits most sites.",
        id="pinning.W004",
    )


def cache_is_shared(settings: Settings) -> Iterator[CheckMessage]:
    """Whether all processes see what the cache store keeps."""
    backend = _unshared_backend(settings)
    if "cache" in settings.stores and backend:
        yield Warning(
            f"The cache store uses {backend}, which other processes do not see.",
            hint="Use a cache on a server, or the cookie store.",
            id="pinning.W005",
        )


def counts_are_shared(settings: Settings) -> Iterator[CheckMessage]:
    """Whether the command sees what shadow mode counts."""
    backend = _unshared_backend(settings)
    if settings.use_replicas == SHADOW and backend:
        yield Warning(
            f"Shadow mode keeps its counts in {backend}, which other processes do not see: "
            "pinning_forecast would find nothing.",
            hint="Name another entry of CACHES in PINNING['CACHE']: on a server, or in files.",
            id="pinning.W036",
        )


def _unshared_backend(settings: Settings) -> str:
    """The backend of the stores' cache, if each process has one of its own. Else ""."""
    backend = str(django_settings.CACHES.get(settings.cache, {}).get("BACKEND", ""))
    return backend if backend.endswith(_UNSHARED) else ""
