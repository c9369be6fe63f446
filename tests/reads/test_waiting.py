"""Waiting for a replica: who waits, for how long, and what ends it."""

import threading
import time

import pytest
from asgiref.sync import async_to_sync
from django.db import connections, transaction
from freezegun import freeze_time

from pinning import Reason, carried, health, scope, use_primary, wait_for_replica
from pinning.health import replica
from pinning.pins import Pin, Pins, Position, held
from pinning.reads import waiting
from pinning.scopes.scope import Scope, inside
from tests.notes.models import Note
from tests.reads.test_replica import PIN, Scripted, route, scripted

__all__ = ["scripted"]

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

BEHIND = {"replica1": {"1": 99}, "replica2": {"1": 99}}


class Slept:
    """Stands for the time that a wait sleeps: ``meanwhile`` happens after so many sleeps."""

    def __init__(self, clock, meanwhile) -> None:
        self.clock, self.meanwhile = clock, meanwhile
        self.times: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.times.append(seconds)
        self.clock.tick(seconds)
        if len(self.times) == 3:
            self.meanwhile()


@pytest.fixture
def sleeping(monkeypatch):
    """Begins to measure sleep; what happens after the third sleep may be given."""

    def begin(clock, meanwhile=lambda: None) -> Slept:
        slept = Slept(clock, meanwhile)
        monkeypatch.setattr(waiting.time, "sleep", slept)
        return slept

    return begin


class Pinned(Scope):
    """A scope that opens with pins."""

    def __init__(self, *pins: Pin) -> None:
        super().__init__()
        self.brought = Pins(pins or [PIN])

    def load_pins(self):
        return self.brought


def at(places: dict[str, int]) -> Position:
    return Position(places=places, clock=0.0)


def about(seconds: float):
    return pytest.approx(seconds, abs=1e-5)


def test_a_read_waits_for_the_replica_that_comes_first(scripted: Scripted, sleeping, settings):
    replicas = {"default": ["replica1", "replica2"]}
    settings.PINNING = {**settings.PINNING, "REPLICAS": replicas}
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, inside(Pinned()) as work, wait_for_replica(0.02):
        slept = sleeping(clock, lambda: scripted.places.update(replica2={"1": 100}))
        assert route() == "replica2"
        assert work.reads == {"default": {Reason.CAUGHT_UP: 1}}
        assert work.waited == {"default": about(sum(slept.times))}


