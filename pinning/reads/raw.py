"""``read_connection``: the connection for raw SQL that reads."""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from pinning.conf import DEFAULT, Cluster, clusters
from pinning.databases import is_on_event_loop, sessions
from pinning.reads.decision import decide, route
from pinning.scopes import Reason, Scope


def read_connection(cluster: str = "", model: Any = None) -> BaseDatabaseWrapper:
    """Django's connection for raw SQL that reads now: a replica's, or the primary's.

    ``with read_connection().cursor() as cursor:``. Call it again for each piece of work, as the ORM
    does: a write, a pin or an override changes the answer. The call is counted with its reason in
    ``scope.reads``. ``cluster`` is a cluster's name or one of its aliases. Without it the cluster
    of ``model`` counts, or else "default". PRIMARY_MODELS is compared with ``model`` alone: the SQL
    is not looked at. On an event loop the connection is the primary's. If the replica fails during
    a statement, the statement is not run again. Raises UnknownClusterError.
    """
    return connections[route(_cluster_of(cluster, model), model, None, _decide)]


def _decide(
    cluster: Cluster, model: Any, instance: Model | None, scope: Scope | None
) -> tuple[str, Reason]:
    """Like ``decide``. It is the last moment at which the session can be looked at."""
    if is_on_event_loop():
        return cluster.primary, Reason.EVENT_LOOP
    alias, reason = decide(cluster, model, instance, scope)
    if not sessions.are_alike(connections[alias], connections[cluster.primary]):
        return cluster.primary, Reason.NO_REPLICA
    return alias, reason


def _cluster_of(name: str, model: Any) -> Cluster:
    known = clusters()
    if not name and model is not None:
        own = known.of_query(model, None, {})
        if own is not None:
            return own
    name = name or DEFAULT
    return known.of_alias(name) or known.named(name)
