"""Chooses the replica that serves a scope: a healthy one that has caught up with its pins.

A scope that was sent to the primary looks again after about a second. All functions here may wait
for a database.
"""

import itertools
import random
from collections.abc import Iterator

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import shadow
from pinning.conf import SHADOW, Cluster, routed_alias, shadow_alias
from pinning.databases import is_on_event_loop, pins_of_seen, running_thread
from pinning.health import is_usable, note_exhausted, replica
from pinning.pins import Pin, Pins
from pinning.reads.caught_up import begin, has_caught_up, is_known
from pinning.reads.order import in_order
from pinning.reads.replaced import differences
from pinning.reads.waiting import is_soon, may_wait, wait_for_first
from pinning.scopes import (
    Choice,
    ClusterWork,
    Reader,
    Reason,
    Scope,
    overrides,
    switch,
    wishes,
)

#: How many replicas a pinned scope asks for their position before it takes the primary.
MOST_ASKED = 2


def settle(cluster: Cluster, scope: Scope, work: ClusterWork) -> tuple[str, Reason]:
    """Where the reads of ``scope`` go, and why. Each new connection has to prove itself.

    Reads go to the primary if USE_REPLICAS is off, if no store answers, if the user is pinned and
    no replica has caught up, or if no replica is healthy. Otherwise they go to a replica.
    """
    if work in wishes().choosing:
        return cluster.primary, Reason.STORES_DOWN
    if is_on_event_loop():
        return _on_event_loop(cluster, scope, work)
    reader = work.readers.get(running_thread.key)
    if reader is None:  # the scope has just ended, in another thread
        return cluster.primary, Reason.NO_SCOPE
    if work.choice is None:
        _begin_as_around(cluster, scope, work, reader)
    choice = work.choice
    if choice is None or not _holds(choice, cluster, scope):
        choice = _choose_once(cluster, scope, work, reader)
    if choice.replica is not None and not _enter(reader, choice, cluster, work):
        choice = work.choice = _pinned(cluster, scope)  # with all threads
    reader.choice = choice
    return choice.decision


def may_use_replicas(scope: Scope | None) -> bool:
    """Whether USE_REPLICAS lets ``scope`` read from replicas, and Django is as we know it."""
    if differences():
        return False
    return (switch() if scope is None else scope.switch()) is not False


def first_usable(cluster: Cluster, scope: Scope | None) -> str | None:
    """The first replica that can take a query, in the scope's own order."""
    seed = random.random() if scope is None else scope.seed  # noqa: S311
    return next(_usable(cluster, seed), None)


def given(alias: str, cluster: Cluster, scope: Scope | None) -> str:
    """The alias for a read that was decided to go to the replica ``alias``."""
    if (switch() if scope is None else scope.switch()) != SHADOW:
        return routed_alias(alias, cluster.primary)
    shadow.begin()
    return shadow_alias(cluster.primary, alias)


def _on_event_loop(cluster: Cluster, scope: Scope, work: ClusterWork) -> tuple[str, Reason]:
    """What was settled, if that is certain without waiting; otherwise the primary.

    The query runs later, in a thread. So a scope that left the primary goes back, and one that is
    there stays: what the query sees may be newer than any position that was asked for until now.
    """
    choice = work.choice
    if choice is None:
        return cluster.primary, Reason.EVENT_LOOP
    if choice.replica is None:
        choice.stay()
        return choice.decision
    if work.seen:
        work.choice = Choice.for_now(cluster.primary, Reason.EVENT_LOOP)
        return work.choice.decision
    if choice.pins or choice.users is not scope.user_ids():
        return cluster.primary, Reason.EVENT_LOOP
    return choice.decision


def _begin_as_around(cluster: Cluster, scope: Scope, work: ClusterWork, reader: Reader) -> None:
    """Begin where the scope around stands, if it has read: another replica may be further behind.

    What the inner scope reads then does not change where the outer one reads.
    """
    around = scope.parent
    while around is not None:
        known = around.works.get(cluster.primary)
        choice = None if known is None else known.choice
        if known is not None and choice is not None:
            before = known.readers.get(running_thread.key)
            reader.choice = None if before is None else before.choice
            work.seen, work.choice = known.seen, choice.with_other_pins()
            work.race = known.race
            return
        around = around.parent


