"""Makes a primary and its replicas one database to Django, whose name is the primary's alias.

Django takes an alias for a database. It compares aliases, and it goes by the alias of an object or
of a queryset without asking a router. So nothing that a replica gave says the replica's alias: it
says the primary's, by a ``str`` of its own type (``ClusterAlias``), which also knows the replica.
For that, ``install`` replaces a few methods on Django's classes. Each calls the one that it
replaces, and does nothing else where no replica is read.
"""

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.db.models.base import ModelState
from django.db.models.sql.constants import MULTI
from django.db.models.sql.query import Query
from django.db.models.sql.subqueries import DeleteQuery, InsertQuery, UpdateQuery
from django.db.utils import ConnectionHandler

from pinning import shadow
from pinning.conf import AnyAlias, ClusterAlias, RoutedAlias, cluster_alias, clusters
from pinning.reads.decision import route
from pinning.reads.replaced import Piece, differences, function_of

_WRITES = (InsertQuery, UpdateQuery, DeleteQuery)

#: A raw query that runs has it: its database was asked for, and stays.
_SETTLED = "_pinning_settled"


def install(**_: object) -> None:
    """Replace the methods, once. Without replicas, or on a Django that we do not know, do nothing.

    Also receives ``setting_changed``, which Django sends in tests.
    """
    if clusters().have_replicas and not differences():
        _replace_all()


@functools.cache
def _replace_all() -> None:
    for piece, make in _MAKERS.items():
        _replace(piece.owner, piece.attribute, make)
    ModelState.__setstate__ = _set_state  # type: ignore[attr-defined]
    if apps.is_installed("django.contrib.contenttypes"):
        from django.contrib.contenttypes.models import ContentType  # only where it is installed

        _replace(ContentType, "get_object_for_this_type", _get_object)


def _replace(owner: Any, attribute: str, make: Callable[[Any], Callable[..., Any]]) -> None:
    """Replace a method, or the function of a property, by what ``make`` makes of it."""
    theirs = function_of(owner, attribute)
    ours = functools.wraps(theirs)(make(theirs))
    is_property = isinstance(vars(owner)[attribute], property)
    setattr(owner, attribute, property(ours) if is_property else ours)


def _db_of_queryset(theirs: Callable[[Any], str]) -> Callable[[Any], str]:
    """``QuerySet.db``: for a replica, the cluster's name.

    ``_db`` is what the project asked for, or what Django took from elsewhere. An alias that the
    router gave (a generic relation's manager asks it early, and for writes too, Django's ticket
    #36389) says nothing of now: the question is put again. An object's is the primary's.
    """

    def db(self: Any) -> str:
        asked = self._db
        if asked is None:
            alias = theirs(self)
            return alias.cluster if type(alias) is RoutedAlias else alias
        if type(asked) is RoutedAlias:
            return _ask_again(self, asked.cluster)
        return asked if type(asked) is str and getattr(self, "_for_write", False) else _named(asked)

    return db


def _db_of_raw(theirs: Callable[[Any], str]) -> Callable[[Any], str]:
    """``RawQuerySet.db``: ``QuerySet.raw`` asks the router, and hands its own ``db`` on."""
    of_queryset = _db_of_queryset(theirs)

    def db(self: Any) -> str:
        asked = self._db
        if type(asked) is not ClusterAlias:
            return of_queryset(self)
        is_open = type(asked.source) is RoutedAlias and not hasattr(self, _SETTLED)
        return _ask_again(self, asked) if is_open else asked

    return db


def _ask_again(queryset: Any, name: ClusterAlias) -> str:
    cluster = clusters().of_alias(name)
    if cluster is None or getattr(queryset, "_for_write", False):
        return str(name)
    alias = route(cluster, queryset.model, None)
    return alias.cluster if type(alias) is RoutedAlias else alias


def _named(asked: str) -> str:
    """The database for ``using(asked)``: the cluster's name, if the project asks for a replica."""
    if type(asked) is ClusterAlias:
        return str(asked)
    cluster = clusters().of_alias(asked)
    if cluster is None or asked == cluster.primary:
        return asked
    return cluster_alias(asked, cluster.primary)


