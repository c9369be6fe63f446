"""Connections to replicas: whether one can be used, and what is to be done when it was lost.

Everything here may wait for a database, so it never runs on an event loop.
"""

import contextlib

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import Cluster
from pinning.health import monitor
from pinning.health.status import replica

#: The monitor tries whether a replica is back; if it has not by then, a request does.
_GRACE_SECONDS = 3.0


def is_usable(cluster: Cluster, alias: str) -> bool:
    """Whether a query could be sent to the replica now; connects to it, as the query would have."""
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
        known.set_aside(error)
        return False
    except AssertionError:  # Django's test cases forbid it to other threads in this way
        return False
    if is_tried:  # else nothing was asked, and another thread may have found out that it is down
        known.restore()
    return True


def _renew_if_broken(connection: BaseDatabaseWrapper, *, ask: bool) -> None:
    """Close a connection that broke since it was opened, so that a new one is made.

    Where an error was seen on it, or where ``ask`` says that its replica had failed, it is asked;
    else as CONN_HEALTH_CHECKS says.
    """
    if connection.connection is None or connection.in_atomic_block:
        return
    connection.close_if_health_check_failed()
    if (connection.errors_occurred or ask) and not connection.is_usable():
        connection.close()
    connection.errors_occurred = False


def _is_forbidden(connection: BaseDatabaseWrapper) -> bool:
    """Whether one of Django's test cases left the alias out of its ``databases``.

    It then has a failure in place of the methods that connect or query, with the real method in
    ``wrapped`` (``_DatabaseFailure`` in django/test/testcases.py).
    """
    return hasattr(connection.cursor, "wrapped") or hasattr(connection.connect, "wrapped")


def give_up_if_lost(connection: BaseDatabaseWrapper, error: Error) -> bool:
    """Whether ``error`` came from a connection that is of no more use, which is then closed.

    Its replica is set aside unless it takes a new connection.
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
        except Error:
            known.set_aside(error)
    return True
