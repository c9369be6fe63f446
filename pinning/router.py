"""The database router: Django asks it where to read, write, relate and migrate."""

from typing import Any

from django.db.models import Model

from pinning.conf import clusters
from pinning.reads import route


class PinningRouter:
    """Answers Django's four questions for the configured clusters, and for nothing else."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Where a read goes. ``decide`` has the rules, and the scope counts the answers."""
        if model is None:  # RawQuerySet may have none
            return None
        instance = hints.get("instance") if hints else None
        known = clusters()
        cluster = known.fixed.get(model) if instance is None else None
        if cluster is None:
            cluster = known.of_query(model, instance, hints)
            if cluster is None:
                return None
            if instance is not None and model not in known.fixed:
                known.check_followed(model, instance, hints)
        return route(cluster, model, instance)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        """Always the primary. Without an answer Django would write where the object was loaded.

        The primary is also the answer in a cluster of READ_ONLY, because Django asks even if no
        write follows. A write that does follow fails on the primary's connection.
        """
        cluster = clusters().of_query(model, hints.get("instance"), hints)
        return None if cluster is None else cluster.primary

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool | None:  # noqa: ARG002
        """True for two objects of one cluster, from whichever of its databases they came."""
        cluster = clusters().of_alias(one._state.db or "")
        if cluster is None or other._state.db not in cluster:
            return None
        return True

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        """Only on the primary of the model's own cluster. Replicas get it by replication."""
        return clusters().may_migrate(db, app_label, model_name, hints.get("model"))
