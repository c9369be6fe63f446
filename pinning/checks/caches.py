"""System checks of the caches that are true: what they stand before, and what must go past them."""

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from pinning.checks.base import has_kind
from pinning.conf import SHADOW, Settings

#: Those whose LOCATION may name several servers.
_ON_SERVERS = (
    "django.core.cache.backends.memcached.BaseMemcachedCache",
    "django.core.cache.backends.redis.RedisCache",
    "django_redis.cache.RedisCache",
)

#: By its own file, and as it is named in CACHES.
_KINDS = ("pinning.contrib.cache.backend.TrueCache", "pinning.contrib.cache.TrueCache")


def true_caches_have_another(_: Settings) -> Iterator[CheckMessage]:
    """Whether each TrueCache stands before a cache that is none."""
    for alias, cache in django_settings.CACHES.items():
        if _is_true(cache) and not _is_plain(cache.get("LOCATION")):
            yield Error(
                f"The LOCATION of CACHES[{alias!r}] is {cache.get('LOCATION')!r}, and a TrueCache "
                "needs another cache of CACHES, which is no TrueCache.",
                hint="Set LOCATION to the alias of the cache that keeps the values.",
                id="pinning.E048",
            )


def pins_are_kept_plainly(settings: Settings) -> Iterator[CheckMessage]:
    """Whether pins and counts go past the cache that asks for pins itself."""
    cache = django_settings.CACHES.get(settings.cache, {})
    is_used = "cache" in settings.stores or settings.use_replicas == SHADOW
    if is_used and _is_true(cache):
        yield Error(
            f"PINNING['CACHE'] names {settings.cache!r}, a TrueCache, which needs the pins itself.",
            hint=f"Name its LOCATION, {cache.get('LOCATION')!r}, in PINNING['CACHE'].",
            id="pinning.E049",
        )


def caches_are_one_server(settings: Settings) -> Iterator[CheckMessage]:
    """Whether pins, and what a TrueCache keeps, are looked for where they were put."""
    for alias in sorted(_relied_upon(settings)):
        cache = django_settings.CACHES.get(alias, {})
        if _has_several_servers(cache):
            yield Warning(
                f"CACHES[{alias!r}] has several servers: one may not have what was stored on "
                "another, and nobody can tell.",
                hint="Name one server, for Sentinel the service alone. Pins may go into the store "
                '"redis" too.',
                id="pinning.W039",
            )


def _relied_upon(settings: Settings) -> set[str]:
    """The caches of which each answer counts."""
    caches = django_settings.CACHES.values()
    found = {str(cache.get("LOCATION")) for cache in caches if _is_true(cache)}
    return found | ({settings.cache} if "cache" in settings.stores else set())


def _has_several_servers(cache: dict[str, Any]) -> bool:
    """A memcached of several nodes, or a Redis with replicas, of which reads take any."""
    location, client = cache.get("LOCATION"), (cache.get("OPTIONS") or {}).get("CLIENT_CLASS", "")
    if isinstance(location, str) and has_kind(cache.get("BACKEND", ""), _ON_SERVERS):
        location = re.split("[;,]", location)
    has_several = isinstance(location, list | tuple) and len(location) > 1
    return has_several or str(client).endswith("SentinelClient")


def _is_plain(location: object) -> bool:
    cache = django_settings.CACHES.get(location) if isinstance(location, str) else None
    return cache is not None and not _is_true(cache)


def _is_true(cache: dict[str, Any]) -> bool:
    return has_kind(cache.get("BACKEND", ""), _KINDS)