def test_it_waits_no_longer_than_it_may(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, inside(Pinned()) as work, wait_for_replica(0.02):
        slept = sleeping(clock)
        assert route() == "default"
        assert work.reads == {"default": {Reason.PINNED: 1}}
        assert sum(slept.times) == about(0.02)


def test_a_wait_ends_where_a_test_has_stopped_the_clock(scripted: Scripted):
    scripted.places = dict(BEHIND)
    with freeze_time(), inside(Pinned()) as work, wait_for_replica(0.02):
        assert route() == "default"
        assert work.reads == {"default": {Reason.PINNED: 1}}


def test_a_scope_waits_once(scripted: Scripted, sleeping):
    scripted.places = {**BEHIND, "default": {"1": 100}}
    with freeze_time() as clock, inside(Pinned()), wait_for_replica(0.02):
        slept = sleeping(clock)
        for _ in range(3):
            assert route() == "default"
            clock.tick(1.1)  # it looks again
        assert sum(slept.times) == about(0.02)


@pytest.mark.parametrize("seconds", [0.02, 0.5])
def test_a_request_waits_shortly_by_default_and_a_task_longer(
    scripted: Scripted, sleeping, settings, seconds
):
    settings.PINNING = {"REPLICAS": {"default": ["replica1"]}}
    scripted.places = dict(BEHIND)
    with inside(Pinned()):
        text = carried()
    with freeze_time() as clock:
        slept = sleeping(clock)
        with inside(Pinned()) if seconds == 0.02 else scope(carried=text):
            assert route() == "default"
        assert sum(slept.times) == about(seconds)


@pytest.mark.parametrize(("name", "kind"), [("WAIT", "scope"), ("TASK_WAIT", "task")])
def test_the_settings_say_how_long(scripted: Scripted, sleeping, settings, name, kind):
    settings.PINNING = {**settings.PINNING, "WAIT": 0.0, "TASK_WAIT": 0.0, name: 0.05}
    scripted.places = dict(BEHIND)
    with inside(Pinned()):
        text = carried()
    for one in ("scope", "task"):
        with freeze_time() as clock:
            slept = sleeping(clock)
            block = inside(Pinned()) if one == "scope" else scope(carried=text)
            with block:
                assert route() == "default"
            assert sum(slept.times) == about(0.05 if one == kind else 0)


def test_a_wait_that_cannot_succeed_does_not_begin(scripted: Scripted, sleeping):
    """The replica was seen to lack for a second what was written at 1000."""
    scripted.places = dict(BEHIND)
    lacked = Pin(cluster="default", written_at=time.time() - 1, timeline="1", position=100)
    new = Pin(cluster="default", written_at=time.time(), timeline="1", position=200)
    with freeze_time() as clock:
        for alias in BEHIND:
            replica(alias).progress.note(at({"1": 99}), [lacked], time.time())
        with inside(Pinned(new)), wait_for_replica(0.05):
            slept = sleeping(clock)
            assert route() == "default"
            assert slept.times == []


def new_pin(place: int, age: float) -> Pin:
    return Pin(cluster="default", written_at=time.time() + age, timeline="1", position=place)


@pytest.mark.usefixtures("one_replica")
def test_a_write_is_asked_for_once_when_it_is_likely_to_be_there(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, wait_for_replica(0.02):
        replica("replica1").progress.note(at({"1": 98}), [new_pin(99, -0.009)], time.time())
        slept = sleeping(clock)
        scripted.places.update(replica1={"1": 100})
        with inside(Pinned(new_pin(100, 0))):
            assert route() == "replica1"
        assert slept.times == [about(0.01)]
        assert len(scripted.asked) == 1


@pytest.mark.usefixtures("one_replica")
@pytest.mark.parametrize("seconds", [0, 0.005])
def test_who_may_not_wait_so_long_asks_at_once(scripted: Scripted, sleeping, seconds):
    with freeze_time() as clock, wait_for_replica(seconds):
        replica("replica1").progress.note(at({"1": 98}), [new_pin(99, -0.009)], time.time())
        slept = sleeping(clock)
        scripted.places = {"replica1": {"1": 100}}
        with inside(Pinned(new_pin(100, 0))):
            assert route() == "replica1"
        assert slept.times == []
        assert len(scripted.asked) == 1


def test_nobody_waits_for_one_replica_where_another_may_have_the_write(
    scripted: Scripted, sleeping, settings
):
    replicas = {"default": ["replica1", "replica2"]}
    settings.PINNING = {**settings.PINNING, "REPLICAS": replicas}
    scripted.places = {"replica1": {"1": 99}, "replica2": {"1": 100}}
    with freeze_time() as clock, wait_for_replica(0.02):
        replica("replica1").progress.note(at({"1": 98}), [new_pin(99, -0.009)], time.time())
        slept = sleeping(clock)
        with inside(Pinned(new_pin(100, 0))):
            assert route() == "replica2"
        assert slept.times == []
        assert "replica1" not in scripted.asked


def test_a_wait_ends_when_the_replica_is_out(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)

    def stop() -> None:
        for alias in BEHIND:
            replica(alias).mark_down()

    with freeze_time() as clock, inside(Pinned()), wait_for_replica(5):
        slept = sleeping(clock, stop)
        assert route() == "default"
        assert len(slept.times) == 3


def test_nobody_waits_for_a_pin_that_ends_by_the_clock(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)
    with freeze_time() as clock:
        with inside(Pinned(PIN, held("default", time.time()))), wait_for_replica(5):
            slept = sleeping(clock)
            assert route() == "default"
            assert slept.times == []


def test_nobody_waits_in_a_transaction(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)
    with (
        freeze_time() as clock,
        inside(Pinned()) as work,
        wait_for_replica(5),
        transaction.atomic(),
    ):
        work.is_views = lambda *_: True  # type: ignore[method-assign]  # as in a view's transaction
        slept = sleeping(clock)
        assert route() == "default"
        assert slept.times == []
        assert work.reads == {"default": {Reason.PINNED: 1}}


def test_nobody_waits_on_an_event_loop(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)

    async def read() -> list[float]:
        with freeze_time() as clock, inside(Pinned()), wait_for_replica(5):
            slept = sleeping(clock)
            assert route() == "default"
            return slept.times

    assert async_to_sync(read)() == []


def test_who_wants_the_primary_does_not_wait(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, inside(Pinned()), wait_for_replica(5), use_primary():
        slept = sleeping(clock)
        assert route() == "default"
        assert slept.times == []


def test_those_who_wait_share_their_questions(scripted: Scripted, settings):
    """Eight threads, for 0.2 s: one question a millisecond at most, besides each one's first."""
    settings.PINNING = {**settings.PINNING, "REPLICAS": {"default": ["replica1"]}, "WAIT": 0.2}
    scripted.places = {"replica1": {"1": 99}}

    def wait() -> None:
        with inside(Pinned()):
            route()
        connections.close_all()

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 < len(scripted.asked) < 8 + 0.3 * 1000


@pytest.mark.parametrize("seconds", [-1, True, "5", None, float("nan"), float("inf")])
def test_what_is_no_number_of_seconds_is_an_error(seconds):
    with pytest.raises(ValueError, match="a number of seconds, 0 or more"):
        wait_for_replica(seconds)


def test_a_decorator_holds_for_sync_and_async(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)

    @wait_for_replica(0.02)
    def read() -> str:
        return route()

    @wait_for_replica(0.02)
    async def aread() -> int:
        return await Note.objects.acount()

    with freeze_time() as clock, inside(Pinned()):
        slept = sleeping(clock)
        assert read() == "default"
        assert sum(slept.times) == about(0.02)
    health.reset()
    with freeze_time() as clock, inside(Pinned()) as work:
        slept = sleeping(clock)
        async_to_sync(aread)()
        assert work.reads == {"default": {Reason.PINNED: 1}}
        assert sum(slept.times) == about(0.02)


def test_after_a_wait_in_vain_nobody_waits_for_a_while(scripted: Scripted, sleeping):
    """Ten times as long, then twenty times, until a wait is worth it again."""
    scripted.places = dict(BEHIND)
    waits = []
    with freeze_time() as clock, wait_for_replica(0.02):
        slept = sleeping(clock)
        for _ in range(100):
            with inside(Pinned()) as work:
                route()
            waits.append("default" in work.waited)
            clock.tick(0.01)
        assert [place for place, waited in enumerate(waits) if waited] == pytest.approx(
            [0, 20, 60], abs=2
        )
        slept.times[:] = [0, 0]  # it has the pin after the next one
        slept.meanwhile = lambda: scripted.places.update(replica1={"1": 100})
        clock.tick(1)
        with inside(Pinned()):
            assert route() == "replica1"
        assert not replica("replica1").progress.is_hopeless(0.02, time.monotonic())


def test_a_replica_that_was_late_is_looked_at_often(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, wait_for_replica(30):
        now = time.time()
        progress = replica("replica1").progress
        for place in (98, 99):
            asked = Pin(cluster="default", written_at=now - 4, timeline="1", position=place)
            progress.note(at({"1": place - 1}), [asked], now - 0.1)
            progress.note(at({"1": place}), [], now)
        new = Pin(cluster="default", written_at=now, timeline="1", position=100)
        slept = sleeping(clock, lambda: scripted.places.update(replica1={"1": 100}))
        with inside(Pinned(new)):
            assert route() == "replica1"
        assert sum(slept.times) <= 3 * 0.0251


def test_nobody_waits_while_a_transaction_is_open_on_the_replica(scripted: Scripted, sleeping):
    """What it shows was settled when it began."""
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, inside(Pinned()), wait_for_replica(5):
        slept = sleeping(clock)
        with transaction.atomic(using="replica1"):
            assert route() == "default"
        assert slept.times == []


def test_pins_that_come_while_it_waits_count(scripted: Scripted, sleeping):
    scripted.places = dict(BEHIND)
    later = Pin(cluster="default", written_at=1000.0, timeline="1", position=200)
    with freeze_time() as clock, inside(Pinned()) as work, wait_for_replica(0.02):

        def receive() -> None:
            work.receive(Pins([later]))
            scripted.places.update(replica1={"1": 100})

        sleeping(clock, receive)
        assert route() == "default"
        assert work.reads == {"default": {Reason.PINNED: 1}}
        scripted.places.update({"replica1": {"1": 200}, "default": {"1": 200}})
        clock.tick(1.1)
        assert route() == "replica1"


@pytest.fixture
def told(scripted: Scripted, monkeypatch):
    """The replica can wait itself: ``told.seconds`` is what each wait there was for."""

    class Told:
        statement = "SELECT 1"

        def __init__(self) -> None:
            self.seconds: list[float] = []
            self.meanwhile = lambda: None

        def begin(self, clock) -> None:
            def waiting_for(connection, pins, seconds):
                self.seconds.append(seconds)
                clock.tick(seconds)
                self.meanwhile()
                return self.statement

            monkeypatch.setattr(scripted, "waiting_for", waiting_for)
            # SQLite's cursor is no context manager, as those of the servers' drivers are.
            monkeypatch.setattr(
                waiting, "fetch_row", lambda known, sql: known.cursor().execute(sql)
            )

    return Told()


@pytest.fixture
def one_replica(settings):
    settings.PINNING = {**settings.PINNING, "REPLICAS": {"default": ["replica1"]}}


@pytest.mark.usefixtures("one_replica")
def test_a_replica_that_can_wait_is_asked_once_after_each_tenth_of_a_second(
    scripted: Scripted, told, sleeping
):
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, inside(Pinned()) as work, wait_for_replica(0.25):
        slept = sleeping(clock)
        told.begin(clock)
        assert route() == "default"
        assert told.seconds == [0.1, 0.1, about(0.05)]
        assert work.waited == {"default": about(0.25)}
        assert slept.times == []
    assert len(scripted.asked) == 4  # before the wait, too


@pytest.mark.usefixtures("one_replica")
def test_what_it_says_has_to_be_proved(scripted: Scripted, told, sleeping):
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, inside(Pinned()), wait_for_replica(0.25):
        sleeping(clock)
        told.begin(clock)
        told.meanwhile = lambda: (
            len(told.seconds) == 2 and scripted.places.update(replica1={"1": 100})
        )
        assert route() == "replica1"
        assert told.seconds == [0.1, 0.1]


@pytest.mark.usefixtures("one_replica")
def test_where_it_cannot_after_all_it_is_asked_from_time_to_time(
    scripted: Scripted, told, sleeping
):
    scripted.places = dict(BEHIND)
    told.statement = "SELECT no_such_function()"
    with freeze_time() as clock, inside(Pinned()), wait_for_replica(30):
        slept = sleeping(clock, lambda: scripted.places.update(replica1={"1": 100}))
        told.begin(clock)
        assert route() == "replica1"
        assert len(slept.times) == 3


def test_of_two_replicas_none_waits_itself(scripted: Scripted, told, sleeping, settings):
    """One that comes first would not be noticed."""
    replicas = {"default": ["replica1", "replica2"]}
    settings.PINNING = {**settings.PINNING, "REPLICAS": replicas}
    scripted.places = dict(BEHIND)
    with freeze_time() as clock, inside(Pinned()), wait_for_replica(0.02):
        sleeping(clock)
        told.begin(clock)
        assert route() == "default"
    assert told.seconds == []


@pytest.mark.usefixtures("one_replica")
def test_nor_in_a_transaction_or_on_an_event_loop(scripted: Scripted, told, sleeping):
    scripted.places = dict(BEHIND)

    async def read() -> str:
        return route()

    with freeze_time() as clock, inside(Pinned()), wait_for_replica(5):
        sleeping(clock)
        told.begin(clock)
        assert async_to_sync(read)() == "default"
        with transaction.atomic(using="replica1"):
            assert route() == "default"
        with transaction.atomic():
            assert route() == "default"
    assert told.seconds == []
