"""What happens to a Redis or memcached in production: no load says that nobody wrote, if one did.

A process that knows nothing of the trouble looks each time: a second one, with ``Stores`` of its
own.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpResponse
from django.test import override_settings
from django_redis import get_redis_connection
from redis.exceptions import ResponseError

from pinning import breaker, scope
from pinning.pins.pin import Pins
from pinning.pins.stores import Exchange, Loaded, Stores
from pinning.pins.stores import redis as store_file
from pinning.pins.stores.cache import CacheStore
from pinning.pins.stores.cookie import CookieStore
from pinning.pins.stores.redis import RedisStore
from pinning.testing.memcached import Memcached
from pinning.testing.processes import ServerError, wait_until
from pinning.testing.redis import Redis
from pinning.testing.redis_cluster import RedisCluster
from tests.live.site.encrypted import EncryptedRedis
from tests.live.site.sentinel import Watched
from tests.live.test_redis_cluster import caches_of, grow_old
from tests.pins.stores.contract import Browser, placed
from tests.services import give_up, service

STORES_PAGE = Path(__file__).parents[2] / "docs" / "stores.md"
ALICE, BOB = Browser("alice").visitor(), Browser("bob").visitor()
PINS = Pins([placed(5)])
#: Of Redis 8: others have some of them. What the server does when its memory is full.
POLICIES = [
    "noeviction",
    *(f"allkeys-{which}" for which in ("lru", "lfu", "random")),
    *(f"volatile-{which}" for which in ("lru", "lfu", "random", "ttl")),
]
KEY = ":1:pinning:{memory}:bob"
MARK, YOUNG = ":1:pinning:{memory}:lasting", ":1:pinning:{memory}:young"
FILL = "for i = 1, 199 do redis.call('SET', 'other' .. i, string.rep('x', 9999)) end"


def cache_of(url: str, **options: Any) -> dict[str, Any]:
    options = {"SOCKET_CONNECT_TIMEOUT": 10, "SOCKET_TIMEOUT": 10, **options}
    return {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": url,
            "OPTIONS": options,
        }
    }


def process() -> Stores:
    """One that was not there when something happened."""
    breaker.reset()
    return Stores({"redis": RedisStore()})


@pytest.fixture
def server() -> Iterator[Redis]:
    with service(Redis()) as server, override_settings(CACHES=cache_of(server.url)):
        server.grow_old()
        yield server
        caches["default"].client.disconnect()


def fill(server: Redis, policy: str) -> None:
    client = get_redis_connection("default")
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 500_000)
    client.eval(FILL, 0)  # a script may take more than there is


@pytest.mark.parametrize("policy", POLICIES)
def test_a_full_server_tells_nobody_that_there_is_no_pin_but_where_it_may_drop_them(
    server: Redis, policy: str
):
    assert process().save(ALICE, PINS, None)
    fill(server, policy)
    is_taken = process().save(BOB, PINS, None)
    answers = {name: process().load(who) for name, who in {"alice": ALICE, "bob": BOB}.items()}
    if policy == "noeviction":
        assert not is_taken
        assert answers == {"alice": None, "bob": None}
        assert RedisStore().load(ALICE) == Loaded(PINS, is_complete=False, takes_pins=False)
    else:
        assert RedisStore().condition().evicts  # pinning.W034
        assert is_taken or answers["bob"] is None


def empty_of_others(_: Redis) -> None:
    client = get_redis_connection("default")
    client.delete(*client.keys("other*"))


def refuse_without_replicas(server: Redis) -> None:
    assert server.ask("CONFIG SET min-replicas-to-write 1") == b"+OK\r\n"


def be_taken_for_a_replica(server: Redis) -> None:
    """As after a failover that the client has not heard of."""
    assert server.ask("REPLICAOF 127.0.0.1 1") == b"+OK\r\n"


#: How a server comes to refuse pins, and how that ends.
REFUSALS: dict[str, tuple[Callable[[Redis], object], Callable[[Redis], object]]] = {
    "it is full": (lambda server: fill(server, "noeviction"), empty_of_others),
    "it lacks replicas": (
        refuse_without_replicas,
        lambda server: server.ask("CONFIG SET min-replicas-to-write 0"),
    ),
    "it is a replica": (
        be_taken_for_a_replica,
        lambda server: server.ask("REPLICAOF NO ONE"),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_where_a_pin_was_refused_nobody_is_believed_to_have_none(server: Redis, refusal: str):
    begin, end = REFUSALS[refusal]
    writer, reader = process(), process()
    assert reader.load(BOB) == Pins()
    begin(server)
    is_saved = writer.save(BOB, PINS, None)
    if is_saved and refusal == "it lacks replicas":
        pytest.skip("This Redis lets scripts write there.")
    assert not is_saved
    breaker.reset()
    assert reader.load(BOB) is None
    end(server)
    for _ in range(2):
        breaker.reset()
        assert reader.load(BOB) is None
        assert writer.load(BOB) is None
    if refusal != "it lacks replicas":  # which lets nobody tell the others
        assert process().load(BOB) is None
        assert 50_000 < get_redis_connection("default").pttl(YOUNG) <= 60_000
    get_redis_connection("default").delete(YOUNG)  # as after MAX_PIN
    assert process().load(BOB) == Pins()


def test_a_refused_pin_goes_into_a_cookie_and_what_the_server_knows_still_counts(server: Redis):
    browser, stores, later = Browser("alice"), process(), Pins([placed(6)])
    assert stores.save(ALICE, PINS, None)
    fill(server, "noeviction")
    exchange = Exchange(browser.request(), HttpResponse())
    assert stores.save(ALICE, later, exchange)
    browser.receive(exchange.response)
    breaker.reset()
    assert CookieStore().load(browser.visitor()).pins == later
    loaded = RedisStore().load(browser.visitor())
    assert loaded == Loaded(PINS, is_complete=False, takes_pins=False)


def test_a_cache_that_is_full_is_believed_by_nobody(server: Redis):
    caches["default"].set("pinning:memory:lasting", 1, timeout=None)
    fill(server, "noeviction")
    assert CacheStore().load(BOB) == Loaded(Pins())
    with pytest.raises(ResponseError, match="maxmemory|EXECABORT"):
        CacheStore().save(BOB, PINS, None)
    assert CacheStore().load(BOB) == Loaded(Pins(), is_complete=False, takes_pins=False)
    empty_of_others(server)
    assert CacheStore().load(BOB) == Loaded(Pins(), is_complete=False)


def test_a_server_that_comes_back_with_older_pins_is_not_believed(server: Redis):
    client = get_redis_connection("default")
    client.save()
    assert process().save(BOB, PINS, None)
    server.kill()
    server.start()
    assert client.exists(MARK) == 1
    assert process().load(BOB) is None
    assert 50_000 < client.pttl(YOUNG) <= 60_000


LINE = re.search(r"^ACL SETUSER .*$", STORES_PAGE.read_text(), re.MULTILINE)


def test_the_rights_that_the_page_names_are_enough_and_each_is_needed(server: Redis):
    assert LINE is not None
    name = LINE[0].split()[2]
    (password,) = re.findall(r">(\S+)", LINE[0])
    rights = re.findall(r"\+(\S+)", LINE[0])
    assert server.ask(LINE[0]) == b"+OK\r\n"
    url = f"redis://{name}:{password}@{server.host}:{server.port}/1"
    with override_settings(CACHES=cache_of(url)):
        server.ask("FLUSHALL")
        assert is_served()
        for right in rights:
            server.ask(f"ACL SETUSER {name} -{right}")
            server.ask("FLUSHALL")
            caches["default"].client.disconnect()
            assert not is_served(), right
            server.ask(f"ACL SETUSER {name} +{right}")
        caches["default"].client.disconnect()


def is_served() -> bool:
    """Whether all works that the store is for, and the server may tell its policy."""
    store = RedisStore()
    try:
        first = store.load(BOB)
        client = get_redis_connection("default")
        client.eval("redis.call('SET', KEYS[1], 'of somebody else')", 1, KEY)
        store.save(BOB, PINS, None)
        last = store.load(BOB)
        told = store.condition().policy
    except ResponseError:
        return False
    return first.takes_pins and last == Loaded(PINS, is_complete=False) and bool(told)


def test_by_tls_it_is_the_same_and_a_stranger_is_not_trusted(caplog: pytest.LogCaptureFixture):
    try:
        with service(EncryptedRedis()) as server:
            trust = {"ssl_ca_certs": str(server.certificate)}
            with override_settings(CACHES=cache_of(server.url, CONNECTION_POOL_KWARGS=trust)):
                server.grow_old()
                assert process().save(BOB, PINS, None)
                assert process().load(BOB) == PINS
                caches["default"].client.disconnect()
            with override_settings(CACHES=cache_of(f"{server.url}?ssl_cert_reqs=required")):
                assert process().load(BOB) is None
            assert "left alone" in caplog.text
    except ServerError as error:
        give_up(f"This Redis has no TLS: {error}")


@pytest.mark.parametrize("client_class", ["", "django_redis.client.SentinelClient"])
def test_a_failover_that_loses_a_pin_tells_nobody_that_there_is_none(client_class: str, figure):
    with (
        service(Watched()) as watched,
        override_settings(CACHES={"default": watched.cache(client_class)}),
    ):
        watched.primary.grow_old()
        assert process().save(ALICE, PINS, None)
        wait_until(
            lambda: watched.replica.ask("DBSIZE") == watched.primary.ask("DBSIZE"),
            timeout_seconds=5,
            otherwise=lambda: "The replica lacks the first pin.",
        )
        lose_a_pin(watched.primary, watched.replica)
        answers = until_answered(BOB)
        figure("Sentinel: loads until the promoted replica answered", len(answers))
        assert set(answers) == {None}
        assert RedisStore().load(ALICE).pins == PINS
        assert process().save(BOB, PINS, None)
        assert RedisStore().load(BOB) == Loaded(PINS, is_complete=False)
        caches["default"].client.disconnect()


def test_a_node_of_a_cluster_that_loses_a_pin_in_a_failover_is_not_believed(figure):
    with (
        service(RedisCluster(has_replicas=True)) as cluster,
        override_settings(CACHES=caches_of(cluster)),
    ):
        client = get_redis_connection("default")
        grow_old(client)
        assert process().load(BOB) == Pins()
        port = client.get_node_from_key(store_file._key(client, "bob")).port
        number = [node.port for node in cluster.nodes].index(port)
        lose_a_pin(cluster.nodes[number], cluster.replicas[number])
        answers = until_answered(BOB)
        figure("Redis Cluster: loads until the promoted node answered", len(answers))
        assert set(answers) == {None}
        assert process().save(BOB, PINS, None)
        assert RedisStore().load(BOB).pins == PINS
        caches["default"].client.disconnect()


def lose_a_pin(primary: Redis, replica: Redis) -> None:
    """Save one that the replica never hears of, and end the primary."""
    replica.freeze()
    primary.ask("CLIENT KILL TYPE replica")
    assert process().save(BOB, PINS, None)
    primary.kill()
    replica.thaw()


def until_answered(who: Any) -> list[Pins | None]:
    """What a new process is told again and again, until a server answers and a little longer."""
    answers: list[Pins | None] = []

    def is_answered() -> bool:
        answers.append(process().load(who))
        try:
            RedisStore().load(who)
        except Exception:
            return False
        return True

    wait_until(is_answered, timeout_seconds=40, otherwise=lambda: "Nobody was promoted.")
    answers += [process().load(who) for _ in range(3)]
    return answers


def test_a_true_cache_deletes_nothing_on_a_node_that_does_not_answer():
    with service(Memcached()) as one, service(Memcached()) as two:
        inner = {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": [one.url, two.url],
            "OPTIONS": {"timeout": 0.3, "connect_timeout": 0.3, "retry_timeout": 60},
        }
        true = {"BACKEND": "pinning.contrib.cache.TrueCache", "LOCATION": "plain"}
        with override_settings(CACHES={"default": true, "plain": inner}):
            cache = caches["default"]
            with scope():
                cache.set("banner", "old")
            client = caches["plain"]._cache
            node = client._get_client(caches["plain"].make_key(cache.make_key("banner")))
            frozen = one if str(one.socket) in str(node.server) else two
            frozen.freeze()
            for _ in range(2):  # pymemcache raises once, and then finds nothing for a while
                with scope(), pytest.raises(OSError, match="timed out|does not answer"):
                    cache.delete("banner")
            with scope():
                assert cache.get_or_set("banner", "new") == "new"
            frozen.thaw()
            client.close()
