"""Raw SQL that reads: on the connection to which the router would send a read."""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import DEFAULT, Cluster, clusters
from pinning.databases import is_on_event_loop
from pinning.reads.decision import count, decide
from pinning.scopes import Reason, current_scope


def read_connection(cluster: str = "", model: Any = None) -> BaseDatabaseWrapper:
    """Django's connection for raw SQL that reads now: a replica's, or the primary's.

    ``with read_connection().cursor() as cursor:``. Ask anew for each piece of work, as the ORM
    does: a write, a pin or an override changes the answer. It is counted with its reason in
    ``scope.reads``. ``cluster`` is a cluster's name or one of its aliases; without it the one of
    ``model`` counts, or "default". PRIMARY_MODELS holds for ``model`` alone: nobody looks into the
    SQL. On an event loop it is the primary's. A statement whose replica fails under it is not run
    again. Raises UnknownClusterError.
    """
    place = _cluster_of(cluster, model)
    scope = current_scope()
    if is_on_event_loop():
        alias, reason = place.primary, Reason.EVENT_LOOP
    else:
        alias, reason = decide(place, model, None, scope)
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
