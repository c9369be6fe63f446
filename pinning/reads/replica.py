"""Chooses the replica that serves a scope: a healthy one that has caught up with its pins.

The choice holds for the whole scope. All functions but ``is_ready`` may wait for a database.
"""

import itertools
import random
from collections.abc import Iterator

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import Cluster
from pinning.databases import is_on_event_loop, running_thread
from pinning.health import is_usable, note_exhausted, replica
from pinning.pins import Pin
from pinning.reads.caught_up import begin, has_reached, is_known
from pinning.reads.order import in_order
from pinning.reads.routed import RoutedAlias
from pinning.scopes import Choice, ClusterWork, Reason, Scope, overrides, wishes

#: How many replicas a pinned scope asks for their position before it takes the primary.
MOST_ASKED = 2


def is_ready(choice: Choice, thread: object) -> bool:
    """Whether ``thread`` was sent there before, and its connection is still the same."""
    known = choice.connections.get(thread)
    if known is None:
        return False
    connection, driver = known
    if connection.connection is not driver or connection.errors_occurred:
        return False
    return choice.replica is not None and not choice.replica.is_lagging


def settle(cluster: Cluster, scope: Scope, work: ClusterWork) -> tuple[str, Reason]:
    """Where the reads of ``scope`` go, and why. Each new connection has to prove itself.

    Reads go to the primary if USE_REPLICAS is off, if no store answers, if the user is pinned and
    no replica has caught up, or if no replica is healthy. Otherwise they go to a replica.
    """
    if work in wishes().choosing:
        return cluster.primary, Reason.STORES_DOWN
    choice = work.choice
    is_news = choice is not None and choice.users is not scope.user_ids()
    if is_on_event_loop():
        if choice is None or choice.pins or is_news:
            return cluster.primary, Reason.EVENT_LOOP
        return choice.decision
    if choice is None or is_news or not _is_there(choice, cluster):
        choice = _choose_once(cluster, scope, work)
    if choice.replica is None:
        return choice.decision
    connection = connections[choice.alias]
    if choice.pins and not has_reached(connection, choice.pins):
        return cluster.primary, Reason.PINNED  # the choice was made on another connection
    choice.connections[running_thread.token] = connection, connection.connection
    return choice.decision


def first_usable(cluster: Cluster, scope: Scope | None) -> str | None:
    """The first replica that can take a query, in the scope's own order."""
    seed = random.random() if scope is None else scope.seed  # noqa: S311
    return next(_usable(cluster, seed), None)


def _is_there(choice: Choice, cluster: Cluster) -> bool:
    return choice.replica is None or is_usable(cluster, choice.alias)


def _choose_once(cluster: Cluster, scope: Scope, work: ClusterWork) -> Choice:
    """Choose. If a callable USE_REPLICAS or a store reads meanwhile, it reads from the primary.

    Another thread of the scope that reads meanwhile chooses for itself. The first choice holds for
    all of them. No lock is held: a fork or a signal could leave it held for ever.
    """
    old, users = work.choice, scope.user_ids()
    around = wishes()
    token = overrides.wish(around._replace(choosing=around.choosing | {work}))
    try:
        if old is None or old.replica is None or old.users is users:
            choice = choose(scope, cluster)
        else:
            choice = reconsider(scope, cluster, old)
    finally:
        overrides.end(token)
    choice.users = users
    other = work.choice
    is_settled = other is not None and other is not old and other.users is users
    if other is not None and is_settled and _is_there(other, cluster):
        return other
    work.choice = choice
    return choice


def choose(scope: Scope, cluster: Cluster) -> Choice:
    """Choose which database serves the reads of ``scope`` on ``cluster``."""
    if not scope.uses_replicas():
        return Choice(cluster.primary, Reason.SWITCHED_OFF)
    known = scope.pins()
    if known is None:
        return Choice(cluster.primary, Reason.STORES_DOWN)
    if pins := known.of(cluster.primary):
        return _choose_caught_up(scope, cluster, pins)
    if not known and scope.needs_pins():
        return Choice(cluster.primary, Reason.NO_PINS)
    alias = first_usable(cluster, scope)
    if alias is None:
        return Choice(cluster.primary, Reason.NO_REPLICA)
    return _on_replica(alias, Reason.REPLICA)


def reconsider(scope: Scope, cluster: Cluster, choice: Choice) -> Choice:
    """Choose again, with the pins of a user who was resolved after a replica had been chosen.

    The scope stays on that replica or goes to the primary: a third database might show an older
    state than the earlier reads did. Only if the replica has failed since then, any replica may be
    chosen.
    """
    if not is_usable(cluster, choice.alias):
        return choose(scope, cluster)
    known = scope.pins()
    if known is None:
        return Choice(cluster.primary, Reason.STORES_DOWN)
    pins = known.of(cluster.primary)
    connection = connections[choice.alias]
    if not has_reached(connection, pins):
        return Choice(cluster.primary, Reason.PINNED)
    return _after_pins(connection, pins) if pins else _on_replica(choice.alias, choice.reason)


def _choose_caught_up(scope: Scope, cluster: Cluster, pins: tuple[Pin, ...]) -> Choice:
    reason = Reason.NO_REPLICA
    for alias in itertools.islice(_usable(cluster, scope.seed), MOST_ASKED):
        connection = connections[alias]
        begin(connection)
        if has_reached(connection, pins):
            return _after_pins(connection, pins)
        reason = Reason.PINNED
    return Choice(cluster.primary, reason)


def _on_replica(alias: str, reason: Reason, pins: tuple[Pin, ...] = ()) -> Choice:
    choice = Choice(alias, reason, replica(alias), pins)
    choice.decision = (RoutedAlias(alias), reason)
    return choice


def _after_pins(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> Choice:
    """The replica behind ``connection``, to which ``pins`` do not keep the scope from going.

    Pins that hold by position stay with the choice: each connection must show that it has them.
    """
    held = tuple(pin for pin in pins if is_known(connection, pin))
    reason = Reason.CAUGHT_UP if len(held) == len(pins) else Reason.WINDOW_OVER
    return _on_replica(connection.alias, reason, held)


def _usable(cluster: Cluster, seed: object) -> Iterator[str]:
    """The replicas that can take a query, in the order for ``seed``. Logs if there is none."""
    is_exhausted = True
    for alias in in_order(cluster, seed):
        if is_usable(cluster, alias):
            is_exhausted = False
            yield alias
    if is_exhausted:
        note_exhausted(cluster)
