"""The monitor, with probes that answer as the test says and a clock that it turns."""

import ctypes
import os
import queue
import threading
import time
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import override_settings

from pinning import databases
from pinning.conf.clusters import Cluster
from pinning.health import monitor, status, watched_primary, watched_replica
from pinning.health.lag import History
from pinning.health.status import Replica
from pinning.health.waits import Waits
from pinning.health.watched_replica import WatchedReplica
from pinning.pins.pin import Pin, Position
from pinning.signals import replica_down, replica_up

TICK = 0.025
CLUSTER = Cluster("default", ("replica1", "replica2"))


class FakeProbe:
    def __init__(self, connection: Any) -> None:
        self.sent = self.hurried = 0
        self.is_waiting = False
        self.was_connected = True
        self.has_come = False
        self.asked: list[Any] = []
        self.answer: Any = None
        self.usual_seconds = 0.0
        self.is_closed = False

    def send(self, ask: Any) -> bool:
        self.sent += 1
        self.asked.append(ask)
        self.is_waiting = True
        return True

    def is_unanswered(self) -> bool:
        return not self.has_come

    def hurry(self) -> None:
        self.hurried += 1

    def close(self) -> None:
        self.is_closed = True

    def answers(self, answer: Any = None) -> None:
        self.is_waiting, self.answer = False, answer


class FakeWait:
    def __init__(self, since: float, *, is_harmless: bool = True) -> None:
        self.since = since
        self.is_harmless = is_harmless
        self.is_cut = False

    def cut(self) -> None:
        self.is_cut = True


class FakePrimary:
    def __init__(self) -> None:
        self.history = History(60)
        self.is_answering = False

    def is_expected(self, now: float) -> bool:
        return self.is_answering


