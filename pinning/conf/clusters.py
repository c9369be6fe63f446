"""Clusters, each a primary with its replicas: which one a model, row or alias belongs to."""

import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.models import Model

from pinning.conf.models import Home, Homes, Sharding, owner_of
from pinning.conf.once import made_once
from pinning.conf.primary import PrimaryModels, cache_tables, models_of
from pinning.conf.settings import settings as pinning_settings
from pinning.exceptions import AcrossClustersError, UnknownClusterError

logger = logging.getLogger("pinning")

DEFAULT = "default"


class AnyAlias:
    """Equals each alias of the cluster of ``alias``. Copies and pickles of it are None."""

    __slots__ = ("_alias",)

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def __eq__(self, other: object) -> bool:
        cluster = clusters().of_alias(self._alias)
        return other == self._alias or (cluster is not None and other in cluster)

    __hash__ = None  # type: ignore[assignment]  # it equals several strings

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what can be read where pinning is not installed."""
        return type(None), ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A primary and its replicas, by their aliases. The primary's alias is the cluster's name.

    Without ``weights`` all replicas get the same share of the reads.
    """

    primary: str
    replicas: tuple[str, ...]
    weights: tuple[float, ...] = ()
    #: Whether each model is read from the primary alone.
    primary_models: PrimaryModels = field(default_factory=PrimaryModels, compare=False)

    def __contains__(self, alias: object) -> bool:
        return alias == self.primary or alias in self.replicas


