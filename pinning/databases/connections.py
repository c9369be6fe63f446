"""Asks about Django's database connections, opens and shuts them, whichever driver they use."""

import asyncio
import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from pinning.databases import hooks
from pinning.databases.sockets import note_socket
from pinning.databases.state import state_of

#: In seconds. Without it a driver would wait for minutes; libpq takes no shorter time.
_CONNECT_TIMEOUT = 2

#: libpq's ACTIVE, INTRANS and INERROR, in psycopg 2 and 3. IDLE is 0, and 4 a lost connection.
_OPEN, _FAILED = frozenset({1, 2, 3}), 3


def fetch_row(connection: BaseDatabaseWrapper, sql: str) -> tuple[Any, ...]:
    """The only row of ``sql``, or an empty one, in one round trip. Raises ``django.db.Error``.

    It uses the driver's cursor and not Django's, so that neither ``assertNumQueries`` nor another
    package's wrapper sees a query that the project did not write.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(sql)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row or ()


def fetch_column(connection: BaseDatabaseWrapper, sql: str) -> tuple[Any, ...]:
    """The first column of ``sql``, in the same way."""
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(row[0] for row in cursor.fetchall())


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open, from ``atomic``, managed by hand or begun by SQL.

    ``get_autocommit()`` is not called, because it would open a connection to find out. The
    attribute ``autocommit`` is also False on a connection that was never opened.
    """
    if connection.connection is None:
        return False
    state = state_of(connection)
    if state.has_begun or connection.autocommit:
        return state.has_begun
    return not (state.looks_past_tests and is_tests_own(connection))


def is_open_in_driver(connection: BaseDatabaseWrapper) -> bool:
    """Whether psycopg says that a transaction is open or a statement runs. This asks no server.

    The project may have begun it where Django does not see it. mysqlclient does not tell: False.
    """
    return _status_of(connection) in _OPEN


def is_failed(connection: BaseDatabaseWrapper) -> bool:
    """Whether psycopg says that the transaction has failed. PostgreSQL makes COMMIT a ROLLBACK."""
    return _status_of(connection) == _FAILED


def _status_of(connection: BaseDatabaseWrapper) -> object:
    return getattr(getattr(connection.connection, "info", None), "transaction_status", None)


def is_autocommit_off(connection: BaseDatabaseWrapper) -> bool:
    """Whether MySQL has said last that its autocommit is off. Asks the driver alone.

    A driver that does not tell leaves it unsure. Other servers have no such setting.
    """
    if connection.vendor != "mysql":
        return False
    ask = getattr(connection.connection, "get_autocommit", None)
    return ask is None or not ask()


def is_tests_own(connection: BaseDatabaseWrapper) -> bool:
    """Whether a TestCase has opened the transaction, and nobody else has a block open inside."""
    return bool(connection.atomic_blocks) and not blocks_of(connection)


def blocks_of(connection: BaseDatabaseWrapper) -> list[Any]:
    """The open blocks of ``atomic``, without those of a TestCase."""
    blocks: list[Any] = connection.atomic_blocks
    return [block for block in blocks if not block._from_testcase]


def is_on_event_loop() -> bool:
    """Whether this code runs on an event loop. If it waits there, all coroutines wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Thread(threading.local):
    """What belongs to the running thread, and ends with it."""

    def __init__(self) -> None:
        self.opened = _Opened()
        #: Stands for the thread, whose number a later thread may get. It is dead once that ended.
        self.key: weakref.ref[object] = weakref.ref(self.opened)


class _Opened:
    """Connections that a thread has opened by our doing. They are closed when the thread ends.

    Nobody else can use them then, or close them: Django gives each thread connections of its own.
    """

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[BaseDatabaseWrapper] = weakref.WeakSet()

    def add(self, connection: BaseDatabaseWrapper) -> None:
        """Note a connection of this thread."""
        self._connections.add(connection)

    def __del__(self, is_ending: Callable[[], bool] = sys.is_finalizing) -> None:
        """Runs in the thread that ends. A process that ends closes all by itself.

        It has lost its modules by then, so the question comes as a default.
        """
        if not is_ending():
            for connection in list(self._connections):
                with contextlib.suppress(Exception):  # each driver has its own errors
                    connection.close()


running_thread = _Thread()


def is_server_side(cursor: CursorWrapper) -> bool:
    """Whether rows stay on the server until they are fetched. Drivers name such a cursor."""
    return getattr(cursor.cursor, "name", None) is not None


def is_on_server(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database is on a server, which may be silent or late, and not in a file."""
    return connection.vendor != "sqlite"


def takes_connect_timeout(engine: str) -> bool:
    """Whether the drivers of a backend (a dotted path) know the option ``connect_timeout``."""
    return any(vendor in engine for vendor in ("postg", "mysql"))


def wanted_server(connection: BaseDatabaseWrapper) -> str:
    """The option by which libpq connects to a primary alone, "" if there is none.

    The environment may set it for all aliases.
    """
    if connection.vendor != "postgresql":
        return ""
    inherited = os.environ.get("PGTARGETSESSIONATTRS", "")
    wanted = connection.settings_dict["OPTIONS"].get("target_session_attrs", inherited)
    return f"target_session_attrs={wanted}" if wanted in {"primary", "read-write"} else ""


def address_of(connection: BaseDatabaseWrapper) -> list[object]:
    """What tells one database from another: two aliases may lead to the same database."""
    place = [connection.settings_dict.get(key) for key in ("HOST", "PORT", "NAME")]
    return [*place, _options_of(connection)]


def apart(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Another connection to the same server. It takes none of the few connections of a pool.

    It is in autocommit mode: without it, MariaDB would answer each question as of the first one.
    """
    settings: dict[str, Any] = {**connection.settings_dict, "AUTOCOMMIT": True}
    options = _options_of(connection)
    if connection.vendor in {"postgresql", "mysql"}:
        options.setdefault("connect_timeout", _CONNECT_TIMEOUT)
    settings["OPTIONS"] = options
    other = type(connection)(settings, alias=connection.alias)
    other.inc_thread_sharing()
    hooks.put_around(other, "get_new_connection", _connect_and_note)
    return other


def _connect_and_note(connect: Callable[[Any], Any], params: Any) -> Any:
    raw = connect(params)
    note_socket(raw)
    return raw


def give_back(connection: BaseDatabaseWrapper, raw: Any) -> None:
    """Close a driver connection, or return it to its pool, when no thread waits on it any more."""
    pool = getattr(connection, "pool", None)
    with contextlib.suppress(Exception):  # each driver has its own errors
        if pool is None:
            raw.close()
        else:
            pool.putconn(raw)


def close_pool(connections: Iterable[BaseDatabaseWrapper]) -> None:
    """Close the pool of the ``connections`` of one alias, if there is one. Does not wait."""
    pooled = next((each for each in connections if getattr(each, "pool", None) is not None), None)
    if pooled is not None:  # in a thread, because it may wait for the connections that it keeps
        close: Any = getattr(pooled, "close_pool")  # noqa: B009  PostgreSQL's backend has it
        threading.Thread(target=close, name="pinning-pool", daemon=True).start()


def _options_of(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """The OPTIONS of a connection without the pool: those that the driver gets."""
    options = connection.settings_dict["OPTIONS"]
    return {key: value for key, value in options.items() if key != "pool"}
