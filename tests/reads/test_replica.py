"""Which replica: healthy, caught up, the scope's own."""

import threading
import time

import pytest
from django.db import OperationalError, connections, router
from freezegun import freeze_time

from pinning import Reason, scope
from pinning.conf.clusters import Cluster
from pinning.databases import VENDORS, forget
from pinning.databases.base import Positions
from pinning.health import connections as health_connections
from pinning.health import is_usable, monitor, status
from pinning.pins.pin import Pin, Pins, Position
from pinning.reads import caught_up, replica
from pinning.scopes.scope import Scope, inside
from pinning.signals import replica_down, replica_up
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

CLUSTER = Cluster("default", ("replica1", "replica2"))
PIN = Pin(cluster="default", written_at=1000.0, timeline="1", position=100)


class Scripted(Positions):
    """Positions as the test says, with a count of the questions."""

    def __init__(self) -> None:
        self.places: dict[str, dict[str, int] | Exception] = {}
        self.clock = 1000.0
        self.asked: list[str] = []

    def of_primary(self, connection):
        places = self.places.get(connection.alias)
        return places and Position(places=places, clock=self.clock)

    def of_replica(self, connection):
        self.asked.append(connection.alias)
        places = self.places.get(connection.alias, {})
        if isinstance(places, Exception):
            raise places
        return Position(places=places, clock=self.clock, server=connection.alias)


@pytest.fixture
def scripted(monkeypatch):
    positions = Scripted()
    monkeypatch.setitem(VENDORS, "sqlite", positions)
    for alias in CLUSTER.replicas:
        forget(connections[alias])
    yield positions
    for alias in CLUSTER.replicas:
        forget(connections[alias])


class Pinned(Scope):
    """A scope that opens with PIN."""

    def load_pins(self):
        return Pins([PIN])


def choose(scope: Scope, cluster: Cluster = CLUSTER):
    choice = replica.choose(scope, cluster)
    return choice.alias, choice.reason


def route() -> str:
    return router.db_for_read(Note)


def test_the_first_replica_that_has_reached_the_pin_serves(scripted):
    scripted.places = {"replica1": {"1": 99}, "replica2": {"1": 100}}
    assert choose(Pinned()) == ("replica2", Reason.CAUGHT_UP)


def test_when_none_has_reached_it_the_primary_serves(scripted):
    scripted.places = {"replica1": {"1": 99}, "replica2": {"1": 99}}
    assert choose(Pinned()) == ("default", Reason.PINNED)


def test_at_most_two_replicas_are_asked(scripted):
    three = Cluster("default", ("replica1", "replica2", "elsewhere"))
    assert choose(Pinned(), three) == ("default", Reason.PINNED)
    assert len(scripted.asked) == 2


def test_what_was_reached_is_asked_once(scripted):
    one = Cluster("default", ("replica1",))
    scripted.places = {"replica1": {"1": 100}}
    assert [choose(Pinned(), one) for _ in range(3)] == [("replica1", Reason.CAUGHT_UP)] * 3
    assert scripted.asked == ["replica1"]


def test_a_new_connection_has_reached_nothing(scripted):
    one = Cluster("default", ("replica1",))
    scripted.places = {"replica1": {"1": 100}}
    choose(Pinned(), one)
    connections["replica1"].close()
    choose(Pinned(), one)
    assert scripted.asked == ["replica1"] * 2


def test_in_a_scope_each_connection_is_asked_once_and_a_new_one_anew(scripted):
    scripted.places = {"replica1": {"1": 100}}
    with freeze_time() as clock, inside(Pinned()):
        assert [route() for _ in range(3)] == ["replica1"] * 3
        assert scripted.asked == ["replica1"]
        connections["replica1"].close()
        connections["replica1"].ensure_connection()
        scripted.places = {"replica1": {"1": 99}}  # it leads to another server, or that one crashed
        assert route() == "default"
        scripted.places = {"default": {"1": 100}, "replica1": {"1": 100}}
        clock.tick(1.1)
        assert route() == "replica1"


def test_a_replica_that_does_not_answer_has_reached_nothing(scripted):
    scripted.places = {"replica1": OperationalError("lost"), "replica2": {"1": 100}}
    assert choose(Pinned()) == ("replica2", Reason.CAUGHT_UP)


def test_after_the_cap_any_replica_serves(scripted):
    scripted.clock = 1060.0
    assert choose(Pinned())[1] == Reason.WINDOW_OVER


