"""Finds out whether a primary's alias leads to a standby, as it may after a failover."""

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
    """Log once that a connection, just opened, leads to a standby, and once that it no longer does.

    Reads go on: what they see may be older than it should be, but it is better than nothing.
    """
    is_standby = positions_of(connection).is_standby(connection)
    if is_standby:
        _note_standby(connection)
    elif is_standby is not None:
        note_primary(connection)


def run_write(connection: BaseDatabaseWrapper, execute: Callable[[], Any]) -> Any:
    """Run a statement that surely writes. Raises NotAPrimaryError, if it can before sending it."""
    if positions_of(connection).is_standby(connection):
        raise _note_standby(connection)
    result = run(connection, execute)
    if _breaker_of(connection).is_resting:
        note_primary(connection)
    return result


def run(connection: BaseDatabaseWrapper, execute: Callable[[], Any]) -> Any:
    """Run any statement. Raises NotAPrimaryError if the server refuses it because it writes."""
    try:
        return execute()
    except (InternalError, OperationalError) as error:
        if not positions_of(connection).is_refusal(connection, error):
            raise
        raise _note_standby(connection) from error


def note_primary(connection: BaseDatabaseWrapper) -> None:
    """Note that the alias leads to a primary, and log it if it led to a standby before."""
    if _breaker_of(connection).restore():
        logger.warning("%r leads to a primary again.", connection.alias)


def _note_standby(connection: BaseDatabaseWrapper) -> NotAPrimaryError:
    """The error to raise. The connection is renewed after the request: it may be an old one."""
    error = NotAPrimaryError(connection.alias)
    if _breaker_of(connection).set_aside(0):
        logger.error("%s", error)
    connection.close_at = time.monotonic()
    return error


def _breaker_of(connection: BaseDatabaseWrapper) -> Breaker:
    """The circuit breaker of the alias, which rests while the alias leads to a standby."""
    return breaker_of("primary", connection.alias)
