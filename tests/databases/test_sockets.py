"""Whose socket is shut: the driver's own alone, whatever the driver tells by then."""

import fcntl
import resource
import select
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pinning.databases.sockets import has_answer, note_socket, shut


class Driver:
    """A driver's connection, which tells its number as long as nothing runs."""

    def __init__(self, socket: socket.socket) -> None:
        self.socket = socket
        self.is_busy = False

    def fileno(self) -> int:
        if self.is_busy:
            raise RuntimeError("in use by another thread")
        return self.socket.fileno()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        yield ours, theirs


def connection(raw: Any) -> Any:
    return SimpleNamespace(connection=raw)


def test_an_answer_is_seen_where_the_process_has_more_than_a_thousand_files_open(pair: Any):
    ours, theirs = pair
    soft, most = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(2_000, most)), most))
    try:
        with socket.socket(fileno=fcntl.fcntl(ours, fcntl.F_DUPFD, 1_500)) as high:
            assert not has_answer(connection(high))
            theirs.send(b"x")
            assert has_answer(connection(high))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_an_answer_is_looked_for_without_what_gevent_replaces(pair: Any, monkeypatch: Any):
    """Its own may wait, and libev ends the process if somebody closes the file meanwhile."""
    ours, theirs = pair
    monkeypatch.delattr(select, "poll")
    theirs.send(b"x")
    assert has_answer(connection(ours))


@pytest.mark.parametrize("kind", ["busy", "untold"])
def test_a_socket_is_shut_whose_number_was_told_in_time(pair: Any, kind: str):
    ours, theirs = pair
    raw = Driver(ours) if kind == "busy" else SimpleNamespace(_sock=ours)
    note_socket(raw)
    raw.is_busy = True
    assert not has_answer(connection(raw))
    theirs.send(b"x")
    assert has_answer(connection(raw))
    shut(connection(raw))
    assert theirs.recv(1) == b""


def test_a_number_that_is_another_sockets_by_then_is_left_alone(pair: Any):
    ours, theirs = pair
    old, _ = socket.socketpair()
    raw = Driver(old)
    note_socket(raw)
    _.close()
    number = old.detach()
    socket.close(number)
    reused = ours.dup()
    try:
        assert reused.fileno() == number
        shut(connection(raw))
        theirs.send(b"x")
        assert ours.recv(1) == b"x"
    finally:
        reused.close()


def test_a_driver_that_takes_no_notes_is_asked(pair: Any):
    class Closed(Driver):
        __slots__ = ()

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_pinning"):
                raise AttributeError(name)
            super().__setattr__(name, value)

    ours, theirs = pair
    raw = Closed(ours)
    note_socket(raw)
    shut(connection(raw))
    assert theirs.recv(1) == b""
