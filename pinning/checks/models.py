"""System checks of MODELS, READ_ONLY, PRIMARY_MODELS and UNPINNED_MODELS: that the names are right,
and that relations fit. ``settings`` runs them with its own."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.db.models.fields import AutoFieldMixin

from pinning.conf import (
    CACHE_LABEL,
    DEFAULT,
    Home,
    Homes,
    PrimaryModels,
    Settings,
    Sharding,
    load_home,
    owner_of,
)
from pinning.exceptions import UnknownClusterError


def listed_models_exist(settings: Settings) -> Iterator[CheckMessage]:
    """Every label in PRIMARY_MODELS and UNPINNED_MODELS is a model with a table of its own."""
    lists = (
        ("PRIMARY_MODELS", settings.primary_models),
        ("UNPINNED_MODELS", settings.unpinned_models),
    )
    for name, label in ((name, label) for name, labels in lists for label in labels):
        reason = _why_not_listed(label)
        if reason:
            yield Error(
                f"PINNING[{name!r}] names {label!r}: {reason}",
                hint='Write "app_label.Model", of an installed app.',
                id="pinning.E015",
            )


def _why_not_listed(label: str) -> str:
    try:
        model = apps.get_model(label)
    except LookupError as error:
        return str(error)
    if model._meta.swapped:
        return f"it is swapped for {model._meta.swapped!r}. Name that instead."
    owner = model._meta.concrete_model
    return (
        "" if owner is model else f"its rows are those of {owner._meta.label!r}. Name that instead."
    )


def unpinned_models_are_read_on_the_primary(settings: Settings) -> Iterator[CheckMessage]:
    """Who writes to a model that pins nobody sees the write on the primary alone."""
    is_on_primary = PrimaryModels(settings.primary_models)
    for model in _unpinned(settings):
        if not is_on_primary[model]:
            label = model._meta.label
            yield Warning(
                f"PINNING['UNPINNED_MODELS'] names {label!r}, which is read from replicas: "
                "whoever has just written to it may see old rows.",
                hint=f'Add "{label}" to PINNING["PRIMARY_MODELS"], or silence this where a late '
                "read does no harm.",
                id="pinning.W017",
            )


def unpinned_models_are_not_joined(settings: Settings) -> Iterator[CheckMessage]:
    """No model that is read from replicas has a key to one that pins nobody."""
    unpinned = set(_unpinned(settings))
    is_on_primary = PrimaryModels(settings.primary_models)
    for model in apps.get_models(include_auto_created=True) if unpinned else ():
        if model not in unpinned and not is_on_primary[model] and not model._meta.proxy:
            for field in _related_fields(model):
                is_key = not field.many_to_many  # the through model has the keys of these
                if is_key and field.related_model._meta.concrete_model in unpinned:
                    yield _joining(field)


def _joining(field: Any) -> CheckMessage:
    return Warning(
        f"{field} leads to {field.related_model._meta.label}, which UNPINNED_MODELS names. Queries "
        "that join the two read it from a replica, and whoever has just written to it may see old "
        "rows.",
        hint="Take it out of UNPINNED_MODELS, or move what is written all the time to another "
        "table.",
        obj=field,
        id="pinning.W018",
    )


def _unpinned(settings: Settings) -> Iterator[Any]:
    for label in settings.unpinned_models:
        if not _why_not_listed(label):
            yield apps.get_model(label)


def labels_exist(settings: Settings) -> Iterator[CheckMessage]:
    """Every key of MODELS is an app or a model with a table of its own."""
    for label in settings.models:
        app_label, _, model_name = label.partition(".")
        if app_label == CACHE_LABEL:
            continue
        try:
            config = apps.get_app_config(app_label)
            model = config.get_model(model_name) if model_name else None
        except LookupError as error:
            yield _wrong_label(label, str(error))
            continue
        if model is not None and owner_of(model) is not model:
            owner = owner_of(model)._meta.label
            yield _wrong_label(label, f"its rows are those of {owner!r}. Name that instead.")


def homes_load(settings: Settings) -> Iterator[CheckMessage]:
    """Every value of MODELS is a cluster or a callable that can be imported."""
    for label, value in settings.models.items():
        try:
            load_home(value, tuple(settings.replicas))
        except UnknownClusterError as error:
            yield Error(
                f"PINNING['MODELS'][{label!r}]: {error}",
                hint="Write a key of REPLICAS, or the dotted path of a function.",
                id="pinning.E024",
            )
        except ImportError as error:
            yield Error(
                f"PINNING['MODELS'][{label!r}] is {value!r}, which cannot be imported: {error}",
                hint="Write the dotted path of a function that takes the model and Django's hints.",
                id="pinning.E025",
            )


def read_only_clusters_exist(settings: Settings) -> Iterator[CheckMessage]:
    """Every name in READ_ONLY is a cluster."""
    for name in settings.read_only:
        if name not in settings.replicas:
            known = ", ".join(map(repr, settings.replicas))
            yield Error(
                f"PINNING['READ_ONLY'] names {name!r}, which is no cluster.",
                hint=f"REPLICAS names {known}. A cluster may have an empty list of replicas.",
                id="pinning.E027",
            )


def sharded_keys_differ(settings: Settings) -> Iterator[CheckMessage]:
    """No two clusters give the same key to two rows of a sharded model.

    A function of MODELS whose attribute ``has_one_answer`` is true does not spread rows.
    """
    try:
        homes = Homes.load(settings.models, tuple(settings.replicas))
    except (UnknownClusterError, ImportError):
        return  # homes_load reports it
    for model in apps.get_models() if homes else ():
        home = homes.of(model)
        if isinstance(home, Sharding) and not home.has_one_answer and _is_numbered(model):
            yield _same_keys(model, home)


def _is_numbered(model: Any) -> bool:
    """Whether its own table has a key that the database counts."""
    meta = model._meta
    key = meta.pk
    is_own = meta.managed and not meta.proxy and getattr(key, "model", None) is model
    return is_own and isinstance(key, AutoFieldMixin)


def _same_keys(model: Any, home: Sharding) -> CheckMessage:
    return Warning(
        f"{home.name} spreads {model._meta.label} over several clusters, and each of them counts "
        f"{model._meta.pk.name!r} by itself: two rows may get the same.",
        hint="Use a key that no other cluster gives, for example a UUIDField. Or let each cluster "
        "count in steps of its own, and silence this check.",
        obj=model,
        id="pinning.W037",
    )


def relations_stay_inside(settings: Settings) -> Iterator[CheckMessage]:
    """No relation leads from one cluster to another, nor from or to a sharded model alone.

    Two sharded models may go together. What moves just now is looked at when it has moved.
    """
    try:
        homes = Homes.load(settings.models, tuple(settings.replicas))
    except (UnknownClusterError, ImportError):
        return  # homes_load reports it
    for model in apps.get_models() if homes and len(settings.replicas) > 1 else ():
        fields = [] if model._meta.proxy else _related_fields(model)
        for field in fields:
            here, there = homes.of(model) or DEFAULT, homes.of(field.related_model) or DEFAULT
            if here != there and not _may_go_together(here, there):
                yield _crossing(field, here, there)


def _may_go_together(here: Home, there: Home) -> bool:
    sharded = [home for home in (here, there) if isinstance(home, Sharding)]
    return len(sharded) == 2 or any(home.has_one_answer for home in sharded)


def _related_fields(model: Any) -> list[Any]:
    fields = (*model._meta.local_fields, *model._meta.local_many_to_many)
    return [field for field in fields if isinstance(field.related_model, type)]


def _crossing(field: Any, here: Home, there: Home) -> CheckMessage:
    one, other = field.model._meta.label, field.related_model._meta.label
    message = f"{field} relates {one} {_whereabouts(here)} to {other} {_whereabouts(there)}"
    is_parent_link = getattr(field.remote_field, "parent_link", False)
    if field.many_to_many or is_parent_link or getattr(field, "db_constraint", False):
        return Error(
            f"{message}, which no database can join or check.",
            hint='Put both into one cluster in PINNING["MODELS"].' + _way_out(field),
            obj=field,
            id="pinning.E028",
        )
    return Warning(
        f"{message}. Queries that join two clusters fail. Django does not assign {field.name!r}, "
        f"and does not follow it backwards. Rows of {other} cannot be deleted unless on_delete is "
        "DO_NOTHING.",
        hint=f"Follow it forwards, query by query, and set and filter {field.attname!r}.",
        obj=field,
        id="pinning.W013",
    )


def _whereabouts(home: Home) -> str:
    if isinstance(home, Sharding):
        return f"in the clusters that {home.name} names"
    return f"in the cluster {home!r}"


def _way_out(field: Any) -> str:
    if field.many_to_many or field.remote_field.parent_link:
        return ""
    return " Or set db_constraint=False on the field, and follow it query by query."


def _wrong_label(label: str, reason: str) -> CheckMessage:
    return Error(
        f"PINNING['MODELS'] names {label!r}: {reason}",
        hint='Write "app_label" or "app_label.Model", of an installed app.',
        id="pinning.E023",
    )
