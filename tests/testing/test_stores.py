"""Redis and memcached do what they promise. Real ones, on loopback."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.cache import caches
from django.test import override_settings

from pinning.pins.identity import Visitor
from pinning.pins.pin import Pins
from pinning.pins.stores import Loaded
from pinning.pins.stores.redis import RedisStore
from pinning.testing import family
from pinning.testing.memcached import Memcached
from pinning.testing.ports import reply
from pinning.testing.processes import Server
from pinning.testing.redis import Redis
from tests.services import service
from tests.testing.looks import processes_of

pytestmark = pytest.mark.live


@pytest.fixture(params=[Redis, Memcached])
def store(request: pytest.FixtureRequest) -> Iterator[Server]:
    with service(request.param()) as server:
        yield server


def answer(store: Server) -> bytes:
    """What it says when it is greeted."""
    return (
        reply(store.socket, b"version\r\n") if isinstance(store, Memcached) else store.ask("PING")
    )


class TestStores:
    def test_a_redis_client_finds_it(self) -> None:
        redis = pytest.importorskip("redis")
        with service(Redis()) as server, redis.Redis.from_url(server.url) as client:
            client.set("name", "value")
            assert client.get("name") == b"value"

    def test_a_memcached_client_finds_it(self) -> None:
        pymemcache = pytest.importorskip("pymemcache")
        with service(Memcached()) as server, closing(pymemcache.Client(server.url)) as client:
            client.set("name", b"value")
            assert client.get("name") == b"value"

    def test_a_redis_server_forgets_when_it_stops(self) -> None:
        with service(Redis()) as server:
            assert server.ask("SET name value") == b"+OK\r\n"
            server.stop()
            server.start()
            assert server.ask("GET name") == b"$-1\r\n"

    def test_a_redis_server_forgets_when_it_is_told_to(self) -> None:
        with service(Redis()) as server:
            server.ask("SET name value")
            server.forget()
            assert server.ask("GET name") == b"$-1\r\n"

    def test_pins_on_a_redis_server_are_believed_once_it_has_grown_old(self) -> None:
        alice = Visitor(cookies={}, identities=("alice",))
        with service(Redis()) as server:
            cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": server.url}
            with override_settings(CACHES={"default": cache}):
                assert RedisStore().load(alice) == Loaded(Pins(), is_complete=False)
                server.grow_old()
                assert RedisStore().load(alice) == Loaded(Pins())
                caches["default"].client.disconnect()

    def test_killed_and_started_it_is_where_it_was(self, store: Server) -> None:
        place, processes = store.url, processes_of(store)
        store.kill()
        assert answer(store) == b""
        assert not family.alive(processes)
        store.start()
        assert store.url == place
        assert answer(store)

    def test_frozen_it_does_not_answer_until_thawed(self, store: Server) -> None:
        store.freeze()
        assert answer(store) == b""
        store.thaw()
        assert answer(store)

    def test_nothing_is_left_behind(self, store: Server) -> None:
        processes, directory = processes_of(store), store.directory
        store.close()
        assert not family.alive(processes)
        assert not directory.exists()
