"""How long a scope stays on the primary: it looks again after a second, and never goes back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import Error, OperationalError, connections, router, transaction
from django.test import override_settings
from freezegun import freeze_time

from pinning import Reason, in_scope, read_only, scope
from pinning.conf import clusters
from pinning.databases import VENDORS, forget
from pinning.databases.base import Positions
from pinning.health import status
from pinning.pins import Pin, Pins, Position
from pinning.reads.order import in_order
from pinning.scopes.request import RequestScope
from pinning.scopes.scope import Scope, inside
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

REPLICAS = ("replica1", "replica2")


class Log(Positions):
    """A primary's log, and how far each replica is, as the test says. It counts the questions."""

    def __init__(self) -> None:
        self.places: dict[str, int | Exception | None] = {"default": 200}
        self.asked: list[str] = []

    def of_primary(self, connection: Any) -> Position | None:
        return self._told(connection)

    def of_replica(self, connection: Any) -> Position | None:
        return self._told(connection)

    def _told(self, connection: Any) -> Position | None:
        self.asked.append(connection.alias)
        place = self.places.get(connection.alias, 0)
        if isinstance(place, Exception):
            raise place
        if place is None:
            return None
        return Position(places={"7.1": place}, clock=1000.0, server=connection.alias)


@pytest.fixture
def log(monkeypatch):
    log = Log()
    monkeypatch.setitem(VENDORS, "sqlite", log)
    for alias in REPLICAS:
        forget(connections[alias])
    yield log
    for alias in REPLICAS:
        forget(connections[alias])


@pytest.fixture
def clock():
    with freeze_time() as clock:
        yield clock


class Pinned(Scope):
    """A scope whose user has written: the primary's log was at 100 then."""

    known: Pins | None = Pins(
        [Pin(cluster="default", written_at=1000.0, timeline="7.1", position=100)]
    )

    def __init__(self) -> None:
        super().__init__()
        self.trace = []

    def load_pins(self) -> Pins | None:
        return self.known


class Unpinned(Pinned):
    known: Pins | None = Pins()


def route() -> str:
    return router.db_for_read(Note)


def reason(work: Scope) -> Reason:
    return work.trace[-1].reason


def test_a_pinned_scope_moves_to_a_replica_that_has_all_that_it_may_have_seen(log, clock):
    with inside(Pinned()) as work:
        assert route() == "default"
        log.places["replica1"] = 200
        clock.tick(0.9)
        assert route() == "default"
        clock.tick(0.2)
        assert route() == "replica1"
        assert reason(work) == Reason.CAUGHT_UP


def test_a_replica_that_has_its_pins_and_not_what_it_saw_does_not_serve(log, clock):
    with inside(Pinned()) as work:
        route()
        log.places["replica1"] = 199
        for _ in range(3):
            clock.tick(1.1)
            assert route() == "default"
            assert reason(work) == Reason.PINNED
        log.places["replica1"] = 200
        clock.tick(1.1)
        assert route() == "replica1"


def test_it_looks_once_a_second(log, clock):
    with inside(Pinned()):
        route()
        log.asked.clear()
        for _ in range(30):
            clock.tick(0.1)
            route()
        assert 2 <= log.asked.count("default") <= 3
        assert log.asked.count("replica1") == log.asked.count("default")


@pytest.mark.parametrize("place", [None, OperationalError("lost")])
def test_where_the_primary_tells_no_position_it_stays(log, clock, place):
    with inside(Pinned()) as work:
        route()
        log.places |= {"default": place, "replica1": 1000}
        clock.tick(60)
        assert route() == "default"
        assert reason(work) == Reason.PINNED


def test_a_question_that_fails_leaves_the_connection_open(log, clock):
    with inside(Pinned()):
        connections["default"].ensure_connection()
        before = connections["default"].connection
        route()
        log.places["default"] = Error("no")
        clock.tick(60)
        route()
    assert connections["default"].connection is before


def test_once_it_has_moved_it_asks_no_more(log, clock):
    with inside(Pinned()):
        route()
        log.places["replica1"] = 200
        clock.tick(1.1)
        route()
        log.asked.clear()
        log.places |= {"default": 300}
        clock.tick(60)
        assert route() == "replica1"
        assert log.asked == []


def test_it_does_not_move_while_a_transaction_is_open(log, clock):
    class InView(Pinned):
        def is_views(self, connection: Any, transaction: object) -> bool:
            return True

    with inside(InView()) as work:
        with transaction.atomic():
            route()
            log.places["replica1"] = 200
            clock.tick(1.1)
            assert route() == "default"
            assert reason(work) == Reason.PINNED
        clock.tick(1.1)
        assert route() == "replica1"


def test_a_replica_that_was_out_serves_when_it_has_what_the_scope_saw_meanwhile(log, clock):
    status.replica("replica1").set_aside(OperationalError("down"))
    with inside(Unpinned()) as work:
        assert route() == "default"
        assert reason(work) == Reason.NO_REPLICA
        status.replica("replica1").restore()
        log.places["replica1"] = 199
        clock.tick(1.1)
        assert route() == "default"
        assert reason(work) == Reason.NO_REPLICA
        log.places["replica1"] = 200
        clock.tick(1.1)
        assert route() == "replica1"
        assert reason(work) == Reason.REPLICA