class Clusters:
    """All clusters that the PINNING setting names."""

    def __init__(
        self,
        replicas: Mapping[str, tuple[str, ...]],
        primary_models: tuple[str, ...] = (),
        models: Mapping[str, Any] = MappingProxyType({}),
        read_only: tuple[str, ...] = (),
        weights: Mapping[str, float] = MappingProxyType({}),
        unpinned_models: tuple[str, ...] = (),
    ) -> None:
        """Take REPLICAS, PRIMARY_MODELS and the others as ``Settings`` has them.

        Raises UnknownClusterError or ImportError for a wrong value in MODELS.
        """
        kept = PrimaryModels(primary_models)
        self._by_name = {
            name: Cluster(name, aliases, tuple(weights.get(alias, 1) for alias in aliases), kept)
            for name, aliases in replicas.items()
        }
        self._by_alias = {
            alias: cluster
            for cluster in self._by_name.values()
            for alias in (cluster.primary, *cluster.replicas)
        }
        self._homes = Homes.load(models, tuple(replicas))
        self._places: dict[Any, Cluster | Sharding | None] = {}
        #: The cluster of each model that is not sharded and was asked for before. The router looks
        #: here first, because it runs at every query.
        self.fixed: dict[Any, Cluster] = {}
        #: Names of clusters that are neither migrated nor written to.
        self.read_only = frozenset(read_only)
        self._unpinned_models, self._kept = unpinned_models, kept

    @property
    def have_replicas(self) -> bool:
        """Whether any cluster has a replica."""
        return any(cluster.replicas for cluster in self._by_name.values())

    @property
    def have_homes(self) -> bool:
        """Whether MODELS names any model."""
        return bool(self._homes)

    def named(self, name: str) -> Cluster:
        """The cluster of that name. Raises UnknownClusterError."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownClusterError(name, tuple(self._by_name)) from None

    def of_alias(self, alias: str) -> Cluster | None:
        """The cluster in which ``alias`` is the primary or a replica."""
        return self._by_alias.get(alias)

    def names_of(self, model: Any) -> tuple[str, ...]:
        """The clusters in which rows of ``model`` can be: all of them, if it is sharded.

        One, if its function in MODELS does not look at the row.
        """
        place = self._place_of(model)
        if isinstance(place, Sharding) and place.has_one_answer:
            place = self._ask(place, model, {})
        if isinstance(place, Sharding):
            return tuple(self._by_name)
        return () if place is None else (place.primary,)

    def of_query(
        self, model: Any, instance: Model | None, hints: Mapping[str, Any]
    ) -> Cluster | None:
        """The cluster of a query on ``model``, or None if it belongs to no cluster.

        It is the model's own cluster. But if ``instance``, from the hints, was loaded elsewhere
        than its own model lives, its relations stay where it was loaded. Raises UnknownClusterError
        if a callable of MODELS names a cluster that does not exist.
        """
        place = self.fixed.get(model) or self._place_of(model)
        alias = None if instance is None else instance._state.db
        if alias is not None:
            source = self._by_alias.get(alias)
            if source is place or self._is_away(type(instance), source):
                return source
        return self._ask(place, model, hints) if isinstance(place, Sharding) else place

    def check_followed(self, model: Any, instance: Model, hints: Mapping[str, Any]) -> None:
        """Raise AcrossClustersError if nobody knows where the rows of ``instance`` are.

        That is: ``model`` is sharded, the model of ``instance`` is not or by another callable, and
        the callable gives None. The default cluster might have some of the rows, or none.
        """
        place = self._place_of(model)
        if not isinstance(place, Sharding) or place == self._place_of(type(instance)):
            return
        alias = instance._state.db
        if alias is not None and self._is_away(type(instance), self._by_alias.get(alias)):
            return
        if len(self._by_name) > 1 and place.function(owner_of(model), **hints) is None:
            label, other = model._meta.label, type(instance)._meta.label
            raise AcrossClustersError(
                f"{place.name} gave None for {label} of a row of {other}, so it is not known which "
                f"cluster has them. Let it return a name for such a row, {DEFAULT!r} too, or ask "
                "each cluster: for_each_shard()."
            )

    def may_migrate(
        self, alias: str, app_label: str, model_name: str | None, model: Any = None
    ) -> bool | None:
        """Whether a model, or every model of the app, has its table on ``alias``. None: no opinion.

        False for a replica and for a cluster in READ_ONLY. ``model`` is the class, if it is known.
        """
        cluster = self._by_alias.get(alias)
        if cluster is not None and (alias != cluster.primary or alias in self.read_only):
            return False
        if not self._homes:
            return None
        if hasattr(model, "_meta"):
            homes = {self._homes.of(model)}
        elif model_name is not None:
            homes = {self._homes.of_name(app_label, model_name)}
        else:
            homes = self._homes.of_app(app_label)
        answers = {self._has_tables(alias, home) for home in homes}
        return answers.pop() if len(answers) == 1 else None

    def _place_of(self, model: Any) -> Cluster | Sharding | None:
        """Where a model lives: its cluster, its Sharding, or None outside every cluster.

        The answer is kept for models of installed apps. Other classes come and go: historical
        models, and the class of the database cache, of which each thread has its own.
        """
        try:
            return self._places[model]
        except KeyError:
            pass
        home = self._homes.of(model)
        place = home if isinstance(home, Sharding) else self._by_name.get(home or DEFAULT)
        if getattr(model._meta, "apps", None) is apps:
            self._places[model] = place
            if isinstance(place, Cluster):
                self.fixed[model] = place
        return place

    def _is_away(self, model: Any, source: Cluster | None) -> bool:
        """Whether a row of ``model``, loaded from ``source``, was loaded elsewhere than it lives.

        A sharded model lives in every cluster.
        """
        place = self._place_of(model)
        return source is None if isinstance(place, Sharding) else source is not place

    def _ask(self, sharding: Sharding, model: Any, hints: Mapping[str, Any]) -> Cluster | None:
        name = sharding.function(owner_of(model), **hints)
        if name is None:
            return self._by_name.get(DEFAULT)
        cluster = self._by_name.get(name) if isinstance(name, str) else None
        if cluster is None:
            label = f"{model._meta.app_label}.{model._meta.object_name}"
            source = f"{sharding.name} gave for {label}"
            raise UnknownClusterError(name, tuple(self._by_name), source)
        return cluster

    def _has_tables(self, alias: str, home: Home | None) -> bool | None:
        if isinstance(home, Sharding):
            return None if alias in self._by_name else False
        if home is not None:
            return alias == home
        return None if alias == DEFAULT or alias not in self._by_name else False

    @cached_property
    def unpinned_tables(self) -> dict[tuple[str, str], bool]:
        """The tables whose writes pin nobody: those of UNPINNED_MODELS and of database caches.

        Each by the cluster's name and its own, and with whether it is read from the primary alone,
        so that its writer sees it anyway. Asked for when the apps are ready.
        """
        tables = {
            (cluster, model._meta.db_table): self._kept[model]
            for model in models_of(self._unpinned_models)
            for cluster in self._by_name
            if not self._homes or self._has_tables(cluster, self._homes.of(model)) is not False
        }
        caches = itertools.product(self._by_name, cache_tables())
        return tables | dict.fromkeys(caches, True)


def configured() -> Clusters:
    """The clusters that the settings name. Raises ImproperlyConfigured if these are wrong."""
    settings = pinning_settings()
    for alias in settings.aliases:
        if alias not in connections.settings:
            raise ImproperlyConfigured(
                f"PINNING['REPLICAS'] names {alias!r}, which is not in DATABASES. (pinning.E013)"
            )
    for name in settings.read_only:
        if name not in settings.replicas:
            raise ImproperlyConfigured(
                f"PINNING['READ_ONLY'] names {name!r}, which is no cluster. (pinning.E027)"
            )
    try:
        return Clusters(
            settings.replicas,
            settings.primary_models,
            settings.models,
            settings.read_only,
            settings.weights,
            settings.unpinned_models,
        )
    except (UnknownClusterError, ImportError) as error:
        raise ImproperlyConfigured(f"PINNING['MODELS']: {error}") from error


@made_once
def clusters() -> Clusters:
    """The clusters of this process. If the settings are wrong, there are none: nothing is routed.

    The system checks, and the middleware when it starts, report what is wrong.
    """
    try:
        return configured()
    except ImproperlyConfigured as error:
        logger.error("No read goes to a replica: %s", error)
        return Clusters({})
