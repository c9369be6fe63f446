"""Which cluster a model lives in; for a sharded model, the callable that decides for each row.

At the end: which models a generic relation leads to. Its manager writes to where it was told to
read: ``create_generic_related_manager`` asks ``db_for_read`` and keeps to the answer for updates,
deletes and bulk creation too (Django ticket #36389). So what goes through such a manager is read
from the primary. The hint cannot be told from that of another relation between the same two models.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.module_loading import import_string

from pinning.exceptions import UnknownClusterError


@dataclass(frozen=True, slots=True)
class Sharding:
    """A callable of MODELS that tells the cluster of each row. ``name`` is its dotted path."""

    function: Callable[..., object]
    name: str


#: A cluster's name, or what tells it.
Home = str | Sharding


class Homes:
    """Where models live, by their labels. None stands for a model that MODELS does not name."""

    def __init__(self, models: Mapping[str, Home]) -> None:
        """Take MODELS with its values loaded."""
        self._by_label = {lowered(label): home for label, home in models.items()}

    @classmethod
    def load(cls, models: Mapping[str, Any], known: tuple[str, ...]) -> "Homes":
        """Take MODELS as ``conf`` read it. Raises what ``load_home`` raises."""
        return cls({label: load_home(value, known) for label, value in models.items()})

    def __bool__(self) -> bool:
        return bool(self._by_label)

    def of(self, model: Any) -> Home | None:
        """Where the rows of ``model`` live: by its own entry, its app's, or its parent's.

        ``model`` may be a historical one, or none at all: the database cache's class has labels.
        """
        meta = owner_of(model)._meta
        home = self._of_labels(meta.app_label, meta.model_name)
        if home is not None:
            return home
        parents = map(self.of, getattr(meta, "parents", ()))
        return next((home for home in parents if home is not None), None)

    def of_name(self, app_label: str, model_name: str) -> Home | None:
        """The same for a model that may be gone by now."""
        try:
            return self.of(apps.get_model(app_label, model_name))
        except LookupError:
            return self._of_labels(app_label, model_name.lower())

    def of_app(self, app_label: str) -> set[Home | None]:
        """The homes of all its models, and what its own entry says of those that are gone."""
        try:
            homes = {self.of(model) for model in apps.get_app_config(app_label).get_models()}
        except LookupError:
            homes = set()
        if app_label in self._by_label or not homes:
            homes.add(self._by_label.get(app_label))
        return homes

    def _of_labels(self, app_label: str, model_name: str) -> Home | None:
        home = self._by_label.get(f"{app_label}.{model_name}")
        return self._by_label.get(app_label) if home is None else home


def owner_of(model: Any) -> Any:
    """The model whose home counts: for a proxy the one behind it, for an automatic through model
    the one that has the field."""
    owner = getattr(model._meta, "auto_created", None) or model
    return getattr(owner._meta, "concrete_model", None) or owner


def load_home(value: Any, known: tuple[str, ...]) -> Home:
    """What a value of MODELS means: the name of a cluster, a callable or the dotted path of one.

    Raises UnknownClusterError for a name that is not ``known``, ImportError for a path that leads
    to no callable.
    """
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return Sharding(value, f"{value.__module__}.{name}")
    if value in known:
        return str(value)
    if "." not in value:
        raise UnknownClusterError(value, known)
    function = import_string(value)
    if not callable(function):
        raise ImportError(f"{value!r} is {function!r}, which cannot be called")
    return Sharding(function, value)


def lowered(label: str) -> str:
    """A label as ``Model._meta.label_lower``, which leaves the app's part as it was written."""
    app_label, dot, model_name = label.partition(".")
    return f"{app_label}{dot}{model_name.lower()}"


def is_generic_relation(model: Any, instance: Model) -> bool:
    """Whether ``instance`` has a GenericRelation to ``model``."""
    return model in _generic_targets(type(instance))


@functools.cache
def _generic_targets(owner: type[Model]) -> frozenset[Any]:
    """By its shape rather than its class: importing that one needs contenttypes installed."""
    return frozenset(
        field.related_model
        for field in owner._meta.private_fields
        if field.one_to_many and field.related_model is not None
    )
