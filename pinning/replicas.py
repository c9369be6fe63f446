"""Which replica serves a scope: a healthy one, caught up with the scope's pins, the same all along.

Everything here may wait for a database, so it never runs on an event loop.
"""

import contextlib
import hashlib
import itertools
import logging
import math
import random
import time
from collections.abc import Iterator

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import breaker, conf, databases, lookout, reached, rotation, waits
from pinning.conf import Cluster
from pinning.databases import is_in_transaction
from pinning.pins import Pin, Position
from pinning.scopes import Choice, Reason, Scope
from pinning.waits import Wait

logger = logging.getLogger("pinning")

ROUTED = "_pinning_routed"

#: How many replicas a pinned scope asks for their position before it takes the primary.
MOST_ASKED = 2

#: The lookout tries whether a replica is back; if it has not by then, a request does.
_GRACE_SECONDS = 3.0


def choose(scope: Scope, cluster: Cluster) -> Choice:
    """Settle which database serves the reads of ``scope`` on ``cluster``."""
    if not scope.uses_replicas():
        return Choice.of_primary(cluster.primary, Reason.SWITCHED_OFF)
    known = scope.pins()
    if known is None:
        return Choice.of_primary(cluster.primary, Reason.STORES_DOWN)
    if pins := known.of(cluster.primary):
        return _choose_caught_up(scope, cluster, pins)
    if not known and scope.needs_pins():
        return Choice.of_primary(cluster.primary, Reason.NO_PINS)
    alias = first_usable(cluster, scope)
    if alias is None:
        return Choice.of_primary(cluster.primary, Reason.NO_REPLICA)
    return Choice(alias, Reason.REPLICA)


def reconsider(scope: Scope, cluster: Cluster, choice: Choice) -> Choice:
    """Settle it again with the pins of a user who was resolved after a replica had been chosen.

    That replica it stays, or the primary: a third database might show an older state than the
    reads before. Only if it has failed meanwhile, all is settled anew.
    """
    if not is_usable(cluster, choice.alias):
        return choose(scope, cluster)
    known = scope.pins()
    if known is None:
        return Choice.of_primary(cluster.primary, Reason.STORES_DOWN)
    pins = known.of(cluster.primary)
    connection = connections[choice.alias]
    if not has_reached(connection, pins):
        return Choice.of_primary(cluster.primary, Reason.PINNED)
    reason = Reason.CAUGHT_UP if pins else choice.reason
    return Choice(choice.alias, reason, _held(connection, pins))


def first_usable(cluster: Cluster, scope: Scope | None) -> str | None:
    """The first replica that a query could be sent to, in the scope's own order."""
    seed = random.random() if scope is None else scope.seed  # noqa: S311
    return next(_usable(cluster, seed), None)


def _usable(cluster: Cluster, seed: object) -> Iterator[str]:
    """Those that a query could be sent to. Where there is none, that is noted."""
    is_exhausted = True
    for alias in _in_order(cluster, seed):
        if is_usable(cluster, alias):
            is_exhausted = False
            yield alias
    if is_exhausted:
        rotation.note_exhausted(cluster)


def _choose_caught_up(scope: Scope, cluster: Cluster, pins: tuple[Pin, ...]) -> Choice:
    reason = Reason.NO_REPLICA
    for alias in itertools.islice(_usable(cluster, scope.seed), MOST_ASKED):
        connection = connections[alias]
        reached.begin(connection)
        if has_reached(connection, pins):
            return Choice(alias, Reason.CAUGHT_UP, _held(connection, pins))
        reason = Reason.PINNED
    return Choice.of_primary(cluster.primary, reason)


def _held(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> tuple[Pin, ...]:
    """Those that hold by position rather than by time, which every connection must prove."""
    return tuple(pin for pin in pins if reached.has(connection, pin))


def _in_order(cluster: Cluster, seed: object) -> list[str]:
    """The replicas, the scope's own first: the same for the same seed, so far as they are there.

    Rendezvous hashing: a replica more or less moves none but those who were or will be on it. With
    weights each hash becomes a waiting time, on average the shorter the larger the weight; the
    shortest comes first.
    """
    if len(cluster.replicas) < 2:
        return list(cluster.replicas)

    def waiting_time(alias: str) -> float:
        digest = hashlib.blake2b(f"{seed}\0{alias}".encode(), digest_size=6).digest()
        share = (int.from_bytes(digest) + 1) / 2**48  # above 0, at most 1, exact as a float
        return -math.log(share) / weights.get(alias, 1)

    weights = dict(zip(cluster.replicas, cluster.weights, strict=False))
    return sorted(cluster.replicas, key=waiting_time)


def is_usable(cluster: Cluster, alias: str) -> bool:
    """Whether a query could be sent to the replica now; connects to it, as the query would have."""
    connection = connections[alias]
    if _is_forbidden(connection):
        return False
    lookout.attend(connection, cluster)
    grace = _GRACE_SECONDS if alias in waits.watched else 0.0
    if alias in rotation.lagging or not breaker.replicas.may_try(alias, grace):
        return False
    is_tried = breaker.replicas.is_resting(alias)
    try:
        with Wait(connection) as wait:
            _renew_if_broken(connection, ask=is_tried)
            wait.connect()
    except Error as error:
        rotation.set_aside(alias, error)
        return False
    except AssertionError:  # Django's test cases forbid it to other threads in this way
        return False
    if is_tried:  # else nothing was asked, and another thread may have found out that it is down
        rotation.restore(alias)
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
    if not rotation.is_out(connection.alias):
        try:
            with Wait(connection) as wait:
                wait.connect()
        except Error:
            rotation.set_aside(connection.alias, error)
    return True


def note_routed(connection: BaseDatabaseWrapper) -> None:
    """The router has just told the running thread to read on ``connection``."""
    connection.__dict__[ROUTED] = True


def take_routed(connection: BaseDatabaseWrapper) -> bool:
    """Whether it has since the last statement: raw cursors and ``using()`` do not ask it."""
    return bool(connection.__dict__.pop(ROUTED, False))


def has_reached(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> bool:
    """Whether later statements on ``connection`` see what the one who holds ``pins`` wrote.

    What its server was seen to reach is remembered, so that this costs a query only while the pins
    are newer than that. The query is a statement of its own, ahead of the snapshot
    of any read; inside a transaction on the replica, which may have an older one, it is not asked.
    """
    left = [pin for pin in pins if not reached.has(connection, pin)]
    if not left:
        return True
    try:
        connection.ensure_connection()
        if is_in_transaction(connection):
            return False
        with Wait(connection):
            seen = _ask(connection) if any(pin.position is not None for pin in left) else None
    except Error as error:
        if not give_up_if_lost(connection, error):
            logger.warning("Replica %r does not tell its position: %s", connection.alias, error)
        return False
    settings, now = conf.settings(), time.time()
    return all(
        pin.is_over(seen, now, window=settings.window, max_pin=settings.max_pin) for pin in left
    )


def _ask(connection: BaseDatabaseWrapper) -> Position | None:
    seen = databases.of_replica(connection)
    if seen is not None:
        reached.note(connection, seen)
    return seen
