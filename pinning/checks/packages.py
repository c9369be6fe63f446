"""System checks of other people's packages that know one database alone. None is imported.

``settings`` runs them with its own. ``docs/recipes.md`` tells more of each package.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Warning  # noqa: A004
from django.db import connections

from pinning.checks.base import replicas_of
from pinning.conf import Settings, clusters

#: The models whose row a client needs at once with a token that it was given: of REST framework,
#: oauth-toolkit and knox.
_TOKENS = ("authtoken.Token", "oauth2_provider.AccessToken", "knox.AuthToken")


def replicas_know_tenants(settings: Settings) -> Iterator[CheckMessage]:
    """Where the primary's backend sets a tenant's schema, the replica's can as well."""
    for primary, alias, database in replicas_of(settings):
        if primary not in django_settings.DATABASES:
            continue
        if hasattr(connections[primary], "set_tenant") and not hasattr(
            connections[alias], "set_tenant"
        ):
            engine = django_settings.DATABASES[primary]["ENGINE"]
            yield Warning(
                f"DATABASES[{alias!r}] has the ENGINE {database['ENGINE']!r}, which cannot be set "
                "to a tenant, so such reads go to the primary.",
                hint=f'Set DATABASES["{alias}"]["ENGINE"] = "{engine}".',
                id="pinning.W020",
            )


def cachalot_caches_no_replica(settings: Settings) -> Iterator[CheckMessage]:
    """django-cachalot keeps results by alias, and forgets those of the primary's alone."""
    if not apps.is_installed("cachalot") or not _setting("CACHALOT_ENABLED", True):
        return
    cached = _setting("CACHALOT_DATABASES", "supported_only")
    for _, alias, _ in replicas_of(settings):
        if cached == "supported_only" or alias in cached:
            yield Warning(
                f"django-cachalot caches what is read from {alias!r}, and a write does not remove "
                "that. Old rows are shown also when the replica has the write.",
                hint=f"Set CACHALOT_DATABASES = {set(settings.replicas)}.",
                id="pinning.W021",
            )


def cacheops_caches_no_replica(settings: Settings) -> Iterator[CheckMessage]:  # noqa: ARG001
    """django-cacheops keeps results by their SQL, whichever database gave them."""
    if not apps.is_installed("cacheops") or not _setting("CACHEOPS_ENABLED", True):
        return
    late = [
        model._meta.label
        for model in apps.get_models()
        if _is_cached(model) and _may_be_late(model)
    ]
    if late:
        yield Warning(
            f"django-cacheops caches {', '.join(late)}, which may be read from a late replica: "
            "whoever has written would see the old row until the timeout.",
            hint="Add them to PINNING['PRIMARY_MODELS'], or do not cache them.",
            id="pinning.W022",
        )


def tokens_are_read_on_the_primary(settings: Settings) -> Iterator[CheckMessage]:  # noqa: ARG001
    """A token that was just issued is found.

    The request that made it did not send it, so no pin leads its client to the primary. The
    ``token_blacklist`` of simplejwt is not among these: it is asked by POST, and a new token is not
    in it.
    """
    late = [
        model._meta.label for model in map(_token_model, _TOKENS) if model and _may_be_late(model)
    ]
    if late:
        listed = ", ".join(f'"{label}"' for label in late)
        yield Warning(
            f"{', '.join(late)} may be read from a late replica: whoever has just been given a "
            "token may be answered by 401.",
            hint=f'Add {listed} to PINNING["PRIMARY_MODELS"], or silence this if all clients keep '
            "cookies.",
            id="pinning.W038",
        )


def _token_model(label: str) -> Any:
    """The model of that name, or what it is swapped for. None if its app is not installed."""
    try:
        model = apps.get_model(label)
        return apps.get_model(model._meta.swapped) if model._meta.swapped else model
    except LookupError:
        return None


def _setting(name: str, default: Any) -> Any:
    return getattr(django_settings, name, default)


def _is_cached(model: Any) -> bool:
    """Whether a profile in CACHEOPS caches queries of the model without being asked to."""
    profiles = {name.lower(): profile for name, profile in _setting("CACHEOPS", {}).items()}
    label = model._meta.app_label.lower()
    for name in (f"{label}.{model._meta.model_name}", f"{label}.*", "*.*"):
        if name in profiles:
            profile = {**_setting("CACHEOPS_DEFAULTS", {}), **(profiles[name] or {})}
            return profiles[name] is not None and bool(profile.get("ops"))
    return False


def _may_be_late(model: Any) -> bool:
    cluster = clusters().of_query(model, None, {})
    return cluster is not None and bool(cluster.replicas) and not cluster.primary_models[model]
