"""``read_connection``: the connection for raw SQL that reads."""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import DEFAULT, Cluster, clusters
from pinning.databases import is_on_event_loop
from pinning.reads.decision import count, decide
from pinning.reads.rerun import is_alike
from pinning.scopes import Reason, current_scope


def read_connection(cluster: str = "", model: Any = None) -> BaseDatabaseWrapper:
    """Django's connection for raw SQL that reads now: a replica's, or the primary's.

    ``with read_connection().cursor() as cursor:``. Call it again for each piece of work, as the ORM
    does: a write, a pin or an override changes the answer. The call is counted with its reason in
    ``scope.reads``. ``cluster`` is a cluster's name or one of its aliases. Without it the cluster
    of ``model`` counts, or else "default". PRIMARY_MODELS is compared with ``model`` alone: the SQL
    is not looked at. On an event loop the connection is the primary's. If the replica fails during
    a statement, the statement is not run again. Raises UnknownClusterError.
    """
    place = _cluster_of(cluster, model)
    scope = current_scope()
    if is_on_event_loop():
        alias, reason = place.primary, Reason.EVENT_LOOP
    else:
        alias, reason = decide(place, model, None, scope)
        if alias != place.primary and not is_alike(connections[alias], place.primary):
            alias, reason = place.primary, Reason.NO_REPLICA
    if scope is not None:
        count(scope, place, model, alias, reason)
    return connections[alias]


def _cluster_of(name: str, model: Any) -> Cluster:
    known = clusters()
    if not name and model is not None:
        own = known.of_query(model, None, {})
        if own is not None:
            return own
    name = name or DEFAULT
    return known.of_alias(name) or known.named(name)
