"""The Redis store on a real Redis Cluster of three nodes."""

import time
import zlib
from collections.abc import Iterator

import pytest
from django.core.cache import caches
from django.test import override_settings
from django_redis import get_redis_connection
from redis.cluster import RedisCluster as Client
from redis.exceptions import RedisError

from pinning import breaker
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pins
from pinning.pins.stores import Condition, Loaded, Stores
from pinning.pins.stores import redis as store_file
from pinning.pins.stores.redis import RedisStore
from pinning.testing.processes import wait_until
from pinning.testing.redis import MARK_AS_OLD
from pinning.testing.redis_cluster import RedisCluster
from tests.pins.stores.contract import Browser, ServerSideContract, placed
from tests.services import service

MANY = [f"browser {number}" for number in range(200)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with service(RedisCluster()) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: RedisCluster) -> Iterator[Client]:
    """The cluster behind django-redis, empty and known to be so for long."""
    with override_settings(CACHES=caches_of(cluster)):
        client = get_redis_connection("default")
        client.flushall(target_nodes=Client.PRIMARIES)
        grow_old(client)
        yield client
        caches["default"].client.disconnect()


def grow_old(client: Client) -> None:
    for memory in store_file._memories(client):
        client.eval(MARK_AS_OLD, 1, store_file._mark(memory, "lasting"))
        client.delete(store_file._mark(memory, "young"))


@pytest.mark.usefixtures("client")
class TestRedisStoreOnACluster(ServerSideContract):
    @pytest.fixture
    def store(self):
        return RedisStore()

    def break_data(self, store, browser):
        client = get_redis_connection("default")
        for identity in browser.identities:
            client.set(store_file._key(client, identity), "broken")


def saved(store: RedisStore) -> None:
    for number, name in enumerate(MANY):
        Browser(name).save(store, Pins([placed(number + 1)]))


def incomplete(store: RedisStore) -> list[str]:
    return [name for name in MANY if not store.load(Browser(name).visitor()).is_complete]


def test_pins_are_spread_over_all_nodes_and_found(client: Client, cluster: RedisCluster):
    store = RedisStore()
    saved(store)
    sizes = [node.tell("DBSIZE") for node in cluster.nodes]
    assert all(int(size[1:]) > 30 for size in sizes)
    everybody = Visitor(cookies={}, identities=tuple(MANY))
    assert store.load(everybody) == Loaded(Pins([placed(len(MANY))]))
    store.save(everybody, Pins([placed(500)]), None)
    assert all(Browser(name).load(store) == Pins([placed(500)]) for name in MANY)


def test_a_node_that_lost_its_memory_makes_only_its_own_doubtful(
    client: Client, cluster: RedisCluster
):
    store = RedisStore()
    saved(store)
    cluster.nodes[1].tell("FLUSHALL")
    doubtful = incomplete(store)
    assert 20 < len(doubtful) < len(MANY) - 20
    for number, name in enumerate(MANY):
        found = Pins() if name in doubtful else Pins([placed(number + 1)])
        assert Browser(name).load(store) == found
    assert incomplete(store) == doubtful
    Browser(doubtful[0]).save(store, Pins([placed(7)]))
    assert Browser(doubtful[0]).load(store) == Pins([placed(7)])
    for memory in store_file._memories(client):
        client.delete(store_file._mark(memory, "young"))  # as after MAX_PIN
    assert incomplete(store) == []


def test_a_new_cluster_is_young_as_a_whole_at_once(client: Client):
    client.flushall(target_nodes=Client.PRIMARIES)
    RedisStore().load(Browser(MANY[0]).visitor())
    ends = [client.pttl(store_file._mark(m, "young")) for m in store_file._memories(client)]
    assert min(ends) > 58_000
    assert incomplete(RedisStore()) == MANY


def test_one_node_that_is_young_or_drops_pins_is_told(client: Client):
    assert RedisStore().condition() == Condition(policy="no maxmemory")
    memory = store_file._memories(client)[7]
    client.set(store_file._mark(memory, "young"), "", px=40_000)
    assert not RedisStore().condition().is_complete
    assert 30 < RedisStore().condition().young_seconds <= 40
    grow_old(client)
    (node, *_) = client.get_primaries()
    client.config_set("maxmemory", "100mb", target_nodes=node)
    client.config_set("maxmemory-policy", "allkeys-lru", target_nodes=node)
    try:
        told = Condition(policy="allkeys-lru, no maxmemory", evicts=True)
        assert RedisStore().condition() == told
    finally:
        client.config_set("maxmemory", 0, target_nodes=node)