class Scene:
    """One replica, a clock, and those who wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.interval = 2.0
        self.waits: list[FakeWait] = []
        self.cut_all: list[str] = []
        monkeypatch.setattr(watched_primary, "Probe", FakeProbe)
        monkeypatch.setattr(watched_replica, "Probe", FakeProbe)
        monkeypatch.setattr(Waits, "begun", lambda waits: self.waits)
        monkeypatch.setattr(Waits, "cut_all", lambda waits: self.cut_all.append("replica1"))
        monkeypatch.setattr(watched_replica, "_tell", Replica.tell_down)  # not in a thread
        monkeypatch.setattr("pinning.breaker.time.monotonic", lambda: self.now)
        self.primary = FakePrimary()
        self.replica = WatchedReplica(
            status.replica("replica1"), connections["replica1"], self.primary
        )

    @property
    def probe(self) -> FakeProbe:
        return self.replica._probe

    def tick(self, times: int = 1, counted: float = TICK) -> bool:
        for _ in range(times):
            self.now += TICK
            is_busy = self.replica.tick(self.now, counted, self.interval)
        return is_busy

    def waiting(self, *, is_harmless: bool = True) -> FakeWait:
        wait = FakeWait(self.now, is_harmless=is_harmless)
        self.waits.append(wait)
        return wait


def attend(connection: Any) -> None:
    monitor.attend(status.replica(connection.alias), connection, CLUSTER)


def watched() -> set[str]:
    return {alias for alias, known in status._replicas.items() if known.waits.are_watched}


@pytest.fixture
def scene(monkeypatch) -> Scene:
    return Scene(monkeypatch)


def answered(scene: Scene, answer: Any = None) -> None:
    scene.tick()
    scene.probe.answers(answer)
    scene.tick()


def test_a_replica_in_use_is_asked_once_an_interval(scene):
    for _ in range(400):  # 10 seconds
        scene.replica.is_used = True
        scene.tick()
        scene.probe.answers()
    assert scene.probe.sent == 5


def test_it_is_asked_where_it_is_no_more_than_once_an_interval(scene):
    answered(scene)
    for _ in range(3):
        scene.waiting()
        scene.tick(2)
        scene.probe.answers()
        scene.tick()
    assert scene.probe.asked == [scene.replica._where, *[watched_replica._ping] * 3]
    scene.now += 2
    scene.tick()
    assert scene.probe.asked[-1] == scene.replica._where


def test_those_who_read_learn_from_its_answer(scene, monkeypatch):
    """They ask nothing while it is far behind."""
    progress, now = status.replica("replica1").progress, time.time()
    first = Pin(cluster="default", written_at=now - 60, timeline="7.1", position=5)
    progress.note(Position(places={"7.1": 4}, clock=0.0), [first], now - 50)
    new = Pin(cluster="default", written_at=now, timeline="7.1", position=6)
    assert not progress.is_far(new, now, "")  # too long ago
    behind = Position(places={"7.1": 4}, clock=0.0)
    monkeypatch.setattr(databases, "of_replica", lambda _: behind)
    assert scene.replica._where(connections["replica1"]) is behind
    assert progress.is_far(new, time.time(), "")


def test_what_somebody_is_in_the_middle_of_has_it_asked_too(scene, monkeypatch):
    answered(scene)
    monkeypatch.setattr(Waits, "are_held", lambda waits: True)
    scene.now += 2
    scene.tick()
    assert scene.probe.sent == 2


def test_a_replica_that_is_not_used_is_not_asked(scene):
    answered(scene)
    scene.now += 1000
    assert scene.tick(10) is False
    assert scene.probe.sent == 1


def test_somebody_who_waits_has_it_asked_at_once(scene):
    answered(scene)
    scene.waiting()
    scene.tick(2)
    assert scene.probe.sent == 2


def test_an_answer_is_one_for_all_who_waited_then(scene):
    answered(scene)
    scene.waiting()
    scene.tick(2)
    scene.probe.answers()
    scene.tick(20)  # a long query, half a second of it
    assert scene.probe.sent == 2
    scene.tick(80)
    assert scene.probe.sent == 3


def test_silence_sets_it_aside_and_ends_young_waits(scene, caplog):
    old = scene.waiting()
    scene.now += 5
    answered(scene)
    young = scene.waiting()
    scene.tick(4)  # which is PROBE_TIMEOUT
    assert young.is_cut
    assert not old.is_cut
    assert status.replica("replica1").breaker.is_resting
    assert "'replica1' is set aside until it answers: It did not answer a probe" in caplog.text
    late = scene.waiting()
    scene.tick()
    assert late.is_cut
    assert len(caplog.records) == 1


def test_an_answer_that_nobody_has_had_time_to_take_is_one(scene):
    answered(scene)
    scene.probe.has_come = True
    scene.waiting()
    scene.tick(20)
    assert not status.replica("replica1").breaker.is_resting


def test_readers_are_freed_before_it_is_told(scene):
    cut_first = []
    answered(scene)
    wait = scene.waiting()
    down = lambda **_: cut_first.append(wait.is_cut)  # noqa: E731
    replica_down.connect(down)
    scene.tick(5)
    replica_down.disconnect(down)
    assert cut_first == [True]


def test_a_wait_whose_end_would_be_an_error_is_given_longer(scene):
    answered(scene)
    raw = scene.waiting(is_harmless=False)
    scene.tick(30)
    assert status.replica("replica1").breaker.is_resting
    assert not raw.is_cut
    scene.tick(15)
    assert raw.is_cut


def test_an_answer_from_before_it_failed_does_not_bring_it_back(scene):
    scene.tick()
    scene.probe.answers()
    status.replica("replica1").set_aside(OperationalError("refused"))
    scene.tick()
    assert status.replica("replica1").breaker.is_resting


def test_a_replica_restored_under_a_silent_probe_is_set_aside_again(scene):
    answered(scene)
    scene.waiting()
    scene.tick(6)
    status.replica("replica1").restore()
    scene.tick()
    assert status.replica("replica1").breaker.is_resting
    assert scene.cut_all == []


def test_what_began_shortly_before_the_last_answer_is_young_too(scene):
    wait = scene.waiting()
    answered(scene)
    scene.waiting()
    scene.tick(5)
    assert wait.is_cut


def test_silence_to_the_next_try_ends_everything_and_asks_anew(scene):
    answered(scene)
    scene.waiting()
    scene.tick(10)
    assert (scene.cut_all, scene.probe.hurried) == ([], 0)
    scene.now += 20
    scene.tick()
    assert (scene.cut_all, scene.probe.hurried) == (["replica1"], 1)


def test_a_late_answer_brings_it_back_at_once(scene):
    answered(scene)
    scene.waiting()
    scene.tick(10)
    scene.waits.clear()
    scene.probe.answers()
    scene.tick()
    assert not status.replica("replica1").breaker.is_resting


def test_one_that_comes_and_goes_has_to_rest(scene, caplog):
    """Else each answer, a little late, brings it back for a moment, with two lines in the log."""
    for _ in range(50):
        answered(scene)
        scene.waiting()
        scene.tick(6)
        scene.waits.clear()
        scene.probe.answers()
        scene.tick()
    assert status.replica("replica1").breaker.is_resting
    assert len(caplog.records) < 6
    scene.now += 20
    answered(scene)
    assert not status.replica("replica1").breaker.is_resting


@pytest.mark.parametrize(("round_trip", "ticks"), [(0.0, 1), (0.12, 11), (9.0, 41)])
def test_the_usual_round_trip_is_added_twice_up_to_a_bound(scene, round_trip, ticks):
    answered(scene)
    scene.probe.usual_seconds = round_trip
    scene.now, scene.replica.is_used = scene.now + 2, True
    scene.tick()
    scene.tick(ticks)
    assert not status.replica("replica1").breaker.is_resting
    scene.tick(3)
    assert status.replica("replica1").breaker.is_resting


def test_nobody_has_waited_for_long_within_a_round_trip(scene):
    answered(scene)
    scene.probe.usual_seconds = 0.12
    scene.waiting()
    scene.tick(5)
    assert scene.probe.sent == 1
    scene.tick(2)
    assert scene.probe.sent == 2


def test_a_probe_that_has_to_connect_has_ten_times_as_long(scene):
    scene.probe.was_connected = False
    scene.tick(39)
    assert not status.replica("replica1").breaker.is_resting
    scene.tick(3)
    assert status.replica("replica1").breaker.is_resting


def test_a_process_without_time_is_no_silent_replica(scene):
    answered(scene)
    scene.waiting()
    scene.tick(4, counted=TICK / 2)
    assert not status.replica("replica1").breaker.is_resting
    scene.tick(4, counted=TICK / 2)
    assert status.replica("replica1").breaker.is_resting


def test_time_that_passed_in_one_leap_hardly_counts(monkeypatch):
    counted = []
    look = monitor.Monitor()
    watched = type("", (), {"tick": lambda _, now, by, interval: counted.append(by)})()
    look._replicas.append(watched)
    for now in (10.0, 10.025, 10.027, 10.062, 10.122, 10.622):
        look._look(now, TICK)
    assert counted == pytest.approx([TICK / 4, TICK, 0.002, 0.015, TICK / 4, TICK / 4])


def test_an_error_takes_none_out_who_reads_will_see(scene):
    answered(scene, OperationalError("refused"))
    assert not status.replica("replica1").breaker.is_resting


def test_a_replica_that_rests_is_tried_each_second(scene):
    """That makes its rest no longer: requests, which would wait for the answer, try after it."""
    answered(scene)
    status.replica("replica1").set_aside(OperationalError("refused"))
    rest = status.replica("replica1").breaker._rest
    for _ in range(3):
        scene.now += 1
        answered(scene, OperationalError("refused"))
        assert status.replica("replica1").breaker._rest == rest
    assert scene.probe.sent == 4
    scene.tick(30)
    assert scene.probe.sent == 4
    scene.tick(10)
    assert scene.probe.sent == 5
    scene.probe.answers()
    scene.tick()
    assert not status.replica("replica1").breaker.is_resting


def test_one_that_came_and_went_is_tried_after_its_rest(scene, monkeypatch):
    monkeypatch.setattr(Replica, "is_unsteady", True)
    answered(scene)
    status.replica("replica1").set_aside(OperationalError("refused"))
    scene.tick(100)
    assert scene.probe.sent == 1
    scene.now += 12
    scene.tick()
    assert scene.probe.sent == 2
    scene.probe.answers()
    scene.tick()
    assert not status.replica("replica1").breaker.is_resting


def test_who_waits_for_a_replica_that_takes_no_connections_is_freed(scene):
    """A pooler keeps its client's connection while it has none to the server."""
    scene.replica.is_used = True
    answered(scene)
    wait, harmful = scene.waiting(), scene.waiting(is_harmless=False)
    status.replica("replica1").set_aside(OperationalError("refused"))  # another reader saw it
    scene.tick()
    scene.probe.answers(OperationalError("refused"))
    scene.tick()
    assert (wait.is_cut, harmful.is_cut) == (True, False)
    assert status.replica("replica1").breaker.is_resting


