"""What may be asked of a connection of Django's, whichever driver it has."""

import asyncio
import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

#: For a driver that would wait for minutes, in seconds; the shortest that libpq takes.
_CONNECT_TIMEOUT = 2


def fetch_row(connection: BaseDatabaseWrapper, sql: str) -> tuple[Any, ...]:
    """The only row of ``sql``, or an empty one, asked on the driver's cursor in one round trip.

    Past Django's cursor, so that neither ``assertNumQueries`` nor another package's wrapper sees
    a query that the project did not write. Raises ``django.db.Error``.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(sql)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row or ()


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open, atomic or managed by hand.

    Told without ``get_autocommit()``, which would open a connection to find out; the attribute is
    also False on one that was never opened.
    """
    return not connection.autocommit and connection.connection is not None


def is_on_event_loop() -> bool:
    """Whether the running code must not wait, as the coroutines beside it would wait too."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Thread(threading.local):
    """Knows the running thread by a token: the identity of one that ended is given out again."""

    def __init__(self) -> None:
        self.token = object()


running_thread = _Thread()


def is_server_side(cursor: CursorWrapper) -> bool:
    """Whether its rows stay on the server until they are fetched: a driver names such a one."""
    return getattr(cursor.cursor, "name", None) is not None


def is_on_server(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database is on a server, which may be silent or late, and no file."""
    return connection.vendor != "sqlite"


def takes_connect_timeout(engine: str) -> bool:
    """Whether the drivers of a backend, by its dotted path, know the option ``connect_timeout``."""
    return any(vendor in engine for vendor in ("postg", "mysql"))


def address_of(connection: BaseDatabaseWrapper) -> list[object]:
    """What tells one database from another: two aliases may lead to the same."""
    place = [connection.settings_dict.get(key) for key in ("HOST", "PORT", "NAME")]
    return [*place, _options_of(connection)]


def apart(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Another connection to the same server, outside any pool, of whose few it would keep one."""
    settings: dict[str, Any] = dict(connection.settings_dict)
    options = _options_of(connection)
    if connection.vendor in {"postgresql", "mysql"}:
        options.setdefault("connect_timeout", _CONNECT_TIMEOUT)
    settings["OPTIONS"] = options
    other = type(connection)(settings, alias=connection.alias)
    other.inc_thread_sharing()
    return other


def has_answer(connection: BaseDatabaseWrapper) -> bool:
    """Whether something of the server has arrived, and nobody has read it yet."""
    raw = connection.connection
    try:
        return bool(select.select([raw], [], [], 0)[0])
    except Exception:  # it connects, or was closed meanwhile, in the words of whatever driver
        return False


def shut(connection: BaseDatabaseWrapper) -> None:
    """Shut the socket of a connection, which any thread may: who waits on it sees it lost.

    The socket is reached by a duplicate of its number. As the connection still has that number
    afterwards, it was its own also when it was duplicated.
    """
    raw = connection.connection
    with contextlib.suppress(Exception):  # closed meanwhile, in the words of whatever driver
        number = raw.fileno()
        with socket.socket(fileno=os.dup(number)) as duplicate:
            if raw.fileno() == number:
                duplicate.shutdown(socket.SHUT_RDWR)


def give_back(connection: BaseDatabaseWrapper, raw: Any) -> None:
    """Close the driver's connection that nobody waits for any more."""
    pool = getattr(connection, "pool", None)
    with contextlib.suppress(Exception):  # in the words of whatever driver
        if pool is None:
            raw.close()
        else:
            pool.putconn(raw)


def close_pool(connections: Iterable[BaseDatabaseWrapper]) -> None:
    """Close the pool that ``connections`` of one alias come from, if any. Waits for nothing."""
    pooled = next((each for each in connections if getattr(each, "pool", None) is not None), None)
    if pooled is not None:  # it may wait for the connections that it keeps
        close: Any = getattr(pooled, "close_pool")  # noqa: B009  PostgreSQL's backend has it
        threading.Thread(target=close, name="pinning-pool", daemon=True).start()


def _options_of(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Its OPTIONS without a pool: what the driver itself is told."""
    options = connection.settings_dict["OPTIONS"]
    return {key: value for key, value in options.items() if key != "pool"}
