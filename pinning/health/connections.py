"""Connections to replicas: whether one can be used, and what to do when one was lost.

Everything here may wait for a database, so it never runs on an event loop.
"""

import contextlib

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import Cluster
from pinning.databases import apart, is_full, is_without_connection
from pinning.health import monitor
from pinning.health.status import Replica, replica

#: How long requests leave it to the monitor to try first whether a replica is back.
_GRACE_SECONDS = 3.0


def is_usable(cluster: Cluster, alias: str) -> bool:
    """Whether the replica can take a query now. This connects to it, as the query would have."""
    monitor.renew_if_forked()
    connection, known = connections[alias], replica(alias)
    if _is_forbidden(connection):
        return False
    monitor.attend(known, connection, cluster)
    grace = _GRACE_SECONDS if known.waits.are_watched else 0.0
    if known.is_lagging or not known.breaker.may_try(grace):
        return False
    is_tried = known.breaker.is_resting
    try:
        with known.wait(connection) as wait:
            _renew_if_broken(connection, ask=is_tried)
            wait.connect()
    except Error as error:
        if not _is_busy(known, connection, error, wait.since):
            known.set_aside(error)
        return False
    except AssertionError:  # Django's test cases forbid other threads to connect in this way
        return False
    if is_tried:  # else nothing was asked, and another thread may have set it aside
        known.restore()
    return known.watcher is None or known.watcher.is_known_to_be_fresh()


def _renew_if_broken(connection: BaseDatabaseWrapper, *, ask: bool) -> None:
    """Close a connection that broke since it was opened, so that a new one is made.

    The server is asked if an error was seen on the connection, or if ``ask`` says that the replica
    had failed. Otherwise CONN_HEALTH_CHECKS decides.
    """
    if connection.connection is None or connection.in_atomic_block:
        return
    connection.close_if_health_check_failed()
    if (connection.errors_occurred or ask) and not connection.is_usable():
        connection.close()
    connection.errors_occurred = False


def _is_forbidden(connection: BaseDatabaseWrapper) -> bool:
    """Whether one of Django's test cases left the alias out of its ``databases``.

    Django then puts a failure in place of the methods that connect or query. The failure has the
    real method in ``wrapped`` (``_DatabaseFailure`` in django/test/testcases.py).
    """
    return hasattr(connection.cursor, "wrapped") or hasattr(connection.connect, "wrapped")


def give_up_if_lost(connection: BaseDatabaseWrapper, error: Error) -> bool:
    """Whether ``error`` came from a connection that was lost. Such a connection is closed.

    Its replica is set aside unless the replica accepts a new connection.
    """
    if connection.connection is not None and connection.is_usable():
        return False
    with contextlib.suppress(Error):
        connection.close()
    known = replica(connection.alias)
    if not known.is_out:
        try:
            with known.wait(connection) as wait:
                wait.connect()
        except Error as refusal:
            if not _is_busy(known, connection, refusal, wait.since):
                known.set_aside(error)
    return True


def _is_busy(known: Replica, connection: BaseDatabaseWrapper, error: Error, since: float) -> bool:
    """Whether a replica that gave no connection is up, which is noted. Those who have one go on."""
    is_up = _is_up(known, connection, error, since)
    if is_up:
        known.note_busy(error)
    return is_up


def _is_up(known: Replica, connection: BaseDatabaseWrapper, error: Error, since: float) -> bool:
    """Whether only connections are lacking: the server has none left, or this process's pool.

    If the monitor has had no answer since the wait began, a connection outside the pool is tried.
    """
    if not is_without_connection(error):
        return is_full(error)
    if known.watcher is not None and known.watcher.answered_at > since:
        return True
    other = apart(connection)
    try:
        with known.wait(other) as wait:
            wait.connect()
    except Error as refusal:
        return is_full(refusal)
    finally:
        with contextlib.suppress(Error):
            other.close()
    return True
