"""The stores on real servers: the contract, and many hands at once."""

import random
import threading
from collections.abc import Iterator

import pytest
from django.core.cache import caches
from django.test import override_settings
from django_redis import get_redis_connection

from pinning.pins.pin import Pins
from pinning.pins.stores import YoungMemoryError
from pinning.pins.stores.cache import CacheStore
from pinning.pins.stores.redis import RedisStore
from pinning.testing.memcached import Memcached
from pinning.testing.redis import Redis
from tests.pins.stores.contract import Browser, ServerSideContract, placed
from tests.services import service

THREADS = 8
SAVES = 500


@pytest.fixture
def redis_cache(redis: Redis) -> Iterator[None]:
    """An empty Redis behind django-redis, known to be so for long."""
    cache = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis.url,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
    }
    with override_settings(CACHES={"default": cache}):
        client = get_redis_connection("default")
        client.flushdb()
        client.set("pinning:{memory}:lasting", 1)
        yield
        caches["default"].client.disconnect()


@pytest.mark.usefixtures("redis_cache")
class TestRedisStore(ServerSideContract):
    @pytest.fixture
    def store(self):
        return RedisStore()

    def break_data(self, store, browser):
        for identity in browser.identities:
            key = f"pinning:{identity}"
            fields = {b"1 default": b"x y", b"\xff": b"\xff", b"": b"", b"2": b"1 -1"}
            get_redis_connection("default").delete(key)
            get_redis_connection("default").hset(key, mapping=fields)

    def test_pins_expire_and_a_later_save_never_shortens_that(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        client = get_redis_connection("default")
        assert 59_000 < client.pttl("pinning:alice") <= 60_000
        with override_settings(PINNING={"MAX_PIN": 1, "WINDOW": 1}):
            alice.save(store, Pins([placed(6)]))
        assert 59_000 < client.pttl("pinning:alice") <= 60_000

    def test_positions_keep_all_their_digits(self, store, alice):
        alice.save(store, Pins([placed(2**63 - 1)]))
        alice.save(store, Pins([placed(2**63 - 2)]))
        assert alice.load(store) == Pins([placed(2**63 - 1)])

    def test_a_broken_field_does_not_stop_a_save(self, store, alice):
        key = "pinning:alice"
        get_redis_connection("default").hset(key, "7.1 default", "broken")
        alice.save(store, Pins([placed(5)]))
        assert alice.load(store) == Pins([placed(5)])

    def test_a_redis_that_lost_its_memory_cannot_tell(self, store, alice):
        client = get_redis_connection("default")
        alice.save(store, Pins([placed(5)]))
        client.flushdb()
        for _ in range(3):
            with pytest.raises(YoungMemoryError):
                alice.load(store)
        assert 59_000 < client.pttl("pinning:{memory}:young") <= 60_000
        client.delete("pinning:{memory}:young")  # as after MAX_PIN
        assert alice.load(store) == Pins()

    def test_concurrent_saves_lose_and_lower_nothing(self, store):
        seen: list[str] = []

        def hand(number: int) -> None:
            browser, chance = Browser("shared"), random.Random(number)
            for _ in range(SAVES):
                before = chance.randrange(1, 10**6)
                browser.save(store, Pins([placed(before, timeline=f"7.{chance.randrange(3)}")]))
                mine = placed(before)
                browser.save(store, Pins([mine]))
                loaded = {pin.timeline: pin for pin in browser.load(store)}
                if loaded["7.1"].position < before:
                    seen.append(f"{loaded['7.1'].position} < {before}")

        threads = [threading.Thread(target=hand, args=[number]) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == []


@pytest.fixture(scope="module")
def memcached() -> Iterator[Memcached]:
    with service(Memcached()) as server:
        yield server


class TestCacheStoreOnMemcached(ServerSideContract):
    @pytest.fixture
    def store(self, memcached: Memcached) -> Iterator[CacheStore]:
        cache = {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": f"{memcached.host}:{memcached.port}",
        }
        with override_settings(CACHES={"default": cache}):
            caches["default"].clear()
            caches["default"].set("pinning:memory:lasting", 1, timeout=None)
            yield CacheStore()
            caches["default"]._cache.close()

    def break_data(self, store, browser):
        for identity in browser.identities:
            caches["default"].set(f"pinning:{identity}", "broken")

    def test_a_restart_is_noticed(self, store, alice, memcached):
        alice.save(store, Pins([placed(5)]))
        memcached.kill()
        memcached.start()
        caches["default"]._cache.close()
        with pytest.raises(YoungMemoryError):
            alice.load(store)
