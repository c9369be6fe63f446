"""The stores on real servers: the contract, and many hands at once."""

import pickle
import random
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pymemcache
import pytest
from django.core.cache import caches
from django.test import override_settings
from django_redis import get_redis_connection
from redis.client import Monitor
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError

from pinning.pins.pin import Pins
from pinning.pins.stores import Loaded
from pinning.pins.stores.cache import CacheRefusedError, CacheStore
from pinning.pins.stores.redis import RedisStore
from pinning.testing.memcached import Memcached
from pinning.testing.redis import MARK_AS_OLD, Redis
from tests.pins.stores.contract import Browser, ServerSideContract, UnreadableContract, placed
from tests.services import service

THREADS = 8
SAVES = 500


def key(name: str) -> str:
    """The key under which the store has something in Redis, with the cache's prefix and version."""
    in_memory = name if "{" in name else f"{{memory}}:{name}"
    made: str = caches["default"].make_key(f"pinning:{in_memory}")
    return made


def _sent(monitor: Monitor) -> Iterator[str]:
    """What clients have sent, without what scripts run, until an ECHO."""
    while (heard := monitor.next_command())["command"] != "ECHO the end":
        if heard["client_type"] != "lua":
            yield heard["command"].split()[0]


def settings_of(redis: Redis, **more: Any) -> dict[str, Any]:
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis.url,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
        **more,
    }


@pytest.fixture
def redis_cache(redis: Redis) -> Iterator[None]:
    """An empty Redis behind django-redis, known to be so for long."""
    with override_settings(CACHES={"default": settings_of(redis)}):
        client = get_redis_connection("default")
        client.flushdb()
        client.eval(MARK_AS_OLD, 1, key("{memory}:lasting"))
        yield
        caches["default"].client.disconnect()


