"""Waits for replicas that never answer, ended from outside."""

import gc
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.signals import connection_created

from pinning import reads
from pinning.databases import give_back, shut
from pinning.health import status
from pinning.health.waits import Waits

ACTIVITY = threading.Event()


def of(alias: str = "replica1") -> Waits:
    return status.replica(alias).waits


class Connection:
    """As much of Django's connection as a wait touches. ``connect`` is what the driver does."""

    alias = "replica1"
    in_atomic_block = False

    def __init__(self, raw: Any = None, connect: Any = None) -> None:
        self.connection = raw
        self._connect = connect

    def get_new_connection(self, params: Any) -> Any:
        return self._connect()

    def _commit(self) -> None:
        self.connection.recv(1)

    def _rollback(self) -> None:
        self.connection.recv(1)

    def is_usable(self) -> bool:
        return self.connection.recv(1) == b"1"

    def ensure_connection(self) -> None:
        if self.connection is None:
            self.connection = self.get_new_connection({})


class Cursor:
    """Django's, around the driver's with a name."""

    class cursor:  # noqa: N801
        name = "stream"


class Raw:
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    of().watch(ACTIVITY)
    yield
    status.reset()


def in_thread(function: Any) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_wait_is_known_while_it_lasts():
    ACTIVITY.clear()
    with status.replica("replica1").wait(Connection()) as wait:
        assert of().begun() == [wait]
        assert of("replica2").begun() == []
        assert ACTIVITY.is_set()
    assert of().begun() == []


def test_what_nobody_watches_is_not_noted():
    status.reset()
    with status.replica("replica1").wait(Connection()):
        assert of().begun() == []


@pytest.mark.parametrize("cut", ["wait", "all"])
def test_a_thread_that_waits_for_an_answer_sees_the_connection_lost(cut: str):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours)
        status.replica("replica1").note_opened(connection)
        received = []
        thread = in_thread(lambda: received.append(ours.recv(1)))
        status.replica("replica1").wait(connection).cut() if cut == "wait" else of().cut_all()
        thread.join(timeout=10)
        assert received == [b""]
        assert ours.fileno() > 0  # it is the owner who closes it


def test_a_connection_that_was_closed_meanwhile_is_left_alone():
    ours, theirs = socket.socketpair()
    ours.close()
    status.replica("replica1").wait(Connection(ours)).cut()
    status.replica("replica1").wait(Connection(None)).cut()
    status.replica("replica1").wait(Connection(object())).cut()
    theirs.close()


def test_a_number_that_is_another_ones_meanwhile_is_left_alone():
    class Closing:
        """Closed, and its number given out again, just after it was asked for it."""

        def __init__(self) -> None:
            self.numbers = [other.fileno()]

        def fileno(self) -> int:
            if not self.numbers:
                raise OSError("closed")
            return self.numbers.pop()

    other, theirs = socket.socketpair()
    with other, theirs:
        shut(Connection(Closing()))
        theirs.send(b"x")
        assert other.recv(1) == b"x"


def test_a_thread_that_waits_to_be_connected_gives_up_and_what_comes_late_is_closed():
    may_end, raw, errors = threading.Event(), Raw(), []

    def connect() -> Raw:
        may_end.wait(10)
        return raw

    connection = Connection(connect=connect)

    def work() -> None:
        try:
            with status.replica("replica1").wait(connection) as wait:
                wait.connect()
        except OperationalError as error:
            errors.append(str(error))

    thread = in_thread(work)
    wait_for(lambda: any(wait._connecting for wait in of().begun()))
    of().begun()[0].cut()
    thread.join(timeout=10)
    assert errors == ["The replica did not answer in time."]
    assert connection.connection is None
    may_end.set()
    wait_for(lambda: raw.is_closed)


def test_a_connection_of_a_pool_goes_back_to_it():
    returned = []

    class Pool:
        putconn = staticmethod(returned.append)

    connection, raw = Connection(), Raw()
    connection.pool = Pool()
    give_back(connection, raw)
    assert (returned, raw.is_closed) == ([raw], False)


