"""The rules that decide where a read goes, and why."""

from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from pinning.conf import Cluster, followed, outlives_lag
from pinning.databases import is_in_transaction, is_on_event_loop, running_thread, state_of
from pinning.reads.replica import first_usable, given, may_use_replicas, settle
from pinning.scopes import (
    ClusterWork,
    Read,
    Reason,
    Scope,
    current_scope,
    line_of_project,
    overrides,
    transaction_of,
    wishes,
)

Decide = Callable[[Cluster, Any, Model | None, Scope | None], tuple[str, Reason]]


def decide(
    cluster: Cluster, model: Any, instance: Model | None, scope: Scope | None
) -> tuple[str, Reason]:
    """Where a read of ``model`` on ``cluster`` goes, and why. The first rule that holds decides.

    ``instance`` is the object whose relation is followed, if any. The answer may cost a query on a
    replica and one load from the stores, once for each scope and cluster.
    """
    primary = cluster.primary
    asked = wishes()
    if asked.database is not None:
        return _as_asked(cluster, model, scope, asked.database)
    if cluster.primary_models[model]:
        return primary, Reason.PRIMARY_MODEL
    if scope is None:
        return primary, Reason.NO_SCOPE
    work = scope.works[primary]
    reader = work.readers.get(running_thread.key)
    connection = (None if reader is None else reader.primary()) or _find_connection(cluster, work)
    # The attribute first, as this runs for each read. What SQL has begun binds the scope.
    if connection and not connection.autocommit and is_in_transaction(connection):
        transaction = transaction_of(connection)
        if not scope.is_in_view_alone(connection, transaction):
            return primary, Reason.TRANSACTION
        if transaction.has_written():
            return primary, Reason.WRITTEN
    bound = work.bound if scope.parent is None else scope.bound(primary)
    if bound is not None:
        return primary, bound
    if scope.is_unsafe and not asked.is_read_only:
        return primary, Reason.UNSAFE_METHOD
    if instance is not None and followed(instance) == primary:
        return primary, Reason.FOLLOWS_PRIMARY
    choice = None if reader is None else reader.settled(work.choice, scope.users)
    return settle(cluster, scope, work) if choice is None else choice.decision


def route(cluster: Cluster, model: Any, instance: Model | None, decide: Decide = decide) -> str:
    """Decide for a read in the current scope, and count the answer there."""
    scope = current_scope()
    alias, reason = decide(cluster, model, instance, scope)
    if scope is not None:
        reads = scope.works[cluster.primary].reads
        reads[reason] = reads.get(reason, 0) + 1
        if scope.trace is not None:
            scope.trace.append(Read(_label(model), alias, reason, line_of_project()))
    return alias


def _as_asked(cluster: Cluster, model: Any, scope: Scope | None, asked: str) -> tuple[str, Reason]:
    """What an override asks for. A replica has to be healthy, but need not have caught up."""
    if asked == overrides.PRIMARY:
        return cluster.primary, Reason.USE_PRIMARY
    if outlives_lag(model):
        return cluster.primary, Reason.PRIMARY_MODEL
    if is_on_event_loop():
        return cluster.primary, Reason.EVENT_LOOP
    if not may_use_replicas(scope):
        return cluster.primary, Reason.SWITCHED_OFF
    alias = first_usable(cluster, scope)
    if alias is None:
        return cluster.primary, Reason.NO_REPLICA
    return given(alias, cluster, scope), Reason.USE_REPLICA


def _find_connection(cluster: Cluster, work: ClusterWork) -> BaseDatabaseWrapper | None:
    """This thread's connection to the primary, remembered: finding it costs more than the rest.

    None on an event loop, whose connections are its own and are never used by a query. What the
    connection holds from before binds the scope: a lock, a transaction that SQL has begun.
    """
    if is_on_event_loop():
        return None
    connection = connections[cluster.primary]
    work.add_reader(connection)
    if state_of(connection).holds_something:
        work.bound = work.bound or Reason.LOCKED
    return connection


def _label(model: Any) -> str:
    """The model's label. The database cache's class has only a name, and raw SQL has no model."""
    if model is None:
        return "raw SQL"
    return str(getattr(model._meta, "label", model._meta.object_name))