@pytest.mark.usefixtures("redis_cache")
class TestRedisStore(ServerSideContract):
    @pytest.fixture
    def store(self):
        return RedisStore()

    def break_data(self, store, browser):
        for identity in browser.identities:
            fields = {b"1 default": b"x y", b"\xff": b"\xff", b"": b"", b"2": b"1 -1"}
            get_redis_connection("default").delete(key(identity))
            get_redis_connection("default").hset(key(identity), mapping=fields)

    def test_pins_expire_and_a_later_save_never_shortens_that(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        client = get_redis_connection("default")
        assert 59_000 < client.pttl(key("alice")) <= 60_000
        with override_settings(PINNING={"MAX_PIN": 1, "WINDOW": 1}):
            alice.save(store, Pins([placed(6)]))
        assert 59_000 < client.pttl(key("alice")) <= 60_000

    def test_positions_keep_all_their_digits(self, store, alice):
        alice.save(store, Pins([placed(2**63 - 1)]))
        alice.save(store, Pins([placed(2**63 - 2)]))
        assert alice.load(store) == Pins([placed(2**63 - 1)])

    def test_a_broken_field_does_not_stop_a_save(self, store, alice):
        get_redis_connection("default").hset(key("alice"), "7.1 default", "broken")
        alice.save(store, Pins([placed(5)]))
        assert alice.load(store) == Pins([placed(5)])

    @pytest.mark.parametrize(
        "value",
        [
            "9" * 4301 + " 5",
            "5 " + "9" * 4301,
            "9" * 400 + " 5",
            f"{10**19} {10**19}",
            "٥ ٥",
            "5 5",
            f"{5:020} {5:020}\n",
        ],
    )
    def test_a_number_that_no_pin_has_neither_raises_nor_hides_a_pin(self, store, alice, value):
        """Python refuses to read 4,300 digits; compared as text they would be the largest."""
        get_redis_connection("default").hset(key("alice"), "7.1 default", value)
        assert alice.load(store) == Pins()
        alice.save(store, Pins([placed(5)]))
        assert alice.load(store) == Pins([placed(5)])

    def test_a_key_of_another_kind_is_no_pin_and_gives_way_to_one(self, store, alice, bob):
        get_redis_connection("default").set(key("alice"), "not a hash")
        bob.save(store, Pins([placed(5)]))
        assert alice.load(store) == Pins()
        assert Browser("alice", "bob").load(store) == Pins([placed(5)])
        alice.save(store, Pins([placed(6)]))
        assert alice.load(store) == Pins([placed(6)])

    def test_a_load_and_a_save_are_one_command_each_for_any_number_of_names(self, store):
        browser = Browser("session", "own", "user")
        client = get_redis_connection("default")
        with client.monitor() as monitor:
            browser.save(store, Pins([placed(5)]))
            assert browser.load(store) == Pins([placed(5)])
            client.echo("the end")
            heard = list(_sent(monitor))
        assert heard[-2:] == ["EVAL", "EVAL"]  # before, it may connect
        assert client.exists(key("session"), key("own"), key("user")) == 3

    def test_what_the_server_refuses_still_raises(self, store, alice):
        client = get_redis_connection("default")
        alice.save(store, Pins([placed(5)]))
        client.execute_command("ACL", "SETUSER", "default", "-hgetall")
        try:
            with pytest.raises(ResponseError, match="can't run|no permissions"):
                alice.load(store)
        finally:
            client.execute_command("ACL", "SETUSER", "default", "+@all")

    @pytest.mark.parametrize(
        "more",
        [
            {"KEY_PREFIX": "staging"},
            {"VERSION": 2},
            {"KEY_FUNCTION": lambda name, prefix, version: f"{version}{prefix}/{name}"},
        ],
    )
    def test_a_cache_with_keys_of_its_own_has_pins_of_its_own(self, store, alice, redis, more):
        """Staging and production may share a server, and a user's id."""
        alice.save(store, Pins([placed(5)]))
        with override_settings(CACHES={"default": settings_of(redis, **more)}):
            assert store.load(alice.visitor()) == Loaded(Pins(), is_complete=False)
            get_redis_connection("default").delete(key("{memory}:young"))
            assert alice.load(store) == Pins()
            alice.save(store, Pins([placed(6)]))
            assert alice.load(store) == Pins([placed(6)])
            caches["default"].client.disconnect()
        assert alice.load(store) == Pins([placed(5)])

    def test_a_redis_that_lost_its_memory_cannot_tell(self, store, alice):
        client = get_redis_connection("default")
        alice.save(store, Pins([placed(5)]))
        client.flushdb()
        for _ in range(3):
            assert store.load(alice.visitor()) == Loaded(Pins(), is_complete=False)
        assert 59_000 < client.pttl(key("{memory}:young")) <= 60_000
        client.delete(key("{memory}:young"))  # as after MAX_PIN
        assert store.load(alice.visitor()) == Loaded(Pins())

    def test_what_a_redis_was_told_since_it_lost_its_memory_counts(self, store, alice):
        get_redis_connection("default").flushdb()
        assert not store.load(alice.visitor()).is_complete
        alice.save(store, Pins([placed(5)]))
        assert store.load(alice.visitor()) == Loaded(Pins([placed(5)]), is_complete=False)

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


class Gone:
    """A class that another program had, and this one has not."""


@pytest.mark.usefixtures("redis_cache")
class TestCacheStoreOnRedis(ServerSideContract, UnreadableContract):
    @pytest.fixture
    def store(self):
        caches["default"].set("pinning:memory:lasting", 1, timeout=None)
        return CacheStore()

    def break_data(self, store, browser):
        for identity in browser.identities:
            caches["default"].set(f"pinning:{identity}", "broken")

    def put_unreadable(self, key):
        stored = pickle.dumps(Gone()).replace(b"Gone", b"gone")
        get_redis_connection("default").set(caches["default"].make_key(key), stored)

    def test_a_server_that_is_gone_raises(self, store, alice, redis):
        redis.kill()
        try:
            with pytest.raises(Unreachable):
                alice.load(store)
        finally:
            redis.start()

    def test_a_full_server_raises_though_the_cache_ignores_errors(self, store, alice, redis):
        alice.save(store, Pins([placed(4)]))
        options = {**settings_of(redis)["OPTIONS"], "IGNORE_EXCEPTIONS": True}
        redis.ask("CONFIG SET maxmemory 1")
        try:
            with (
                override_settings(CACHES={"default": settings_of(redis, OPTIONS=options)}),
                pytest.raises(CacheRefusedError),
            ):
                alice.save(store, Pins([placed(5)]))
        finally:
            redis.ask("CONFIG SET maxmemory 0")


class TestCacheStoreOnMemcached(ServerSideContract, UnreadableContract):
    @pytest.fixture
    def store(self, memcached: Memcached) -> Iterator[CacheStore]:
        cache = {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": memcached.url,
        }
        with override_settings(CACHES={"default": cache}):
            caches["default"].clear()
            caches["default"].set("pinning:memory:lasting", 1, timeout=None)
            yield CacheStore()
            caches["default"]._cache.close()

    def break_data(self, store, browser):
        for identity in browser.identities:
            caches["default"].set(f"pinning:{identity}", "broken")

    flags = 2  # pymemcache takes the bytes for an integer, and raises

    def put_unreadable(self, key):
        name = caches["default"].make_key(key)
        with closing(pymemcache.Client(caches["default"]._servers[0])) as client:
            client.set(name, b"\xff", flags=self.flags, noreply=False)

    def test_a_server_that_is_gone_raises(self, store, alice, memcached):
        memcached.kill()
        try:
            with pytest.raises(OSError, match="closed|Broken pipe|No such file"):
                alice.load(store)
        finally:
            memcached.start()

    def test_a_restart_is_noticed(self, store, alice, memcached):
        alice.save(store, Pins([placed(5)]))
        memcached.kill()
        memcached.start()
        caches["default"]._cache.close()
        assert store.load(alice.visitor()) == Loaded(Pins(), is_complete=False)


class TestAPickleThatPymemcacheGivesAsNone(TestCacheStoreOnMemcached):
    flags = 1
