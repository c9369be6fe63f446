"""The states of a scope's choice, and of a thread that reads by it: how one follows another."""

import gc
import threading
import weakref
from typing import Any

import pytest
from freezegun import freeze_time

from pinning import Reason
from pinning.databases import running_thread
from pinning.scopes.state import Choice, ClusterWork, Reader


class Driver:
    """Stands for a driver's connection."""


class Connection:
    """Stands for Django's connection, as far as it is looked at."""

    def __init__(self) -> None:
        self.connection = Driver()
        self.errors_occurred = False


class Replica:
    is_lagging = False


class Users:
    """Whoever is resolved: the same object until it changes."""

    def __init__(self) -> None:
        self.names = ("5",)

    def ids(self) -> tuple[str, ...]:
        return self.names


@pytest.fixture
def clock():
    with freeze_time() as clock:
        yield clock


def on_replica() -> Choice:
    return Choice("replica1", Reason.REPLICA, Replica())


def test_the_primary_for_now_is_due_after_a_second(clock):
    choice = Choice.for_now("default", Reason.PINNED)
    clock.tick(0.9)
    assert not choice.is_due
    clock.tick(0.2)
    assert choice.is_due


def test_to_stay_makes_it_a_second_more(clock):
    choice = Choice.for_now("default", Reason.PINNED)
    clock.tick(0.9)
    choice.stay()
    clock.tick(0.9)
    assert not choice.is_due
    clock.tick(0.2)
    assert choice.is_due


@pytest.mark.parametrize("choice", [Choice("default", Reason.SWITCHED_OFF), on_replica()])
def test_the_primary_for_good_and_a_replica_are_never_due(clock, choice):
    choice.stay()
    clock.tick(10**6)
    assert not choice.is_due


PRIMARY: Any = Connection()


def reading(choice: Choice) -> tuple[Reader, Any]:
    """A reader on a replica, and its connection there."""
    reader, connection = Reader(PRIMARY), Connection()
    reader.use_replica(choice, connection)
    return reader, connection


def test_a_new_reader_is_not_settled():
    reader = Reader(PRIMARY)
    assert reader.settled(on_replica(), None) is None
    assert not reader.is_on_primary


def test_on_the_primary_it_stays_until_that_is_due_or_the_scope_moves(clock):
    reader = Reader(PRIMARY)
    reader.choice = Choice.for_now("default", Reason.PINNED)
    assert reader.is_on_primary
    assert reader.settled(reader.choice, None) is reader.choice
    assert reader.settled(on_replica(), None) is None
    clock.tick(1.1)
    assert reader.settled(reader.choice, None) is None
    assert reader.is_on_primary  # until it enters a replica


def test_on_the_primary_for_good_it_stays(clock):
    reader = Reader(PRIMARY)
    reader.choice = Choice("default", Reason.SWITCHED_OFF)
    clock.tick(10**6)
    assert reader.settled(reader.choice, None) is reader.choice


def test_on_a_replica_it_stays_as_long_as_the_scope():
    choice = on_replica()
    reader, _connection = reading(choice)
    assert reader.settled(choice, None) is choice
    assert not reader.is_on_primary
    for other in (None, on_replica(), Choice.for_now("default", Reason.NO_REPLICA)):
        assert reader.settled(other, None) is None


def lags(choice: Choice, connection: Any) -> None:
    choice.replica.is_lagging = True


def connects_again(choice: Choice, connection: Any) -> None:
    connection.connection = Driver()


def fails(choice: Choice, connection: Any) -> None:
    connection.errors_occurred = True


@pytest.mark.parametrize("happens", [lags, connects_again, fails])
def test_it_has_to_prove_itself_again_when_something_happens(happens):
    choice = on_replica()
    reader, connection = reading(choice)
    happens(choice, connection)
    assert reader.settled(choice, None) is None


def test_it_does_when_its_connection_is_replaced():
    choice = on_replica()
    reader, connection = reading(choice)
    del connection
    gc.collect()
    assert reader.settled(choice, None) is None


def test_it_does_when_another_user_is_resolved():
    users: Any = Users()
    choice = on_replica()
    choice.users = users.ids()
    reader, _connection = reading(choice)
    assert reader.settled(choice, users) is choice
    users.names = ("5", "6")
    assert reader.settled(choice, users) is None


def test_it_leaves_the_primary_by_entering_a_replica(clock):
    reader, connection, choice = Reader(PRIMARY), Connection(), on_replica()
    reader.choice = Choice.for_now("default", Reason.PINNED)
    reader.use_replica(choice, connection)
    assert reader.settled(choice, None) is choice


def add_in_thread(work: ClusterWork) -> "weakref.ref[Any]":
    """The connection to the primary of a thread that has read and ended."""
    told = []

    def read() -> None:
        primary: Any = Connection()
        told.append(weakref.ref(primary))
        work.add_reader(primary)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    return told[0]


def test_a_thread_that_ended_leaves_no_connection_and_is_forgotten():
    work = ClusterWork()
    primaries = [add_in_thread(work) for _ in range(10)]
    assert [primary() for primary in primaries] == [None] * 10
    work.add_reader(PRIMARY)
    assert list(work.readers) == [running_thread.key]


def test_a_thread_has_one_reader_whose_connection_may_be_replaced():
    work, other = ClusterWork(), Connection()
    work.add_reader(PRIMARY)
    reader = work.readers[running_thread.key]
    reader.choice = Choice.for_now("default", Reason.PINNED)
    work.add_reader(other)
    assert work.readers[running_thread.key] is reader
    assert reader.primary() is other
    assert reader.is_on_primary