def test_stores_are_asked_again(log, clock):
    log.places["replica1"] = 200
    with inside(Pinned()) as work:
        work.known = None
        assert route() == "default"
        assert reason(work) == Reason.STORES_DOWN
        clock.tick(1.1)
        assert route() == "default"
        assert reason(work) == Reason.STORES_DOWN
        assert log.asked == []
        work.known = Pinned.known
        assert route() == "default"
        clock.tick(1.1)
        assert route() == "replica1"
        assert reason(work) == Reason.CAUGHT_UP


def test_they_are_asked_again_by_the_scope_around(log, clock):
    log.places["replica1"] = 200
    with inside(Pinned()) as around, scope() as work:
        around.known = None
        assert route() == "default"
        around.known = Pins()
        clock.tick(1.1)
        assert route() == "replica1"
        assert reason(work) == Reason.REPLICA


def test_pins_that_the_stores_tell_then_count(log, clock):
    with inside(Pinned()) as work:
        work.known = None
        route()
        work.known = Pinned.known
        log.places |= {"default": 90, "replica1": 90}
        clock.tick(1.1)
        assert route() == "default"
        assert reason(work) == Reason.PINNED


def test_what_is_for_good_is_not_looked_at_again(log, clock):
    with override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}, "USE_REPLICAS": False}):
        with inside(Unpinned()) as work:
            route()
            clock.tick(60)
            assert route() == "default"
            assert reason(work) == Reason.SWITCHED_OFF
    assert log.asked == []


def test_pins_that_come_from_elsewhere_do_not_end_the_stay(log, clock):
    with inside(Pinned()) as work:
        route()
        log.places["replica1"] = 199
        work.receive(Pins([Pin(cluster="default", written_at=1000.0, timeline="7.1", position=50)]))
        assert route() == "default"


def test_the_next_replica_must_have_what_the_scope_saw_on_the_primary(log, clock):
    with override_settings(PINNING={"REPLICAS": {"default": list(REPLICAS)}, "WAIT": 0}):
        with inside(Pinned()):
            route()
            log.places |= {"replica1": 200, "replica2": 199}
            clock.tick(1.1)
            assert route() == "replica1"
            status.replica("replica1").set_aside(OperationalError("down"))
            connections["replica1"].close()
            assert route() == "default"
            log.places["replica2"] = 200
            clock.tick(1.1)
            assert route() == "replica2"


def in_thread(call: Any) -> Any:
    told = []
    thread = threading.Thread(target=in_scope(lambda: told.append(call())))
    thread.start()
    thread.join()
    return told[0]


def test_a_new_thread_follows_a_scope_that_has_moved(log, clock):
    def read():
        try:
            return route()
        finally:
            connections.close_all()

    with inside(Pinned()):
        route()
        log.places["replica1"] = 200
        clock.tick(1.1)
        assert route() == "replica1"
        log.places["default"] = 300
        assert in_thread(read) == "replica1"


def test_a_thread_that_was_on_the_primary_asks_for_itself(log, clock):
    """It may have read there after the scope had moved."""
    has_read, may_go_on = threading.Event(), threading.Event()
    told = []

    def read():
        told.append(route())
        has_read.set()
        may_go_on.wait(10)
        told.append(route())
        log.places["replica1"] = 300
        clock.tick(1.1)
        told.append(route())
        connections.close_all()

    with inside(Pinned()):
        route()
        thread = threading.Thread(target=in_scope(read))
        thread.start()
        has_read.wait(10)
        log.places["replica1"] = 200
        clock.tick(1.1)
        assert route() == "replica1"
        log.places["default"] = 300  # which the other thread may have seen by now
        clock.tick(1.1)
        may_go_on.set()
        thread.join()
    assert told == ["default", "default", "replica1"]


def test_a_thread_that_may_have_seen_more_takes_the_others_back(log, clock):
    """What it has seen may be handed to them."""
    with ThreadPoolExecutor(1) as pool, inside(Pinned()):
        read = in_scope(route)
        assert (route(), pool.submit(read).result()) == ("default", "default")
        log.places["replica1"] = 200
        clock.tick(1.1)
        assert route() == "replica1"
        log.places["default"] = 300
        assert (pool.submit(read).result(), route()) == ("default", "default")
        log.places["replica1"] = 300
        clock.tick(1.1)
        assert (pool.submit(read).result(), route()) == ("replica1", "replica1")
        pool.submit(connections.close_all).result()


def test_asynchronous_code_moves_too(log, clock):
    async def read():
        with inside(Pinned()):
            before = await sync_to_async(route)()
            log.places["replica1"] = 200
            clock.tick(1.1)
            return before, await sync_to_async(route)()

    assert async_to_sync(read)() == ("default", "replica1")


def test_a_read_of_the_event_loop_prolongs_the_stay(log, clock):
    """Its query runs later in a thread, and may see more than any position that was asked for."""

    async def read():
        with inside(Pinned()):
            await sync_to_async(route)()
            log.places["replica1"] = 200
            clock.tick(1.1)
            on_loop = route()
            return on_loop, await sync_to_async(route)()

    assert async_to_sync(read)() == ("default", "default")


