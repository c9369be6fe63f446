"""A cache that keeps no value older than the last deletion, although replicas fill it.

``TrueCache`` stands before another entry of ``CACHES``::

    CACHES = {
        "default": {"BACKEND": "pinning.contrib.cache.TrueCache", "LOCATION": "plain"},
        "plain": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://..."},
    }

``docs/caches.md`` says what it promises, ``cell`` has the states of a key.
"""

from pinning.contrib.cache.backend import TrueCache

__all__ = ["TrueCache"]