def test_also_when_nobody_else_has_seen_it_fail(scene):
    answered(scene)
    wait = scene.waiting()
    for _ in range(2):
        scene.now += 2
        scene.tick()
        scene.probe.answers(OperationalError("refused"))
        scene.tick()
    assert wait.is_cut
    assert not status.replica("replica1").breaker.is_resting


def test_a_long_query_is_left_to_a_replica_that_takes_no_more_connections(scene):
    wait = scene.waiting()
    scene.now += 5
    answered(scene)
    status.replica("replica1").set_aside(OperationalError("refused"))
    scene.now += 12
    scene.tick()
    scene.probe.answers(OperationalError("refused"))
    scene.tick()
    assert not wait.is_cut


def test_an_answer_before_its_rest_is_over_does_not_bring_it_back(scene):
    answered(scene)
    status.replica("replica1").set_aside(OperationalError("refused"))
    scene.waiting()
    scene.tick(2)
    scene.probe.answers()
    scene.tick()
    assert scene.probe.sent == 2
    assert status.replica("replica1").breaker.is_resting


def test_requests_do_not_try_before_the_lookout_has_had_its_turn(scene):
    status.replica("replica1").set_aside(OperationalError("refused"))
    scene.now += 12.5
    assert not status.replica("replica1").breaker.may_try(5)
    assert status.replica("replica1").breaker.may_try()


