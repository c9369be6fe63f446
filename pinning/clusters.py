"""Clusters: a primary and its replicas, and which of them a model, row or alias belongs to."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import connections
from django.db.models import Model

from pinning import conf
from pinning.exceptions import UnknownClusterError

logger = logging.getLogger("pinning")

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A primary and its replicas, by their aliases. A cluster is called by its primary's alias."""

    primary: str
    replicas: tuple[str, ...]
    primary_labels: frozenset[str] = frozenset()

    def __contains__(self, alias: object) -> bool:
        return alias == self.primary or alias in self.replicas

    def is_primary_only(self, model: Any) -> bool:
        """Whether PRIMARY_MODELS names the model, or the one it is a proxy of.

        ``model`` need not be one: the database cache asks with a class of its own, which has
        no label.
        """
        meta = getattr(model, "_meta", None)
        concrete = getattr(meta, "concrete_model", None) or model
        return getattr(getattr(concrete, "_meta", None), "label_lower", None) in self.primary_labels


class Clusters:
    """All clusters that the PINNING setting names."""

    def __init__(
        self, replicas: Mapping[str, tuple[str, ...]], primary_models: tuple[str, ...] = ()
    ) -> None:
        """Take REPLICAS and PRIMARY_MODELS as ``conf`` read them."""
        labels = frozenset(map(_lower, primary_models))
        self._by_name = {name: Cluster(name, aliases, labels) for name, aliases in replicas.items()}
        self._by_alias = {
            alias: cluster
            for cluster in self._by_name.values()
            for alias in (cluster.primary, *cluster.replicas)
        }
        self._default = self._by_name.get(DEFAULT)
        self._primary_labels = labels
        self._primary_tables: frozenset[str] | None = None

    def named(self, name: str) -> Cluster:
        """The cluster of that name. Raises UnknownClusterError."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownClusterError(name, tuple(self._by_name)) from None

    def of_alias(self, alias: str) -> Cluster | None:
        """The cluster in which ``alias`` is the primary or a replica."""
        return self._by_alias.get(alias)

    def of_row(self, instance: Model | None) -> Cluster | None:
        """Where queries belong that start from ``instance``, or from nothing.

        None where it came from a database outside every cluster: its relations stay with it.
        """
        if instance is None:
            return self._default
        alias = instance._state.db
        return self._default if alias is None else self._by_alias.get(alias)

    @property
    def primary_tables(self) -> frozenset[str]:
        """The tables of PRIMARY_MODELS: writing to them pins nobody."""
        if self._primary_tables is None:
            self._primary_tables = frozenset(
                model._meta.db_table
                for model in apps.get_models(include_auto_created=True)
                if model._meta.label_lower in self._primary_labels
            )
        return self._primary_tables


def _lower(label: str) -> str:
    """As ``Model._meta.label_lower``: the app's part is as it was written."""
    app_label, _, model = label.rpartition(".")
    return f"{app_label}.{model.lower()}"


_clusters: Clusters | None = None


def configured() -> Clusters:
    """What the settings say. Raises ImproperlyConfigured where they are wrong."""
    settings = conf.settings()
    for alias in settings.aliases:
        if alias not in connections.settings:
            raise ImproperlyConfigured(
                f"PINNING['REPLICAS'] names {alias!r}, which is not in DATABASES. (pinning.E013)"
            )
    return Clusters(settings.replicas, settings.primary_models)


def clusters() -> Clusters:
    """The clusters of this process: none where the settings are wrong, so that nothing is routed.

    The system checks and the start of the middleware tell what is wrong.
    """
    global _clusters
    if _clusters is None:
        try:
            _clusters = configured()
        except ImproperlyConfigured as error:
            logger.error("No read goes to a replica: %s", error)
            _clusters = Clusters({})
    return _clusters


def reset(*, setting: str = "PINNING", **_: object) -> None:
    """Build the clusters anew at the next use; called when a test overrides PINNING."""
    global _clusters
    if setting in {"PINNING", "INSTALLED_APPS"}:
        _clusters = None


setting_changed.connect(reset)
