"""Aliases with a type of their own: what the router gives, and what Django is told of a replica."""

import functools
from typing import Any

from django.db.models import Model


class RoutedAlias(str):
    """A replica's alias that the router gave.

    ``cluster`` is what Django is told instead: see ``ClusterAlias``. A queryset that has the alias
    asks the router again when it runs, and so does its copy. A plain replica's alias would be one
    that the project asks for. So the pickle is the primary's alias.
    """

    __slots__ = ("cluster",)

    cluster: "ClusterAlias"

    def __copy__(self) -> "RoutedAlias":
        return self

    def __deepcopy__(self, _: object) -> "RoutedAlias":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain string, which can be read where pinning is not installed."""
        return str, (str(self.cluster),)


class ClusterAlias(str):
    """The primary's alias, as the name of the whole cluster, for what a replica gave.

    ``_state.db`` of an object that a replica gave is one, and so is the ``db`` of a queryset that
    the router sends to a replica. To Django and to the project it is the primary's alias: what
    they do with it is done on the primary. ``source`` is the replica's alias. Copies and pickles
    are plain strings.

    In shadow mode ``source`` is the primary's, and ``stands_for`` the alias of the replica in whose
    place the primary answers. That is empty where the user's pins would have led to the primary.
    """

    __slots__ = ("source", "stands_for")

    source: str
    stands_for: str

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain string, which can be read where pinning is not installed."""
        return str, (str(self),)


@functools.cache
def routed_alias(alias: str, primary: str) -> RoutedAlias:
    """The replica ``alias`` of the cluster of ``primary``, as the router gives it."""
    routed = RoutedAlias(alias)
    routed.cluster = ClusterAlias(primary)
    routed.cluster.source = routed.cluster.stands_for = routed
    return routed


@functools.cache
def shadow_alias(primary: str, stands_for: str) -> RoutedAlias:
    """The primary's alias, as the router gives it in the place of the replica ``stands_for``."""
    routed = RoutedAlias(primary)
    routed.cluster = ClusterAlias(primary)
    routed.cluster.source, routed.cluster.stands_for = routed, stands_for
    return routed


@functools.cache
def cluster_alias(alias: str, primary: str) -> ClusterAlias:
    """The cluster's name for what was read with ``using(alias)``, where ``alias`` is a replica."""
    cluster = ClusterAlias(primary)
    cluster.source = cluster.stands_for = alias
    return cluster


def source_of(instance: Model) -> str | None:
    """The alias of the database that gave ``instance``. None: it was not read from a database."""
    alias = instance._state.db
    return str(alias.source) if type(alias) is ClusterAlias else alias


def followed(instance: Model) -> str | None:
    """The alias by which reads go that follow ``instance``.

    It is that of ``source_of``, but in shadow mode that of the replica which would have given it.
    """
    alias = instance._state.db
    return str(alias.stands_for) if type(alias) is ClusterAlias else alias
