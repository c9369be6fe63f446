"""The socket of a driver's connection, as another thread sees it than the one that waits on it.

mysqlclient tells its file number to no thread while a statement runs, and PyMySQL to none at all.
So the number is noted as soon as the driver has connected. The number may be another file's once
the connection was closed, but then the file is another one.
"""

import contextlib
import os
import socket
import sys
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

try:
    from fcntl import ioctl
    from termios import FIONREAD
except ImportError:  # Windows
    ioctl = None  # type: ignore[assignment]

_NOTED = "_pinning_socket"


def note_socket(raw: Any) -> None:
    """Note the socket of a driver's new connection, which no statement runs on."""
    with contextlib.suppress(Exception):  # it was closed meanwhile, or takes no attributes
        number = getattr(raw, "_sock", raw).fileno()  # PyMySQL's is one attribute further
        setattr(raw, _NOTED, (number, os.fstat(number)))


def has_answer(connection: BaseDatabaseWrapper) -> bool:
    """Whether data from the server has arrived that was not read yet.

    ``poll`` would tell as well. But gevent's waits for a moment, and libev ends the process if the
    thread to which the connection belongs closes it meanwhile.
    """
    try:
        number, _ = _noted(connection.connection)
        size = ioctl(number, FIONREAD, bytes(4))
        return int.from_bytes(size, sys.byteorder) > 0
    except Exception:  # it is connecting, or was closed; each driver has its own errors
        return False


def shut(connection: BaseDatabaseWrapper) -> None:
    """Shut the socket of a connection. Any thread may; a thread that waits on it sees it lost.

    The socket is shut through a duplicate of its file number, which stays the same file's.
    """
    with contextlib.suppress(Exception):  # it was closed meanwhile; each driver has its own errors
        number, file = _noted(connection.connection)
        with socket.socket(fileno=os.dup(number)) as duplicate:
            if os.path.samestat(os.fstat(duplicate.fileno()), file):
                duplicate.shutdown(socket.SHUT_RDWR)


def _noted(raw: Any) -> tuple[int, os.stat_result]:
    """The file number of a connection, and its file. psycopg2 takes no notes, but tells it."""
    noted: tuple[int, os.stat_result] | None = getattr(raw, _NOTED, None)
    if noted is not None:
        return noted
    number = raw.fileno()
    file = os.fstat(number)
    if raw.fileno() != number:
        raise OSError("closed")
    return number, file