def _holds(choice: Choice, cluster: Cluster, scope: Scope) -> bool:
    """Whether the scope's choice still holds, for a thread that has to prove itself."""
    if choice.replica is None:
        return not choice.is_due
    return choice.users is scope.user_ids() and is_usable(cluster, choice.alias)


def _is_there(choice: Choice, cluster: Cluster) -> bool:
    return choice.replica is None or is_usable(cluster, choice.alias)


def _enter(reader: Reader, choice: Choice, cluster: Cluster, work: ClusterWork) -> bool:
    """Send a thread to the replica, if its connection there has reached all that is asked for."""
    if reader.is_on_primary and not _may_leave_primary(reader, cluster, work):
        return False
    connection, needed = connections[choice.alias], choice.pins
    if work.seen:
        needed = tuple(work.seen.merge(Pins(needed)))
    if needed and not has_caught_up(connection, needed):
        return False
    reader.use_replica(choice, connection)
    return True


def _may_leave_primary(reader: Reader, cluster: Cluster, work: ClusterWork) -> bool:
    """Whether the primary tells where it is: a replica that has reached that may serve the thread.

    The thread may have seen there what no pin tells, and reads never go back in time by a move.
    """
    seen = pins_of_seen(cluster.primary)
    if seen is None:
        return False
    work.seen = work.seen.merge(seen)
    reader.choice = None
    return True


def _choose_once(cluster: Cluster, scope: Scope, work: ClusterWork, reader: Reader) -> Choice:
    """Choose. If a callable USE_REPLICAS or a store reads meanwhile, it reads from the primary.

    Another thread of the scope that reads meanwhile chooses for itself. The first choice holds for
    all of them. No lock is held: a fork or a signal could leave it held for ever.
    """
    old, users = work.choice, scope.user_ids()
    around = wishes()
    token = overrides.wish(around._replace(choosing=around.choosing | {work}))
    try:
        if old is not None and old.replica is None:
            choice = leave_primary(scope, cluster, reader, old)
        elif old is not None and not is_usable(cluster, old.alias):
            # Another replica may be further behind than what the scope has read.
            choice = Choice.for_now(cluster.primary, Reason.NO_REPLICA)
        elif old is not None and old.users is not users:
            choice = reconsider(scope, cluster, old)
        else:
            choice = choose(scope, cluster, _seconds_to_wait(scope))
        choice.users = users
        other = work.choice
        is_settled = other is not None and other is not old and other.users is users
        if other is not None and is_settled and _is_there(other, cluster):
            return other
        work.choice = choice
        if choice.known is not None and choice.known is not scope.pins():
            choice = work.choice = reconsider(scope, cluster, choice)  # more came meanwhile
            choice.users = users
        return choice
    finally:
        overrides.end(token)


def choose(scope: Scope, cluster: Cluster, seconds: float = 0.0) -> Choice:
    """Choose which database serves the reads of ``scope`` on ``cluster``.

    ``seconds`` is how long it may wait for a replica to catch up.
    """
    if not may_use_replicas(scope):
        return Choice(cluster.primary, Reason.SWITCHED_OFF)
    known = scope.pins()
    if known is None:
        return Choice.for_now(cluster.primary, Reason.STORES_DOWN)
    if not known and scope.needs_pins():
        return Choice(cluster.primary, Reason.NO_PINS)
    pins, seen = known.of(cluster.primary), scope.work(cluster.primary).seen
    if pins or seen:
        choice = _choose_caught_up(scope, cluster, pins, tuple(seen.merge(Pins(pins))), seconds)
    else:
        choice = _choose_any(scope, cluster)
    if choice.replica is not None:
        choice.known = known
    return choice


def _choose_any(scope: Scope, cluster: Cluster) -> Choice:
    alias = first_usable(cluster, scope)
    if alias is None:
        return Choice.for_now(cluster.primary, Reason.NO_REPLICA)
    return _on_replica(scope, cluster, alias, Reason.REPLICA)


def leave_primary(scope: Scope, cluster: Cluster, reader: Reader, old: Choice) -> Choice:
    """Choose again for a scope that was sent to the primary about a second ago.

    It stays there unless a replica has reached its pins and all that it has seen on the primary.
    Where the primary tells no position, and inside a transaction, it always stays.
    """
    old.stay()  # other threads do not ask meanwhile
    scope.forget_unknown_pins()
    known = scope.pins()
    if known is not None and not _may_leave_primary(reader, cluster, scope.work(cluster.primary)):
        return old
    choice = choose(scope, cluster)
    is_pinned = known is not None and bool(known.of(cluster.primary))
    return old if choice.reason is Reason.PINNED and not is_pinned else choice


