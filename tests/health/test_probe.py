"""Questions that may hang, and what counts as an answer."""

import socket
import threading
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError

from pinning.health.probe import Probe
from pinning.pins.pin import Position

HERE = Position(places={"7.1": 5}, clock=0.0)


class Connection:
    """As much of Django's connection as a probe touches."""

    vendor = "postgresql"

    def __init__(self, settings: dict[str, Any], alias: str = "replica1") -> None:
        self.settings_dict = settings
        self.alias = alias
        self.connection: Any = None
        self.is_broken = False
        self.closed = 0

    def inc_thread_sharing(self) -> None:
        pass

    def ensure_connection(self) -> None:
        pass

    def is_usable(self) -> bool:
        return not self.is_broken

    def close(self) -> None:
        self.connection = None
        self.closed += 1


def make(**options: Any) -> Probe:
    return Probe(Connection({"NAME": "app", "OPTIONS": options}))


def ask(probe: Probe, question: Any) -> Any:
    assert probe.send(question)
    probe._thread.join(timeout=10)
    assert not probe.is_waiting
    return probe.answer


def test_it_has_a_connection_of_its_own_outside_the_pool():
    original = Connection({"NAME": "app", "OPTIONS": {"pool": True, "sslmode": "require"}})
    own = Probe(original)._connection
    assert own is not original
    assert own.settings_dict["OPTIONS"] == {"sslmode": "require", "connect_timeout": 2}
    assert original.settings_dict["OPTIONS"] == {"pool": True, "sslmode": "require"}


def test_the_projects_own_timeout_stays():
    assert make(connect_timeout=7)._connection.settings_dict["OPTIONS"] == {"connect_timeout": 7}


def test_an_answer_is_kept():
    assert ask(make(), lambda connection: HERE) is HERE


def test_a_connection_that_was_lost_is_replaced_once():
    asked = []

    def question(connection: Connection) -> Position:
        asked.append(connection.connection)
        if connection.connection == "old":
            connection.is_broken = True
            raise OperationalError("lost")
        return HERE

    probe = make()
    probe._connection.connection = "old"
    assert ask(probe, question) is HERE
    assert asked == ["old", None]
    assert not probe.was_connected


def test_a_server_that_cannot_be_reached_is_an_error():
    def question(connection: Connection) -> Position:
        raise OperationalError("refused")

    probe = make()
    assert str(ask(probe, question)) == "refused"
    assert probe._connection.closed


@pytest.mark.parametrize("was_connected", [True, False])
def test_a_question_that_was_refused_is_an_answer(was_connected: bool):
    def question(connection: Connection) -> Position:
        connection.connection = "open"
        raise ProgrammingError("permission denied for function pg_control_system")

    probe = make()
    probe._connection.connection = "open" if was_connected else None
    assert ask(probe, question) is None


@pytest.mark.parametrize(
    "error",
    [
        OperationalError('FATAL:  too many connections for role "app"'),
        OperationalError("FATAL:  sorry, too many clients already"),
        OperationalError("FATAL:  remaining connection slots are reserved"),
        OperationalError(1040, "Zu viele Verbindungen"),
    ],
)
def test_a_server_that_is_full_is_up(error: OperationalError):
    def question(connection: Connection) -> Position:
        raise error

    assert ask(make(), question) is None


def test_it_is_the_server_that_owes_an_answer_until_one_has_come():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        begun = threading.Event()

        def question(connection: Connection) -> Position:
            begun.set()
            ended.wait(10)
            return HERE

        ended = threading.Event()
        probe = make()
        probe._connection.connection = ours
        assert not probe.is_unanswered()
        probe.send(question)
        begun.wait(10)
        assert probe.is_unanswered()
        theirs.send(b"x")
        assert not probe.is_unanswered()  # it waits for its thread to be let run
        ended.set()
        probe._thread.join(timeout=10)


def test_a_thread_that_was_not_let_run_has_asked_nothing(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    monkeypatch.setattr(threading.Thread, "is_alive", lambda self: True)
    probe = make()
    probe.send(lambda connection: HERE)
    assert probe.is_waiting
    assert not probe.is_unanswered()


def test_a_process_without_threads_left_asks_nothing(monkeypatch):
    def refuse(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    probe = make()
    assert not probe.send(lambda connection: HERE)
    assert not probe.is_waiting


def test_a_hanging_question_is_asked_anew_on_another_connection():
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def question(connection: Connection) -> Position:
            if connection.connection is ours:
                connection.is_broken = not ours.recv(1)
                raise OperationalError("lost")
            return HERE

        probe = make()
        probe._connection.connection = ours
        probe.send(question)
        while probe.is_waiting:
            probe.hurry()
        assert probe.answer is HERE


def test_it_is_closed_once_its_last_question_has_ended():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        is_asked, closed = threading.Event(), []

        def question(connection: Connection) -> None:
            is_asked.set()
            if connection.connection is ours:
                connection.is_broken = not ours.recv(1)
                raise OperationalError("lost")
            closed.append(connection.closed)

        probe = make()
        probe._connection.connection = ours
        probe.send(question)
        assert is_asked.wait(timeout=10)
        probe.close()
        assert not probe.is_waiting
        assert closed == [1]
        assert probe._connection.closed == 2


def test_one_that_has_asked_nothing_is_closed():
    probe = make()
    probe.close()
    assert probe._connection.closed == 1


def test_how_long_answers_usually_take_is_known(monkeypatch):
    clock = iter(range(100))
    probe = make()
    assert probe.usual_seconds == 0
    monkeypatch.setattr("pinning.health.probe.time.monotonic", lambda: next(clock))
    for _ in range(3):
        ask(probe, lambda connection: HERE)
    assert probe.usual_seconds == 1
    ask(probe, lambda connection: [next(clock) for _ in range(50)] and HERE)
    assert probe.usual_seconds == 1  # one that is slow is not usual
