"""Which cluster a model lives in; for a sharded model, the callable that decides for each row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.utils.module_loading import import_string

from pinning.conf.primary import lowered
from pinning.exceptions import UnknownClusterError


@dataclass(frozen=True, slots=True)
class Sharding:
    """A callable of MODELS that decides the cluster of each row. ``name`` is its dotted path."""

    function: Callable[..., object]
    name: str

    @property
    def has_one_answer(self) -> bool:
        """Whether it does not look at the row: it has an attribute of this name that is true."""
        return bool(getattr(self.function, "has_one_answer", False))


#: Where a model lives: the name of a cluster, or the callable that decides for each row.
Home = str | Sharding


class Homes:
    """Where each model lives, found by its label. None: MODELS does not name the model."""

    def __init__(self, models: Mapping[str, Home]) -> None:
        """Take MODELS with its values loaded."""
        self._by_label = {lowered(label): home for label, home in models.items()}

    @classmethod
    def load(cls, models: Mapping[str, Any], known: tuple[str, ...]) -> "Homes":
        """Take MODELS as ``Settings`` has it. Raises what ``load_home`` raises."""
        return cls({label: load_home(value, known) for label, value in models.items()})

    def __bool__(self) -> bool:
        return bool(self._by_label)

    def of(self, model: Any) -> Home | None:
        """Where the rows of ``model`` live: by the entry of the model, its app or a parent model.

        ``model`` may be a historical model, or no model: the database cache's class has labels too.
        """
        meta = owner_of(model)._meta
        home = self._of_labels(meta.app_label, meta.model_name)
        if home is not None:
            return home
        parents = map(self.of, getattr(meta, "parents", ()))
        return next((home for home in parents if home is not None), None)

    def of_name(self, app_label: str, model_name: str) -> Home | None:
        """Where the rows of a model live, by the model's name. It may not exist any more."""
        try:
            return self.of(apps.get_model(app_label, model_name))
        except LookupError:
            return self._of_labels(app_label, model_name.lower())

    def of_app(self, app_label: str) -> set[Home | None]:
        """Where all models of an app live. The app's own entry counts for models that are gone."""
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
    """The model whose entry in MODELS counts: for a proxy the model behind it, for an automatic
    through model the model that has the field."""
    owner = getattr(model._meta, "auto_created", None) or model
    return getattr(owner._meta, "concrete_model", None) or owner


def load_home(value: Any, known: tuple[str, ...]) -> Home:
    """Load a value of MODELS: the name of a cluster, a callable or the dotted path of a callable.

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