def test_a_replica_that_lags_is_out_until_it_has_caught_up(scene, caplog):
    told = []
    down = lambda alias, error, **_: told.append((alias, str(error)))  # noqa: E731
    up = lambda alias, **_: told.append(alias)  # noqa: E731
    replica_down.connect(down)
    replica_up.connect(up)
    for at in range(60, 104):
        scene.primary.history.add(at, Position(places={"7.1": 100}, clock=0.0))
    behind = Position(places={"7.1": 99}, clock=0.0)
    caught_up = Position(places={"7.1": 100}, clock=0.0)
    with override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}}):
        scene.replica.replica = status.replica("replica1")
        for answer in (behind, behind, caught_up, caught_up):
            scene.now += 3
            is_lagging = status.replica("replica1").is_lagging
            scene.replica.is_used = not is_lagging  # else it is asked anyway
            answered(scene, answer)
            assert status.replica("replica1").is_out is (answer is behind)
            assert bool(status.replica("replica1").lag) is (answer is behind)
    assert told == [("replica1", "It lags by 43.0 s or more."), "replica1"]
    replica_down.disconnect(down)
    replica_up.disconnect(up)


def test_one_that_was_late_is_back_when_it_is_well_below(scene):
    """It does not come and go with each question."""
    for at in range(60, 104):
        scene.primary.history.add(at, Position(places={"7.1": at}, clock=0.0))
    late = status.replica("replica1")
    for place, is_out in [(71, True), (74, True), (79, True), (82, False), (74, False)]:
        scene.now, scene.replica.is_used = scene.now + 3, True
        scene.primary.history.add(scene.now, Position(places={"7.1": 104}, clock=0.0))
        scene.primary.history._seen.pop()
        answered(scene, Position(places={"7.1": place}, clock=0.0))
        assert late.is_out is is_out, place


@pytest.mark.parametrize(("place", "is_fresh"), [(100, True), (99, False)])
def test_it_is_fresh_once_it_has_what_the_primary_had(scene, place, is_fresh):
    scene.primary.history.add(scene.now, Position(places={"7.1": 100}, clock=0.0))
    answered(scene, Position(places={"7.1": place}, clock=0.0))
    assert scene.replica._freshness.is_fresh() is is_fresh
    scene.now += 31
    assert not scene.replica._freshness.is_fresh()


def test_that_a_replica_serves_nobody_until_its_lag_is_known_is_told_once(scene, caplog):
    caplog.set_level("INFO", "pinning")
    scene.primary.history.add(scene.now, Position(places={"7.1": 100}, clock=0.0))
    told = []
    for place in (98, 98, 99, 99, 100, 100):
        scene.now += 2
        scene.replica.is_used = True
        answered(scene, Position(places={"7.1": place}, clock=0.0))
        told.append([record.message.partition(":")[0] for record in caplog.records])
        caplog.clear()
    not_yet, at_last = (
        "Replica 'replica1' serves nobody yet",
        "Replica 'replica1' is seen to lag less than MAX_LAG.",
    )
    assert told == [[], [not_yet], [], [], [at_last], []]