def _db_of_manager(theirs: Callable[[Any], str]) -> Callable[[Any], str]:
    """``Manager.db``: content types are cached by it, and once for a cluster is enough."""

    def db(self: Any) -> str:
        alias = theirs(self)
        return alias.cluster if type(alias) is RoutedAlias else alias

    return db


def _get_compiler(theirs: Callable[..., Any]) -> Callable[..., Any]:
    """``Query.get_compiler``: a query that reads runs on the replica; one that writes does not."""

    def get_compiler(self: Query, using: str | None = None, *args: Any, **kwargs: Any) -> Any:
        if type(using) is not ClusterAlias or isinstance(self, _WRITES):
            return theirs(self, using, *args, **kwargs)
        compiler = theirs(self, using.source, *args, **kwargs)
        if using.source != using.stands_for:
            shadow.sample(self, using)
        if compiler.connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            compiler.execute_sql = functools.partial(_execute_whole, compiler.execute_sql)
        return compiler

    return get_compiler


def _execute_whole(
    execute_sql: Callable[..., Any], result_type: str = MULTI, *_: object, **__: object
) -> Any:
    """Without a cursor on the server: ``iterator`` has looked into the primary's settings."""
    return execute_sql(result_type)


def _raw_iterator(theirs: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """``RawQuerySet.iterator``: it asks once, when it runs, and not when it was built."""

    def iterator(self: Any) -> Iterator[Any]:
        alias, settled = self.db, copy.copy(self)  # its _clone() loses the fetch mode
        settled._db = alias
        setattr(settled, _SETTLED, True)
        settled.query.using = alias.source if type(alias) is ClusterAlias else alias
        return theirs(settled)

    return iterator


def _resolve_expression(theirs: Callable[..., Any]) -> Callable[..., Any]:
    """``QuerySet.resolve_expression``: a subquery runs where the query around it runs.

    Django refuses it if its ``_db`` is another one: here, another cluster's.
    """

    def resolve_expression(self: Any, *args: Any, **kwargs: Any) -> Any:
        query = theirs(self, *args, **kwargs)
        if query._db is not None and clusters().of_alias(query._db) is not None:
            query._db = AnyAlias(query._db)
        return query

    resolve_expression.queryset_only = True  # type: ignore[attr-defined]
    return resolve_expression


def _create_connection(theirs: Callable[..., Any]) -> Callable[..., Any]:
    """``connections[alias]``: a connection's own alias is a plain string."""

    def create_connection(self: ConnectionHandler, alias: str) -> Any:
        return theirs(self, str(alias))

    return create_connection


def _get_object(theirs: Callable[..., Any]) -> Callable[..., Any]:
    """``ContentType.get_object_for_this_type``, by which a generic foreign key is followed.

    What is read by the key of an object from a replica is a read like any other.
    """

    def get_object_for_this_type(self: Any, using: str | None = None, **kwargs: Any) -> Any:
        return theirs(self, using.source if type(using) is ClusterAlias else using, **kwargs)

    return get_object_for_this_type


def _set_state(self: ModelState, values: dict[str, Any]) -> None:
    """``ModelState.__setstate__``: an object that was pickled with a replica's alias."""
    self.__dict__.update(values)
    if self.db is not None:
        self.db = _named(self.db) if type(self.db) is str else self.db


#: What is made of each piece.
_MAKERS: dict[Piece, Callable[[Any], Callable[..., Any]]] = {
    Piece.QUERYSET_DB: _db_of_queryset,
    Piece.RAW_DB: _db_of_raw,
    Piece.MANAGER_DB: _db_of_manager,
    Piece.COMPILER: _get_compiler,
    Piece.RAW_ITERATOR: _raw_iterator,
    Piece.SUBQUERY: _resolve_expression,
    Piece.CONNECTION: _create_connection,
}
