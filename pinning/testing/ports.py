"""Loopback ports: a free one, and what a server on one answers."""

import random
import socket
from pathlib import Path


def free_port() -> int:
    """A loopback port that nobody listens on, and that no other process gets from this function.

    It is reserved for as long as this process lives: two test runs, or two workers of one, may look
    for a port at the same moment, long before their servers listen.

    Below 32768: from there on systems hand out ports to outgoing connections, and one of these
    could take the port while the server is down.
    """
    ports = random.SystemRandom().sample(range(16384, 32768), 100)
    return next(port for port in ports if port_is_free(port) and _reserve(port))


def _reserve(port: int) -> bool:
    """Take the UDP port of the same number, which none of our servers uses. Whether it was free."""
    reservation = socket.socket(type=socket.SOCK_DGRAM)
    try:
        reservation.bind(("127.0.0.1", port))
    except OSError:
        reservation.close()
        return False
    reservation.detach()  # it stays open until the process ends
    return True


def port_is_free(port: int) -> bool:
    """True when a server could listen on the loopback port now."""
    with socket.socket() as listener:
        # As servers do: connections of the last server, in TIME_WAIT, are no obstacle.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def reply(place: int | Path, question: bytes, *, greeting: bytes = b"") -> bytes:
    """The first bytes a server on a loopback port or a socket answers; empty when none come.

    A ``greeting`` is sent first, and its answer is left out.
    """
    family = socket.AF_INET if isinstance(place, int) else socket.AF_UNIX
    try:
        with socket.socket(family) as connection:
            connection.settimeout(1)
            connection.connect(("127.0.0.1", place) if isinstance(place, int) else str(place))
            if greeting:
                connection.sendall(greeting)
                connection.recv(100)
            connection.sendall(question)
            return connection.recv(100)
    except OSError:
        return b""