def test_a_start_that_takes_a_moment_is_not_told(scene, caplog):
    caplog.set_level("INFO", "pinning")
    scene.primary.history.add(scene.now, Position(places={"7.1": 100}, clock=0.0))
    for place in (99, 100):
        scene.replica._freshness.is_wanted = True
        answered(scene, Position(places={"7.1": place}, clock=0.0))
    assert caplog.records == []


def test_a_primary_that_is_about_to_tell_is_waited_for(scene):
    scene.primary.is_answering = True
    freshness = scene.replica._freshness
    freshness.is_wanted = True
    answered(scene, Position(places={"7.1": 100}, clock=0.0))
    assert (freshness.is_wanted, freshness.is_fresh()) == (True, False)
    scene.primary.is_answering = False
    scene.primary.history.add(scene.now, Position(places={"7.1": 100}, clock=0.0))
    answered(scene, Position(places={"7.1": 100}, clock=0.0))
    assert (freshness.is_wanted, freshness.is_fresh()) == (False, True)
    assert scene.probe.asked == [scene.replica._where] * 2


def test_where_the_primary_tells_nothing_the_replica_serves(scene):
    answered(scene, Position(places={"7.1": 100}, clock=0.0))
    assert scene.replica._freshness.is_fresh()


@pytest.mark.parametrize("answer", [OperationalError("refused"), None])
def test_who_waits_to_know_is_let_go(scene, answer):
    scene.replica._freshness.is_wanted = True
    answered(scene, answer)
    assert not scene.replica._freshness.is_wanted


def test_also_where_it_is_silent(scene):
    scene.replica._freshness.is_wanted = True
    scene.tick(6)
    assert not scene.replica._freshness.is_wanted


def test_a_primary_is_asked_once_an_interval_and_its_places_are_noted(monkeypatch):
    monkeypatch.setattr(watched_primary, "Probe", FakeProbe)
    primary = watched_primary.WatchedPrimary(connections["default"], 30)
    for tick in range(401):  # 10 seconds
        primary.tick(100 + tick * TICK, 2.0)
        primary._probe.answers(Position(places={"7.1": tick}, clock=0.0))
    assert primary._probe.sent == 6
    assert primary._probe.asked[0] is databases.of_log
    assert [position.places for _, position in primary.history._seen][:2] == [
        {"7.1": 0},
        {"7.1": 80},
    ]


def test_a_probe_of_the_primary_that_hangs_is_hurried(monkeypatch):
    monkeypatch.setattr(watched_primary, "Probe", FakeProbe)
    primary = watched_primary.WatchedPrimary(connections["default"], 30)
    for second in range(100, 125):
        primary.tick(second, 2.0)
    assert (primary._probe.sent, primary._probe.hurried) == (1, 5)


def test_it_is_measured_four_times_in_max_lag():
    for max_lag, expected in [(None, 2.0), (30, 2.0), (1, 0.25)]:
        with override_settings(PINNING={"MAX_LAG": max_lag}):
            assert monitor.interval() == expected


@pytest.mark.parametrize("answer", [None, Position(places={}, clock=0.0)])
def test_where_no_position_can_be_told_nothing_lags(scene, answer):
    status.replica("replica1").mark_lagging(OperationalError("late"))
    status.replica("replica1").lag = 3.0
    answered(scene, answer)
    assert not status.replica("replica1").is_out
    assert status.replica("replica1").lag is None


def test_there_is_none_for_sqlite(monkeypatch):
    monkeypatch.setattr(monitor, "is_under_test", lambda: False)
    attend(connections["replica1"])
    assert watched() == set()


def test_there_is_none_in_tests(monkeypatch):
    replica = replica_of(monkeypatch, NAME="elsewhere")
    monkeypatch.undo()
    for module in (watched_primary, watched_replica):
        monkeypatch.setattr(module, "Probe", FakeProbe)
    monkeypatch.setattr(type(replica), "vendor", "postgresql")
    attend(replica)
    assert watched() == set()


def replica_of(monkeypatch, **settings: Any) -> Any:
    monkeypatch.setattr(monitor, "is_under_test", lambda: False)
    for module in (watched_primary, watched_replica):
        monkeypatch.setattr(module, "Probe", FakeProbe)
    replica = connections["replica1"].copy()
    replica.settings_dict.update(settings)
    monkeypatch.setattr(type(replica), "vendor", "postgresql")
    return replica


