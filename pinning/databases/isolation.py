"""Whether transactions on a connection go on to show the state of their beginning.

OPTIONS say it, or the server's default for the role, or SQL of the project's.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.connections import fetch_row, is_in_transaction
from pinning.databases.state import state_of

_KEPT = "_pinning_keeps_snapshot"

# The settings of the role and of the database, and libpq's "options", have decided it by then.
_DEFAULT = "SELECT pg_catalog.current_setting('default_transaction_isolation')"

# Django says it to each new connection of MySQL's, before anything is sent there.
_NOT_KEPT = re.compile(r"isolation\s++level\s++read\s++(?:un)?committed\b")

_FOR_ONE_TRANSACTION = re.compile(r"\s*+(?:set\s++(?:local|transaction)|begin|start)\b", re.I)


def keeps_snapshot(connection: BaseDatabaseWrapper) -> bool:
    """Whether its transactions keep their snapshot, or may do so."""
    return _is_kept_at(getattr(connection, "isolation_level", "")) or (
        state_of(connection).keeps_snapshot
    )


def look(connection: BaseDatabaseWrapper) -> None:
    """Ask a new connection of a primary for PostgreSQL's default, if views have transactions.

    Of MySQL's connections Django sets the level. A pool's connection is asked once.
    """
    settings = connection.settings_dict
    if connection.vendor != "postgresql" or not settings["ATOMIC_REQUESTS"]:
        return
    if "isolation_level" in settings["OPTIONS"]:
        return
    kept: bool | None = getattr(connection.connection, _KEPT, None)
    _note(connection, _asked(connection) if kept is None else kept)


def note_statement(connection: BaseDatabaseWrapper, sql: str, params: Any) -> bool:
    """Whether ``sql``, which leaves a mark, may set a level that keeps snapshots. It is noted.

    What PostgreSQL is told for one transaction is over with that.
    """
    text = " ".join([sql, *_texts_in(params)]).lower()
    if "isolation" not in text or "isolation" not in _NOT_KEPT.sub("", text):
        return False
    is_passing = connection.vendor == "postgresql" and is_in_transaction(connection)
    if not (is_passing and _FOR_ONE_TRANSACTION.match(sql)):
        _note(connection, keeps=True)
    return True


def _texts_in(params: Any) -> Iterator[str]:
    """The texts among parameters. Others may be large, and a generator is the driver's to use."""
    if isinstance(params, str):
        yield params
    elif isinstance(params, list | tuple | dict):
        for each in params.values() if isinstance(params, dict) else params:
            yield from _texts_in(each)


def _asked(connection: BaseDatabaseWrapper) -> bool:
    """What the server says. Without autocommit the question would begin a transaction."""
    if not connection.autocommit:
        return True
    try:
        return _is_kept_at(fetch_row(connection, _DEFAULT)[0])
    except Error:
        return True


def _note(connection: BaseDatabaseWrapper, keeps: bool) -> None:
    raw, state_of(connection).keeps_snapshot = connection.connection, keeps
    with contextlib.suppress(AttributeError):  # not all drivers take attributes
        setattr(raw, _KEPT, keeps)


def _is_kept_at(level: Any) -> bool:
    """The levels are texts or members of an enum. None leaves it to the server: not known."""
    name = str(getattr(level, "name", level)).lower().replace("_", " ")
    return name in {"repeatable read", "serializable", "none"}
