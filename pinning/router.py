"""The router: ``decide`` says where a read goes and why; the class around it is Django's hook."""

import threading
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from pinning import replicas, rotation
from pinning.conf import Cluster, clusters, is_generic_relation
from pinning.databases import is_in_transaction, is_on_event_loop
from pinning.scopes import (
    Choice,
    ClusterWork,
    Read,
    Reason,
    Scope,
    are_replicas_on,
    current_scope,
    overrides,
    transaction_of,
)


class _Thread(threading.local):
    """Knows the running thread by a token: the identity of one that ended is given out again."""

    def __init__(self) -> None:
        self.token = object()


_thread = _Thread()
_lagging = rotation.lagging


def decide(
    cluster: Cluster, model: Any, instance: Model | None, scope: Scope | None
) -> tuple[str, Reason]:
    """Where a read of ``model`` on ``cluster`` goes, and why: the first clause that holds counts.

    ``instance`` is the object whose relation is followed, if any. The answer may take a query on a
    replica and one load from the stores, once for each scope and cluster.
    """
    primary = cluster.primary
    forced = overrides.forced()
    if forced is not None:
        return _as_asked(cluster, scope, forced)
    if cluster.primary_labels and cluster.is_primary_only(model):
        return primary, Reason.PRIMARY_MODEL
    if scope is None:
        return primary, Reason.NO_SCOPE
    work = scope.works.get(primary) or scope.work(primary)
    thread = _thread.token
    connection = work.connections.get(thread) or _find_connection(cluster, work)
    if connection is not None and is_in_transaction(connection):
        transaction = transaction_of(connection)
        if not scope.is_view_transaction(connection, transaction):
            return primary, Reason.TRANSACTION
        if transaction.has_written():
            return primary, Reason.WRITTEN
    if work.written or (scope.parent is not None and scope.has_written(primary)):
        return primary, Reason.WRITTEN
    if scope.is_unsafe and not overrides.is_read_only():
        return primary, Reason.UNSAFE_METHOD
    if instance is not None:
        if instance._state.db == primary:
            return primary, Reason.FOLLOWS_PRIMARY
        if is_generic_relation(model, instance):
            return primary, Reason.GENERIC_RELATION
    choice = work.choice
    if choice is not None:
        if choice.is_primary:
            return choice.decision
        users = scope.users
        if (users is None or users.ids() is choice.users) and _is_ready(choice, thread):
            return choice.decision
    return _settle(cluster, scope, work)


def _is_ready(choice: Choice, thread: object) -> bool:
    """Whether the thread was told before to read there, on the connection that it still has."""
    known = choice.connections.get(thread)
    if known is None:
        return False
    connection, driver = known
    if connection.connection is not driver or connection.errors_occurred:
        return False
    if _lagging and choice.alias in _lagging:
        return False
    connection.__dict__[replicas.ROUTED] = True  # note_routed, without the call
    return True


def _find_connection(cluster: Cluster, work: ClusterWork) -> BaseDatabaseWrapper | None:
    """This thread's connection to the primary, remembered: finding it costs more than the rest.

    None on an event loop, which has connections of its own that no query ever uses.
    """
    if is_on_event_loop():
        return None
    connection = work.connections[_thread.token] = connections[cluster.primary]
    return connection


def _settle(cluster: Cluster, scope: Scope, work: ClusterWork) -> tuple[str, Reason]:
    """The last clauses, which hold for all of the scope once they have been settled.

    They are ``replicas.choose``: USE_REPLICAS is off, no store answers, the user is pinned and no
    replica has caught up, no replica is healthy, or one of them it is.
    """
    choice = work.choice
    is_news = choice is not None and choice.users is not scope.user_ids()
    if is_on_event_loop():
        if choice is None or choice.pins or is_news:
            return cluster.primary, Reason.EVENT_LOOP
        return choice.decision
    is_usable = choice is not None and (
        choice.is_primary or replicas.is_usable(cluster, choice.alias)
    )
    if choice is None or is_news or not is_usable:
        choice = _choose(cluster, scope, work)
    if choice.is_primary:
        return choice.decision
    connection = connections[choice.alias]
    if choice.pins and not replicas.has_reached(connection, choice.pins):
        return cluster.primary, Reason.PINNED  # another thread's connection, or a new one
    choice.connections[_thread.token] = connection, connection.connection
    replicas.note_routed(connection)
    return choice.decision


def _choose(cluster: Cluster, scope: Scope, work: ClusterWork) -> Choice:
    """Settle it. What USE_REPLICAS or a store reads meanwhile is read from the primary."""
    old, users = work.choice, scope.user_ids()
    work.choice = Choice.of_primary(cluster.primary, Reason.STORES_DOWN)
    choice = None
    try:
        if old is None or old.is_primary or old.users is users:
            choice = replicas.choose(scope, cluster)
        else:
            choice = replicas.reconsider(scope, cluster, old)
        choice.users = users
    finally:
        work.choice = choice
    return choice


def _as_asked(cluster: Cluster, scope: Scope | None, forced: str) -> tuple[str, Reason]:
    """What an override says; of the replicas whichever is healthy, however far behind it is."""
    if forced == overrides.PRIMARY:
        return cluster.primary, Reason.USE_PRIMARY
    if is_on_event_loop():
        return cluster.primary, Reason.EVENT_LOOP
    allowed = are_replicas_on() if scope is None else scope.uses_replicas()
    if not allowed:
        return cluster.primary, Reason.SWITCHED_OFF
    alias = replicas.first_usable(cluster, scope)
    if alias is None:
        return cluster.primary, Reason.NO_REPLICA
    replicas.note_routed(connections[alias])
    return alias, Reason.USE_REPLICA


def count(scope: Scope, cluster: Cluster, model: Any, alias: str, reason: Reason) -> None:
    """Note in ``scope`` where a read goes and why."""
    reads = (scope.works.get(cluster.primary) or scope.work(cluster.primary)).reads
    reads[reason] = reads.get(reason, 0) + 1
    if scope.trace is not None:
        scope.trace.append(Read(_label(model), alias, reason))


def _label(model: Any) -> str:
    """The database cache's class has a name but no label, and raw SQL has no model."""
    if model is None:
        return "raw SQL"
    return str(getattr(model._meta, "label", model._meta.object_name))


class PinningRouter:
    """Django's four questions, answered for the configured clusters and for nothing else."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Where a read goes. ``decide`` has the rules; a scope keeps the count."""
        instance = hints.get("instance")
        known = clusters()
        cluster = known.fixed.get(model) if instance is None else None
        if cluster is None:
            cluster = known.of_query(model, instance, hints)
            if cluster is None:
                return None
        scope = current_scope()
        alias, reason = decide(cluster, model, instance, scope)
        if scope is not None:
            count(scope, cluster, model, alias, reason)
        return alias

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        """The primary, always: left open, Django would write where the object was loaded.

        Also in a cluster of READ_ONLY, as Django asks with no write to come; a write that does
        come fails on the primary's connection.
        """
        cluster = clusters().of_query(model, hints.get("instance"), hints)
        return None if cluster is None else cluster.primary

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool | None:  # noqa: ARG002
        """Yes within one cluster, whichever of its databases the two came from."""
        cluster = clusters().of_alias(one._state.db or "")
        if cluster is None or other._state.db not in cluster:
            return None
        return True

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        """Never on a replica, where it arrives by itself; and in the model's own cluster alone."""
        return clusters().may_migrate(db, app_label, model_name, hints.get("model"))
