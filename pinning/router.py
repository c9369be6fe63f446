"""The router: ``decide`` says where a read goes and why; the class around it is Django's hook."""

from typing import Any

from django.db.models import Model

from pinning.conf import clusters
from pinning.reads import count, decide
from pinning.scopes import (
    current_scope,
)


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