def test_a_read_of_the_event_loop_takes_a_scope_that_has_moved_back(log, clock):
    async def read():
        with inside(Pinned()):
            await sync_to_async(route)()
            log.places["replica1"] = 200
            clock.tick(1.1)
            moved = await sync_to_async(route)()
            on_loop = route()
            after = await sync_to_async(route)()
            clock.tick(1.1)
            return moved, on_loop, after, await sync_to_async(route)()

    assert async_to_sync(read)() == ("replica1", "default", "default", "replica1")


@pytest.mark.parametrize("kind", [Scope, Unpinned], ids=["no identity", "another identity"])
def test_an_inner_scope_begins_on_the_primary_if_the_scope_around_is_there(log, clock, kind):
    """A replica may be older than what was read there."""
    with inside(Pinned()):
        assert route() == "default"
        log.places["replica1"] = 150
        with inside(kind()):
            assert route() == "default"
            clock.tick(1.1)
            assert route() == "default"
            log.places["replica1"] = 200
            clock.tick(1.1)
            assert route() == "replica1"


def test_when_its_replica_has_failed_no_older_replica_serves(log, clock):
    with override_settings(PINNING={"REPLICAS": {"default": list(REPLICAS)}, "WAIT": 0}):
        with inside(Unpinned()) as work:
            work._seed = seed_of("replica1")
            assert route() == "replica1"
            status.replica("replica1").set_aside(OperationalError("down"))
            connections["replica1"].close()
            assert route() == "default"
            assert reason(work) == Reason.NO_REPLICA
            log.places["replica2"] = 199
            clock.tick(1.1)
            assert route() == "default"
            log.places["replica2"] = 200
            clock.tick(1.1)
            assert route() == "replica2"


def test_an_inner_scope_does_not_serve_from_an_older_replica(log, clock):
    with override_settings(PINNING={"REPLICAS": {"default": list(REPLICAS)}, "WAIT": 0}):
        with inside(Unpinned()) as work:
            work._seed = seed_of("replica1")
            assert route() == "replica1"
            status.replica("replica1").set_aside(OperationalError("down"))
            with scope():
                assert route() == "default"
                assert reason(work) == Reason.NO_REPLICA
            with inside(Pinned()):
                assert route() == "default"


def test_an_inner_scope_of_another_user_asks_the_replica_for_their_pins(log, clock):
    with inside(Unpinned()), inside(Pinned()) as work:
        work.parent.trace = work.trace
        with inside(work.parent):
            assert route() == "replica1"
        assert route() == "default"
        assert reason(work) == Reason.PINNED
    log.places["replica1"] = 100
    with inside(Unpinned()):
        route()
        with inside(Pinned()) as work:
            assert route() == "replica1"
            assert reason(work) == Reason.CAUGHT_UP


def test_an_inner_scope_has_what_the_scope_around_saw_before_it_moved(log, clock):
    def read():
        try:
            return route()
        finally:
            connections.close_all()

    with inside(Pinned()):
        route()
        log.places["replica1"] = 200
        clock.tick(1.1)
        assert route() == "replica1"
        log.places["replica1"] = 199  # as a new connection to a pooler may show it
        with scope():
            assert in_thread(read) == "default"


def test_an_inner_scope_leaves_a_task_s_primary_for_what_has_all_that_was_read_there(log, clock):
    with scope(carried=None):
        assert route() == "default"
        log.places["replica1"] = 199
        with scope() as work:
            work.trace = []
            assert route() == "default"
            assert reason(work) == Reason.NO_PINS
            log.places["replica1"] = 200
            clock.tick(1.1)
            assert route() == "replica1"
        with scope():
            assert route() == "replica1"
        clock.tick(60)
        assert route() == "default"


def test_an_inner_scope_of_an_unsafe_request_reads_from_the_primary(rf, log):
    with inside(RequestScope(rf.post("/"))):
        assert route() == "default"
        with scope() as work:
            work.trace = []
            assert route() == "default"
            assert reason(work) == Reason.UNSAFE_METHOD
            with read_only():
                assert route() == "replica1"


def test_pins_that_arrive_keep_the_scope_on_its_replica_or_send_it_to_the_primary(log, clock):
    """By the clock another replica would do, and may be older than what was read."""
    by_clock = Pins([Pin(cluster="default", written_at=1.0)])
    with override_settings(PINNING={"REPLICAS": {"default": list(REPLICAS)}, "WAIT": 0}):
        with inside(Unpinned()) as work:
            work._seed = seed_of("replica1")
            assert route() == "replica1"
            status.replica("replica1").set_aside(OperationalError("down"))
            work.receive(by_clock)
            assert route() == "default"
            assert reason(work) == Reason.NO_REPLICA


def seed_of(alias: str) -> int:
    """A seed that leads to this replica first."""
    cluster = clusters().named("default")
    return next(seed for seed in range(100) if in_order(cluster, seed)[0] == alias)
