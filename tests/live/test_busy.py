"""A replica without a free connection: busy is not dead."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import Reason
from pinning.conf.clusters import Cluster
from pinning.health import give_up_if_lost, is_usable, replica
from pinning.reads.replica import choose
from pinning.scopes.scope import Scope
from tests.live.site.pair import DATABASE, Pair

CLUSTER = Cluster("default", ("replica1",))
POOL = {"min_size": 1, "max_size": 1, "timeout": 0.3}

Open = Callable[..., BaseDatabaseWrapper]


@pytest.fixture
def open_replica(pair: Pair, connect: Any) -> Iterator[Open]:
    """Opens connections as "replica1", the last of which is this thread's. One pool is for all."""
    before = connections["replica1"]
    opened: list[BaseDatabaseWrapper] = []

    def open_replica(pool: Any = None, **more: Any) -> BaseDatabaseWrapper:
        options = {"connect_timeout": 2} | ({} if pool is None else {"pool": pool})
        age = None if pool is None else 0
        opened.append(connect(pair.replica, CONN_MAX_AGE=age, OPTIONS=options, **more))
        connections["replica1"] = opened[-1]
        return opened[-1]

    yield open_replica
    connections["replica1"] = before
    for connection in opened:
        connection.close()


def chosen() -> tuple[str, Reason]:
    choice = choose(Scope(), CLUSTER)
    return choice.alias, choice.reason


def test_a_full_pool_sends_the_read_elsewhere_and_takes_nobody_out(open_replica, caplog):
    busy = open_replica(POOL)
    busy.ensure_connection()
    open_replica(POOL)
    for _ in range(3):
        assert chosen() == ("default", Reason.NO_REPLICA)
    assert not replica("replica1").is_out
    (record,) = caplog.records
    assert "has no connection left" in record.getMessage()
    busy.close()
    assert chosen() == ("replica1", Reason.REPLICA)


def test_nor_does_a_full_pool_after_a_connection_was_lost(open_replica, pair):
    """Another thread has waited for longer, and gets what the pool makes in its place."""
    longer = POOL | {"timeout": 1}
    other, lost = open_replica(longer), open_replica(longer)
    other.inc_thread_sharing()
    lost.ensure_connection()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other.ensure_connection)
        time.sleep(0.2)
        pair.replica.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [DATABASE]
        )
        assert give_up_if_lost(lost, OperationalError("lost"))
        waiting.result()
    assert other.connection is not None
    assert not replica("replica1").is_out


def test_a_pool_whose_server_is_dead_is_set_aside(open_replica, pair):
    """The pool says the same then: it could get no connection in time."""
    connection = open_replica(POOL)
    connection.ensure_connection()
    pair.replica.stop()
    try:
        with pytest.raises(OperationalError) as raised, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert give_up_if_lost(connection, raised.value)
        assert replica("replica1").is_out
        replica("replica1").restore()
        assert not is_usable(CLUSTER, "replica1")
        assert replica("replica1").is_out
    finally:
        pair.replica.start()


def test_a_server_that_is_full_is_not_set_aside(open_replica, pair, caplog):
    pair.primary.create_role("one_alone", "CONNECTION LIMIT 1")
    pair.replica.wait_until_caught_up()
    try:
        busy = open_replica(USER="one_alone")
        busy.ensure_connection()
        open_replica(USER="one_alone")
        for _ in range(3):
            assert chosen() == ("default", Reason.NO_REPLICA)
        assert not replica("replica1").is_out
        assert len(caplog.records) == 1
        connections["replica1"] = busy  # who has a connection is served
        assert chosen() == ("replica1", Reason.REPLICA)
        busy.close()
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
        pair.execute("DROP ROLE one_alone")


def test_one_that_rested_and_is_full_now_is_back(open_replica, pair):
    """It answers: there is nothing left to try."""
    busy = open_replica(POOL)
    busy.ensure_connection()
    open_replica(POOL)
    known = replica("replica1")
    known.breaker.set_aside(0)
    assert not is_usable(CLUSTER, "replica1")
    assert not known.is_out


def test_what_the_monitor_has_heard_meanwhile_is_not_asked_again(open_replica, pair):
    open_replica(POOL).ensure_connection()
    second = open_replica(POOL)
    second.settings_dict["PORT"] = "1"  # where nobody answers
    replica("replica1").watcher = SimpleNamespace(answered_at=float("inf"), is_used=True)
    assert not is_usable(CLUSTER, "replica1")
    assert not replica("replica1").is_out
    replica("replica1").watcher = SimpleNamespace(answered_at=0.0, is_used=True)
    assert not is_usable(CLUSTER, "replica1")
    assert replica("replica1").is_out