def test_connecting_gives_what_the_driver_gives():
    raw = Raw()
    connection = Connection(connect=lambda: raw)
    with status.replica("replica1").wait(connection) as wait:
        wait.connect()
        wait.connect()
    assert connection.connection is raw
    assert "get_new_connection" not in vars(connection)


@pytest.mark.parametrize("error", [None, OperationalError("refused")])
def test_what_another_package_connects_by_is_called_and_stays(error):
    raw, asked = Raw(), []
    connection = Connection()

    def connect(params: Any) -> Any:
        asked.append(params)
        if error is not None:
            raise error
        return raw

    connection.get_new_connection = connect
    with (
        nullcontext() if error is None else pytest.raises(OperationalError, match="refused"),
        status.replica("replica1").wait(connection) as wait,
    ):
        wait.connect()
    assert asked == [{}]
    assert vars(connection)["get_new_connection"] is connect


def test_connecting_raises_what_the_driver_raises():
    def refuse() -> None:
        raise OperationalError("refused")

    with (
        pytest.raises(OperationalError, match="refused"),
        status.replica("replica1").wait(Connection(connect=refuse)) as wait,
    ):
        wait.connect()


def test_connections_that_are_gone_are_forgotten():
    connection = Connection(Raw())
    status.replica("replica1").note_opened(connection)
    assert len(of()._opened) == 1
    del connection
    gc.collect()
    assert of()._opened == {}


@pytest.mark.parametrize("method", ["_commit", "_rollback", "is_usable"])
def test_what_waits_past_any_cursor_is_known_and_ended(method: str):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours)
        status.replica("replica1").note_opened(connection)
        status.replica("replica1").note_opened(connection)  # as at each reconnect
        thread = in_thread(getattr(connection, method))
        wait_for(lambda: of().begun())
        (wait,) = of().begun()
        assert wait.is_harmless is (method == "is_usable")
        wait.cut()
        thread.join(timeout=10)
        assert of().begun() == []


def test_a_transaction_and_rows_under_way_hold_a_replica():
    connection, cursor = Connection(Raw()), Cursor()
    status.replica("replica1").note_opened(connection)
    assert not of().are_held()
    connection.in_atomic_block = True
    assert of().are_held()
    connection.in_atomic_block = False
    of().note_stream(cursor)
    assert not of("replica2").are_held()
    assert of().are_held()
    del cursor
    assert not of().are_held()


def test_a_cursor_that_has_all_its_rows_holds_nothing():
    cursor = Cursor()
    cursor.cursor = object()
    of().note_stream(cursor)
    assert not of().are_held()


def test_a_pool_that_keeps_dead_connections_is_closed():
    connection, closed = Connection(Raw()), threading.Event()
    connection.pool, connection.close_pool = object(), closed.set
    status.replica("replica1").note_opened(connection)
    of().cut_all()
    assert closed.wait(10)


def test_who_is_interrupted_leaves_no_connection_behind(monkeypatch):
    raw, may_end = Raw(), threading.Event()

    def connect() -> Raw:
        may_end.wait(10)
        return raw

    def interrupt(self: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Future, "result", interrupt)
    with (
        pytest.raises(KeyboardInterrupt),
        status.replica("replica1").wait(Connection(connect=connect)) as wait,
    ):
        wait.connect()
    may_end.set()
    wait_for(lambda: raw.is_closed)


def test_without_another_thread_it_connects_in_this_one(monkeypatch):
    def refuse(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    raw = Raw()
    connection = Connection(connect=lambda: raw)
    with status.replica("replica1").wait(connection) as wait:
        wait.connect()
    assert connection.connection is raw


def test_connections_are_noted_from_the_start_of_the_process():
    receivers = [receiver[1] for receiver in connection_created.receivers]
    alive = [each() if isinstance(each, weakref.ref) else each for each in receivers]
    assert reads.watch in alive


def test_a_connection_from_before_a_reset_waits_for_the_replica_of_now():
    """As in a forked process, whose old waits may be locked for ever."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours)
        status.replica("replica1").note_opened(connection)
        status.reset()
        of().watch(ACTIVITY)
        thread = in_thread(connection.is_usable)
        wait_for(lambda: of().begun())
        of().cut_all()
        thread.join(timeout=10)
        assert not thread.is_alive()