def test_there_is_none_where_both_aliases_lead_to_one_database(monkeypatch):
    name = connections["default"].settings_dict["NAME"]
    attend(replica_of(monkeypatch, NAME=name))
    assert watched() == set()


def test_there_is_none_where_the_settings_say_so(monkeypatch):
    with override_settings(PINNING={"PROBE_TIMEOUT": None}):
        attend(replica_of(monkeypatch, NAME="elsewhere"))
        assert watched() == set()


def test_one_thread_looks_after_all_of_them_and_ends_with_a_reset(monkeypatch):
    def alive() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "pinning-monitor"]

    for alias in ("replica1", "replica2"):
        replica = replica_of(monkeypatch, NAME=alias)
        replica.alias = alias
        attend(replica)
        attend(replica)
    assert watched() == {"replica1", "replica2"}
    (thread,) = alive()
    status.replica("replica1").watcher.is_used = False
    attend(connections["replica1"])
    assert status.replica("replica1").watcher.is_used
    monitor.reset()
    thread.join(timeout=10)
    assert alive() == []
    assert watched() == set()


def test_its_connections_are_closed_as_it_ends(monkeypatch):
    with override_settings(PINNING={"MAX_LAG": 30}):
        attend(replica_of(monkeypatch, NAME="elsewhere"))
        ending = monitor._monitor
    probes = [watched._probe for watched in (*ending._primaries.values(), *ending._replicas)]
    ending._thread.join(timeout=10)
    assert [probe.is_closed for probe in probes] == [True, True]


def test_a_thread_that_has_died_is_replaced(monkeypatch):
    attend(replica_of(monkeypatch, NAME="elsewhere"))
    first = monitor._monitor._thread
    monitor._monitor.stop()
    first.join(timeout=10)
    monitor._monitor._is_stopped = False
    attend(connections["replica1"])
    assert monitor._monitor._thread is not first
    assert monitor._monitor._thread.is_alive()
    monitor.reset()


@pytest.mark.parametrize(("is_fresh", "next_step"), [(True, "sleep"), (False, "look")])
def test_a_wait_soon_after_another_one_does_not_wake_the_monitor(monkeypatch, is_fresh, next_step):
    """It would take the processor from each page. But somebody may wait to know the lag."""
    did = queue.SimpleQueue()
    monkeypatch.setattr(monitor.time, "sleep", lambda seconds: did.put("sleep"))
    watching = monitor.Monitor()
    watching._replicas.append(SimpleNamespace(is_fresh=is_fresh, close=lambda: None))
    monkeypatch.setattr(watching, "_rest", lambda tick: None)
    monkeypatch.setattr(watching, "_look", lambda now, tick: did.put("look"))
    watching._start()
    assert did.get(timeout=10) == "look"
    watching._activity.set()
    assert did.get(timeout=10) == next_step
    watching.stop()
    watching._thread.join(timeout=10)


def test_where_no_thread_can_be_started_nobody_looks(monkeypatch, caplog):
    replica = replica_of(monkeypatch, NAME="elsewhere")

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    attend(replica)
    assert watched() == set()
    assert "can't start new thread" in caplog.text


def test_a_fork_does_not_wait_for_a_lock_that_nobody_holds_any_more():
    with monitor._monitor._activity._cond, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            os._exit(0)
    deadline = time.monotonic() + 10
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_forked_process_looks_anew(monkeypatch):
    attend(replica_of(monkeypatch, NAME="elsewhere"))
    status.replica("replica1").set_aside(OperationalError("down"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are other threads; that is it
        child = os.fork()
    if child == 0:
        is_clean = watched() == set() and not status.replica("replica1").is_out
        os._exit(0 if is_clean else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert watched() == {"replica1"}
    monitor.reset()


def test_a_process_forked_without_python_s_hooks_looks_anew(monkeypatch):
    """As uWSGI's workers: no other thread is there, and what the parent saw may be over."""
    attend(replica_of(monkeypatch, NAME="elsewhere"))
    status.replica("replica1").set_aside(OperationalError("down"))
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        monitor.renew_if_forked()
        is_clean = watched() == set() and not status.replica("replica1").is_out
        os._exit(0 if is_clean else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    monitor.renew_if_forked()
    assert watched() == {"replica1"}
    monitor.reset()
