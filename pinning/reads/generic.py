"""Generic relations between clusters: where content types are, and what is not found in error.

Django looks for content types in the database of the object. A cluster that a model has moved to
has none. And it follows a generic foreign key in the database of its own row, and takes what is not
there for deleted. ``follow_generic`` replaces two methods, each of which calls the one that it
replaces.
"""

import functools
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db import connections

from pinning.conf import clusters, made_once
from pinning.exceptions import AcrossClustersError

Method = Callable[..., Any]


def follow_generic(**_: object) -> None:
    """Replace the methods, once, if MODELS names any model. Also receives ``setting_changed``."""
    if clusters().have_homes and apps.is_installed("django.contrib.contenttypes"):
        _replace_all()


@functools.cache
def _replace_all() -> None:
    from django.contrib.contenttypes import models  # only where it is installed

    _replace(models.ContentType, "get_object_for_this_type", _get_object)
    _replace(models.ContentTypeManager, "db_manager", _db_manager)


def _replace(owner: Any, attribute: str, make: Callable[[Method], Method]) -> None:
    theirs = getattr(owner, attribute)
    setattr(owner, attribute, functools.wraps(theirs)(make(theirs)))


def _get_object(theirs: Method) -> Method:
    """``ContentType.get_object_for_this_type``, by which a generic foreign key is followed."""

    def get_object_for_this_type(self: Any, using: Any = None, **kwargs: Any) -> Any:
        try:
            return theirs(self, using, **kwargs)
        except ObjectDoesNotExist:
            _check_home(self.model_class(), using)
            raise

    return get_object_for_this_type


def _check_home(model: Any, alias: str | None) -> None:
    """Raise AcrossClustersError if no row of ``model`` can be in the database of ``alias``."""
    here = clusters().of_alias(alias or "")
    names = () if here is None else clusters().names_of(model)
    if here is not None and names and here.primary not in names:
        label, places = model._meta.label, " and ".join(map(repr, names))
        raise AcrossClustersError(
            f"A row in {here.primary!r} refers to a row of {label} by a generic foreign key, which "
            f"Django follows in {here.primary!r} alone. Rows of {label} are in {places}: use "
            "prefetch_related(), or read it by its key."
        )


def _db_manager(theirs: Method) -> Method:
    """``ContentTypeManager.db_manager``: content types of a cluster that has none are elsewhere."""

    def db_manager(self: Any, using: Any = None, hints: Any = None) -> Any:
        return theirs(self, None if _lacks_table(self.model, using) else using, hints)

    return db_manager


def _lacks_table(model: Any, alias: str | None) -> bool:
    here = clusters().of_alias(alias or "")
    if here is None or here.primary in clusters().names_of(model):
        return False
    known = _lacking()
    if here.primary not in known:
        tables = connections[here.primary].introspection.table_names()
        known[here.primary] = model._meta.db_table not in tables
    return known[here.primary]


@made_once
def _lacking() -> dict[str, bool]:
    """For clusters that were asked: whether the table of content types is missing."""
    return {}
