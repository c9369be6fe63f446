"""Whether a primary's alias leads to a primary: after a failover it may lead to a standby."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.db import InternalError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.breaker import Breaker, breaker_of
from pinning.databases import positions_of
from pinning.exceptions import NotAPrimaryError

logger = logging.getLogger("pinning")


def look(connection: BaseDatabaseWrapper) -> None:
    """Say once that a connection, just opened, leads to a standby; and that it does not any more.

    Reads go on: what they see is older than it should be, and yet better than nothing.
    """
    is_standby = positions_of(connection).is_standby(connection)
    if is_standby:
        _note_standby(connection)
    elif is_standby is not None:
        note_primary(connection)


def run_write(connection: BaseDatabaseWrapper, execute: Callable[[], Any]) -> Any:
    """Run a statement that surely writes. Raises NotAPrimaryError, before it is sent if it can."""
    if positions_of(connection).is_standby(connection):
        raise _note_standby(connection)
    result = run(connection, execute)
    if _breaker_of(connection).is_resting:
        note_primary(connection)
    return result


def run(connection: BaseDatabaseWrapper, execute: Callable[[], Any]) -> Any:
    """Run any statement. Raises NotAPrimaryError where the server refuses it as one that writes."""
    try:
        return execute()
    except (InternalError, OperationalError) as error:
        if not positions_of(connection).is_refusal(connection, error):
            raise
        raise _note_standby(connection) from error


def note_primary(connection: BaseDatabaseWrapper) -> None:
    """The alias leads to a primary, said once if it did not before."""
    if _breaker_of(connection).restore():
        logger.warning("%r leads to a primary again.", connection.alias)


def _note_standby(connection: BaseDatabaseWrapper) -> NotAPrimaryError:
    """The error to raise. The connection is renewed at the end of the request: it may be old."""
    error = NotAPrimaryError(connection.alias)
    if _breaker_of(connection).set_aside(0):
        logger.error("%s", error)
    connection.close_at = time.monotonic()
    return error


def _breaker_of(connection: BaseDatabaseWrapper) -> Breaker:
    """It rests while the alias was seen to lead to a standby."""
    return breaker_of("primary", connection.alias)
