"""Refuses joins of tables in two clusters, where Django would show too few rows or none.

A table that is left over from before a move is empty, and a shard has some of the rows alone. So a
join with either finds less than there is, without an error. Django asks no router about it.
``refuse_joins`` replaces a method of Django's, which calls the one that it replaces. A query on one
table does not meet it.
"""

import functools
from typing import Any

from django.db.models.sql.datastructures import Join

from pinning.conf import clusters
from pinning.exceptions import AcrossClustersError


def refuse_joins(**_: object) -> None:
    """Replace the method, once, if MODELS names any model. Also receives ``setting_changed``."""
    if clusters().have_homes:
        _replace()


@functools.cache
def _replace() -> None:
    theirs: Any = Join.as_sql

    @functools.wraps(theirs)
    def as_sql(self: Any, compiler: Any, connection: Any) -> Any:
        for model in (self.join_field.model, self.join_field.related_model):
            _check_join(compiler.query.model, model, connection.alias)
        return theirs(self, compiler, connection)

    Join.as_sql = as_sql  # type: ignore[method-assign]


def _check_join(model: Any, joined: Any, alias: str) -> None:
    """Raise AcrossClustersError if the database of ``alias`` lacks rows of ``joined``.

    If ``model`` itself does not live there, the project has named the database: it knows.
    """
    known = clusters()
    here = known.of_alias(alias)
    own = () if here is None or model is None else known.names_of(model)
    if here is None or here.primary not in own:
        return
    names = known.names_of(joined)
    if not names or (here.primary in names and len(names) <= len(own)):
        return
    label = joined._meta.label
    places = " and ".join(map(repr, names))
    raise AcrossClustersError(
        f"This query of {model._meta.label} runs on {here.primary!r} and joins {label}, whose rows "
        f"are in {places}: no database joins rows of two clusters. Ask one after the other, with "
        "filter(..._id__in=...), and take prefetch_related() instead of select_related()."
    )
