"""Bugs that the programs must find: each lets a cluster be several databases in one way."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.db.models.query import RawQuerySet
from django.http import HttpRequest

from pinning import carried, source_of
from pinning.conf.aliases import ClusterAlias, RoutedAlias, cluster_alias
from pinning.middleware import PinningMiddleware
from pinning.pins import Pins
from pinning.reads import one_database, replica
from pinning.router import PinningRouter
from pinning.scopes.scope import Scope
from tests.differential.told import Call, Program
from tests.differential.twins import djangos


@contextmanager
def _put(owner: Any, **bugs: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for name, bug in bugs.items():
            stack.enter_context(patch.object(owner, name, bug))
        yield


@contextmanager
def _no_pins_are_kept() -> Iterator[None]:
    module = sys.modules[carried.__module__]
    with _put(module, _pins_of=lambda scope: Pins()), _put(Scope, take_pins=lambda scope: Pins()):
        yield


def _binds_nobody() -> AbstractContextManager[None]:
    wrote = Scope.wrote

    def forget(scope: Scope, cluster: str, *args: Any, **more: Any) -> None:
        wrote(scope, cluster, *args, **more)
        outer: Scope | None = scope
        while outer is not None:
            outer.work(cluster).bound = None
            outer = outer.parent

    return _put(Scope, wrote=forget)


def _write_where_it_was_read() -> AbstractContextManager[None]:
    write = PinningRouter.db_for_write

    def db_for_write(router: PinningRouter, model: Any, **hints: Any) -> str | None:
        instance = hints.get("instance")
        alias = None if instance is None else source_of(instance)
        return alias or write(router, model, **hints)

    return _put(PinningRouter, db_for_write=db_for_write)


def _get_where_the_key_was_read(kind: ContentType, using: Any = None, **lookup: Any) -> Any:
    source = str(getattr(using, "source", using))
    return kind.model_class()._base_manager.using(source).get(**lookup)


def _raw_rows_stay() -> AbstractContextManager[None]:
    theirs = RawQuerySet.iterator

    def iterator(self: Any) -> Iterator[Any]:
        for row in theirs(self):
            alias = row._state.db
            if type(alias) is ClusterAlias:
                row._state.db = cluster_alias(str(alias.source), str(alias))
            yield row

    return _put(RawQuerySet, iterator=iterator)


def _copies_stay() -> AbstractContextManager[None]:
    return _put(
        RoutedAlias,
        __deepcopy__=lambda alias, memo: str(alias),
        __reduce__=lambda alias: (str, (str(alias),)),
    )


def _asgi_leaves_no_cookie() -> AbstractContextManager[None]:
    theirs = PinningMiddleware.__acall__

    async def acall(middleware: PinningMiddleware, request: HttpRequest) -> Any:
        response = await theirs(middleware, request)
        response.cookies.clear()
        return response

    return _put(PinningMiddleware, __acall__=acall)


#: Each is a block in which pinning has the bug.
PLANTED: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "an object says the replica's alias": lambda: _put(QuerySet, db=djangos(vars(QuerySet)["db"])),
    "a subquery has a replica's alias": lambda: _put(
        QuerySet, resolve_expression=djangos(QuerySet.resolve_expression)
    ),
    "a generic relation stays on the replica": lambda: _put(
        one_database, _ask_again=lambda queryset, name: name
    ),
    "a generic key stays on the replica": lambda: _put(
        ContentType, get_object_for_this_type=_get_where_the_key_was_read
    ),
    "a copy of a generic relation stays on the replica": _copies_stay,
    "the rows of a raw query stay on the replica": _raw_rows_stay,
    "no pins are kept": _no_pins_are_kept,
    "a write binds nobody": _binds_nobody,
    "each replica has caught up": lambda: _put(replica, has_caught_up=lambda *args: True),
    "writes go where the object was read": _write_where_it_was_read,
    "a response under ASGI leaves no cookie": _asgi_leaves_no_cookie,
}

#: Those that only many programs find, with the smallest of them.
RARE = {
    "a generic key stays on the replica": Program(
        visits=[(0, [Call("query", 2, 5), Call("update"), Call("follow", 0, 1)])]
    ),
    "a copy of a generic relation stays on the replica": Program(
        visits=[(0, [Call("keep"), Call("keep_copy", 1), Call("create", 5), Call("run_kept")])]
    ),
    "the rows of a raw query stay on the replica": Program(
        visits=[(0, [Call("keep", 3), Call("run_kept"), Call("create", 5), Call("follow")])]
    ),
    "a response under ASGI leaves no cookie": Program(
        visits=[(0, [Call("awrite")]), (0, [Call("aread", 3)])], in_cookies=True, is_async=True
    ),
}
