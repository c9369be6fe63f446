"""Which models are read from the primary alone, and which tables pin nobody when they are written.

PRIMARY_MODELS and UNPINNED_MODELS name them. Two kinds are always read from the primary, as what
is read lives on after the replica has caught up: Django's database cache, which deletes on the
primary what it takes for expired, and sessions whose engine puts them into a cache.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache.backends.db import BaseDatabaseCache
from django.utils.module_loading import import_string

#: The app label with which the database cache asks the router; no app has it.
CACHE_LABEL = "django_cache"


class PrimaryModels(dict[Any, bool]):
    """For each model whether it is read from the primary. One look-up, as each read asks.

    An answer is kept for models of installed apps. Other classes come and go: historical models,
    and the class of the database cache, of which each thread has its own.
    """

    def __init__(self, labels: Iterable[str] = ()) -> None:
        """Take PRIMARY_MODELS."""
        super().__init__()
        self._labels = frozenset(map(lowered, labels))

    def __missing__(self, model: Any) -> bool:
        meta = getattr(model, "_meta", None)  # raw SQL has no model
        concrete = getattr(meta, "concrete_model", None) or model
        label = getattr(getattr(concrete, "_meta", None), "label_lower", None)
        answer = label in self._labels or outlives_lag(model)
        if getattr(meta, "apps", None) is apps:
            self[model] = answer
        return answer


def outlives_lag(model: Any) -> bool:
    """Whether an old row of ``model`` does harm after the replica has caught up.

    ``model`` may be no model, as the class of the database cache.
    """
    if getattr(getattr(model, "_meta", None), "app_label", None) == CACHE_LABEL:
        return True
    return _is_session(model) and _are_sessions_kept()


def _is_session(model: Any) -> bool:
    """Whether ``model`` is an AbstractBaseSession, which cannot be imported before apps are."""
    bases = getattr(model, "__mro__", ())
    return any(base.__module__ == "django.contrib.sessions.base_session" for base in bases)


def _are_sessions_kept() -> bool:
    """Whether SESSION_ENGINE may keep what it loads: all but those that load as ``db`` does."""
    store = import_module(django_settings.SESSION_ENGINE).SessionStore
    return store.load is not SessionStore.load or store.aload is not SessionStore.aload


def models_of(labels: Iterable[str]) -> Iterator[Any]:
    """The installed models that ``labels`` name."""
    known = frozenset(map(lowered, labels))
    models = apps.get_models(include_auto_created=True) if known else ()
    return (model for model in models if model._meta.label_lower in known)


def cache_tables() -> Iterator[str]:
    """The tables of Django's database caches."""
    for cache in django_settings.CACHES.values():
        backend = import_string(cache["BACKEND"])
        if isinstance(backend, type) and issubclass(backend, BaseDatabaseCache):
            yield cache.get("LOCATION", "")


def lowered(label: str) -> str:
    """``label`` as ``Model._meta.label_lower`` writes it: only the model's part in lower case."""
    app_label, dot, model_name = label.partition(".")
    return f"{app_label}{dot}{model_name.lower()}"