def reconsider(scope: Scope, cluster: Cluster, choice: Choice) -> Choice:
    """Choose again, with the pins of a user who was resolved after a replica had been chosen.

    The scope stays on that replica or goes to the primary: a third database might show an older
    state than the earlier reads did.
    """
    known = scope.pins()
    if known is None:
        return Choice.for_now(cluster.primary, Reason.STORES_DOWN)
    pins = known.of(cluster.primary)
    connection = connections[choice.alias]
    if not has_caught_up(connection, pins):
        return _pinned(cluster, scope)
    if pins:
        return _after_pins(scope, cluster, connection, pins)
    return _on_replica(scope, cluster, choice.alias, choice.reason)


def _choose_caught_up(
    scope: Scope,
    cluster: Cluster,
    pins: tuple[Pin, ...],
    needed: tuple[Pin, ...],
    seconds: float,
) -> Choice:
    """A replica that has reached all that is ``needed``: the scope's ``pins``, and what it saw."""
    behind = []
    may_wait_here = seconds > 0 and not scope.is_shadow()  # which waits aside
    for alias in itertools.islice(_usable(cluster, scope.seed), MOST_ASKED):
        connection = connections[alias]
        begin(connection)
        is_awaited = may_wait_here and is_soon(cluster, connection, needed, seconds)
        if not is_awaited and has_caught_up(connection, needed):
            break
        behind.append(connection)
    else:
        if not behind:
            return Choice.for_now(cluster.primary, Reason.NO_REPLICA)
        found = _wait(scope, cluster, behind, needed, seconds) if seconds else None
        if found is None:
            return _pinned(cluster, scope)
        connection = found
    if pins:
        return _after_pins(scope, cluster, connection, pins)
    return _on_replica(scope, cluster, connection.alias, Reason.REPLICA)


def _wait(
    scope: Scope,
    cluster: Cluster,
    behind: list[BaseDatabaseWrapper],
    needed: tuple[Pin, ...],
    seconds: float,
) -> BaseDatabaseWrapper | None:
    """The first connection that comes to have what is ``needed``. Shadow mode waits aside."""
    work = scope.work(cluster.primary)
    if not scope.is_shadow():
        return wait_for_first(cluster, work, behind, needed, seconds)
    if may_wait(cluster, needed):
        aliases = [connection.alias for connection in behind]
        work.race = shadow.race(aliases, needed, shadow.limits_of(scope))
    return None


def _seconds_to_wait(scope: Scope) -> float:
    if scope.is_shadow():
        return max(shadow.limits_of(scope))
    asked = wishes().wait
    return scope.wait_seconds() if asked is None else asked


def _pinned(cluster: Cluster, scope: Scope) -> Choice:
    """The primary for now, as no replica has the pins yet.

    In shadow mode an object that it gives says so. What follows that object goes where the scope's
    other reads go then, as it would if a replica had had the pins in time.
    """
    choice = Choice.for_now(cluster.primary, Reason.PINNED)
    if scope.is_shadow():
        shadow.begin()
        choice.decision = (shadow_alias(cluster.primary, ""), Reason.PINNED)
    return choice


def _on_replica(
    scope: Scope, cluster: Cluster, alias: str, reason: Reason, pins: tuple[Pin, ...] = ()
) -> Choice:
    choice = Choice(alias, reason, replica(alias), pins)
    choice.decision = (given(alias, cluster, scope), reason)
    return choice


def _after_pins(
    scope: Scope, cluster: Cluster, connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]
) -> Choice:
    """The replica behind ``connection``, to which ``pins`` do not keep the scope from going.

    Pins that hold by position stay with the choice: each connection must show that it has them.
    """
    held = tuple(pin for pin in pins if is_known(connection, pin))
    reason = Reason.CAUGHT_UP if len(held) == len(pins) else Reason.WINDOW_OVER
    return _on_replica(scope, cluster, connection.alias, reason, held)


def _usable(cluster: Cluster, seed: object) -> Iterator[str]:
    """The replicas that can take a query, in the order for ``seed``. Logs if there is none."""
    is_exhausted = True
    for alias in in_order(cluster, seed):
        if is_usable(cluster, alias):
            is_exhausted = False
            yield alias
    if is_exhausted:
        note_exhausted(cluster)