def test_another_timeline_leaves_it_to_the_clock(scripted):
    one = Cluster("default", ("replica1",))
    scripted.places = {"replica1": {"2": 200}}
    scripted.clock = 1004.9
    assert choose(Pinned(), one) == ("default", Reason.PINNED)
    scripted.clock = 1005.0
    assert choose(Pinned(), one) == ("replica1", Reason.WINDOW_OVER)


def test_a_choice_by_the_clock_is_not_questioned_again(scripted):
    scripted.clock = 1060.0
    assert replica.choose(Pinned(), CLUSTER).pins == ()


def test_a_choice_by_position_must_hold_on_each_connection(scripted):
    scripted.places = {"replica1": {"1": 100}, "replica2": {"1": 100}}
    assert replica.choose(Pinned(), CLUSTER).pins == (PIN,)


def test_a_scope_has_the_same_replica_first_each_time():
    work = Scope()
    assert len({choose(work) for _ in range(10)}) == 1


def test_scopes_are_spread_evenly():
    counts = {"replica1": 0, "replica2": 0}
    for _ in range(400):
        with scope() as work:
            counts[choose(work)[0]] += 1
    assert min(counts.values()) > 140


def test_weights_share_out_the_scopes():
    weighed = Cluster("default", ("replica1", "replica2"), weights=(3, 1))
    served = [choose(Scope(), weighed)[0] for _ in range(2000)]
    assert 0.70 < served.count("replica1") / 2000 < 0.80


def test_a_larger_weight_moves_none_away_from_its_replica():
    before = Cluster("default", ("replica1", "replica2"), weights=(1, 1))
    after = Cluster("default", ("replica1", "replica2"), weights=(2, 1))
    for _ in range(200):
        work = Scope()
        if choose(work, before)[0] == "replica1":
            assert choose(work, after)[0] == "replica1"


def test_a_replica_set_aside_is_passed_over_and_comes_back():
    with freeze_time() as clock:
        status.replica("replica1").set_aside(OperationalError("down"))
        assert {choose(Scope())[0] for _ in range(20)} == {"replica2"}
        clock.tick(20)  # twice RETRY_AFTER
        assert {choose(Scope())[0] for _ in range(40)} == {"replica1", "replica2"}


def test_when_all_are_set_aside_the_primary_serves():
    for alias in CLUSTER.replicas:
        status.replica(alias).set_aside(OperationalError("down"))
    assert choose(Scope()) == ("default", Reason.NO_REPLICA)
    assert choose(Pinned()) == ("default", Reason.NO_REPLICA)


def test_requests_leave_the_first_try_to_the_monitor(monkeypatch):
    status.replica("replica1").waits.watch(threading.Event())
    monkeypatch.setattr(monitor, "attend", lambda *_: None)
    with freeze_time() as clock:
        status.replica("replica1").set_aside(OperationalError("down"))
        clock.tick(10.9)
        assert not is_usable(CLUSTER, "replica1")
        clock.tick(5)
        assert is_usable(CLUSTER, "replica1")


def test_an_open_connection_is_no_sign_of_life(monkeypatch):
    connections["replica1"].ensure_connection()

    def set_aside_meanwhile(connection, **_):
        status.replica("replica1").set_aside(OperationalError("down"))

    monkeypatch.setattr(health_connections, "_renew_if_broken", set_aside_meanwhile)
    assert is_usable(CLUSTER, "replica1")
    assert status.replica("replica1").is_out


def test_down_and_up_are_told_once(caplog):
    told = []
    down = lambda alias, **_: told.append(("down", alias))  # noqa: E731
    up = lambda alias, **_: told.append(("up", alias))  # noqa: E731
    replica_down.connect(down)
    replica_up.connect(up)
    try:
        with freeze_time() as clock:
            status.replica("replica1").set_aside(OperationalError("down"))
            status.replica("replica1").set_aside(OperationalError("down"))
            clock.tick(20)
            assert is_usable(CLUSTER, "replica1")
            assert is_usable(CLUSTER, "replica1")
    finally:
        replica_down.disconnect(down)
        replica_up.disconnect(up)
    assert told == [("down", "replica1"), ("up", "replica1")]
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_a_pin_by_the_clock_asks_no_replica(scripted):
    pin = Pin(cluster="default", written_at=time.time())
    assert not caught_up.has_reached(connections["replica1"], (pin,))
    assert scripted.asked == []