def test_slots_that_move_are_followed(client: Client, cluster: RedisCluster):
    """An empty slot moves: the client asks the old node first, and is told of the new one."""
    store, name = RedisStore(), MANY[0]
    store.load(Browser(name).visitor())
    slot = client.keyslot(store_file._key(client, name))
    memory = f"memory{zlib.crc32(name.encode()) % 64}"
    client.delete(store_file._mark(memory, "lasting"))
    old = next(
        n
        for n, node in enumerate(cluster.nodes)
        if client.get_node_from_key(store_file._key(client, name)).port == node.port
    )
    cluster.move(slot, (old + 1) % 3)
    try:
        assert not store.load(Browser(name).visitor()).is_complete
        Browser(name).save(store, Pins([placed(5)]))
        assert Browser(name).load(store) == Pins([placed(5)])
    finally:
        client.flushall(target_nodes=Client.PRIMARIES)
        cluster.move(slot, old)


@pytest.mark.parametrize("has_keys_moved", [False, True])
def test_a_slot_that_is_being_moved_is_used_meanwhile(
    client: Client, cluster: RedisCluster, has_keys_moved: bool
):
    """A cluster refuses commands with several of its keys, for as long as one is not there."""
    store, name = RedisStore(), MANY[0]
    Browser(name).save(store, Pins([placed(4)]))
    key = store_file._key(client, name)
    slot, memory = client.keyslot(key), store_file._memory_of(client, name)
    old = [node.port for node in cluster.nodes].index(client.get_node_from_key(key).port)
    source, target = cluster.nodes[old], cluster.nodes[(old + 1) % 3]
    target.tell("CLUSTER", "SETSLOT", str(slot), "IMPORTING", source.name)
    source.tell("CLUSTER", "SETSLOT", str(slot), "MIGRATING", target.name)
    try:
        if has_keys_moved:
            how = ["0", "5000", "AUTH", target.password]
            for each in (key, store_file._mark(memory, "lasting")):
                source.tell("MIGRATE", target.host, str(target.port), f'"{each}"', *how)
        loaded = store.load(Browser(name).visitor())
        assert loaded.pins == Pins([placed(4)])
        assert loaded.is_complete is not has_keys_moved  # the mark is that of another server
        twin = next(n for n in map(str, range(999)) if store_file._memory_of(client, n) == memory)
        store.save(Visitor(cookies={}, identities=(name, twin)), Pins([placed(5)]), None)
        assert Browser(name).load(store) == Browser(twin).load(store) == Pins([placed(5)])
    finally:
        for node in (target, source):
            node.tell("FLUSHALL")
            node.tell("CLUSTER", "SETSLOT", str(slot), "STABLE")


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
def test_a_node_that_is_gone_costs_a_bounded_time_and_no_error(trouble: str, figure):
    with service(RedisCluster()) as cluster, override_settings(CACHES=caches_of(cluster)):
        grow_old(get_redis_connection("default"))
        stores = Stores({"redis": RedisStore()})
        assert stores.load(Browser(MANY[0]).visitor()) == Pins()
        getattr(cluster.nodes[1], trouble)()
        answers, longest = [], 0.0
        for name in MANY[:20]:
            breaker.reset()
            begun = time.monotonic()
            answers.append(stores.load(Browser(name).visitor()))
            longest = max(longest, time.monotonic() - begun)
        figure(f"Redis Cluster: the longest load after {trouble} of a node, s", f"{longest:.2f}")
        assert None in answers
        assert longest < 5
        cluster.nodes[1].thaw() if trouble == "freeze" else cluster.nodes[1].start()
        wait_until(is_found_again, timeout_seconds=30, otherwise=lambda: "It was not found again.")
        caches["default"].client.disconnect()


def is_found_again() -> bool:
    """The store answers for everybody, whether it believes its memory or not."""
    try:
        for name in MANY:
            RedisStore().load(Browser(name).visitor())
    except RedisError:
        return False
    return True


def caches_of(cluster: RedisCluster) -> dict[str, object]:
    options = {
        "CONNECTION_FACTORY": "pinning.contrib.redis_cluster.ClusterConnectionFactory",
        "SOCKET_CONNECT_TIMEOUT": 0.5,
        "SOCKET_TIMEOUT": 0.5,
    }
    return {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": cluster.url,
            "OPTIONS": options,
        }
    }
