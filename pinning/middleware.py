"""The middleware: a request is a scope; its pins come from the stores and go back to them."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponseBase

from pinning import conf, identity
from pinning.clusters import configured
from pinning.identity import Visitor
from pinning.pins import Pins
from pinning.responses import stream_inside, streams
from pinning.scope import Scope, inside
from pinning.stores import Exchange, stores


class RequestScope(Scope):
    """The scope of a request, with the pins of whoever sent it."""

    __slots__ = ("is_unsafe", "request", "view_blocks")

    def __init__(self, request: HttpRequest) -> None:
        """Open a scope for ``request``; nothing is loaded yet."""
        super().__init__()
        self.request = request
        self.is_unsafe = request.method not in conf.settings().safe_methods
        self.view_blocks: dict[str, object] = {}

    def load_pins(self) -> Pins | None:
        """Ask the stores. At the first read of the request, so one that never reads never asks."""
        return stores().load(visitor_of(self.request))

    def uses_replicas(self) -> bool:
        """What USE_REPLICAS says, or answers for this request."""
        switch = conf.settings().use_replicas
        return switch if isinstance(switch, bool) else bool(switch(self.request))

    def is_view_block(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether the open transaction is but the one that ATOMIC_REQUESTS put around the view.

        Django opens it right before it calls the view, so it is the first that is seen open once
        the request has been resolved to a view that wants one.
        """
        blocks = connection.atomic_blocks
        if len(blocks) != 1:
            return False
        if connection.alias not in self.view_blocks and self._view_is_atomic(connection):
            self.view_blocks[connection.alias] = blocks[0]
        return self.view_blocks.get(connection.alias) is blocks[0]

    def _view_is_atomic(self, connection: BaseDatabaseWrapper) -> bool:
        match = self.request.resolver_match
        if match is None or not connection.settings_dict["ATOMIC_REQUESTS"]:
            return False
        return connection.alias not in getattr(match.func, "_non_atomic_requests", ())


def visitor_of(request: HttpRequest) -> Visitor:
    """Whoever sent ``request``."""
    identities = identity.identities_of(request) if stores().has_server_side else ()
    return Visitor(cookies=request.COOKIES, identities=identities)


class PinningMiddleware:
    """Gives every user read-your-writes. Belongs outside session, auth and cache middleware."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Load clusters and stores, so that wrong ones stop the start and not a request."""
        self.get_response = get_response
        configured()
        stores()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer ``request`` inside its scope."""
        if self._is_async:
            return self.__acall__(request)
        scope = RequestScope(request)
        try:
            with inside(scope):
                response = self.get_response(request)
                if _has_to_wait(scope, response):
                    _save(scope, response)
        except BaseException:
            _end(scope)
            raise
        return _closed(scope, response)

    async def __acall__(self, request: HttpRequest) -> Any:
        """The same; only what has to wait for a database or a store leaves the event loop."""
        scope = RequestScope(request)
        try:
            with inside(scope):
                response = await self.get_response(request)
                if _has_to_wait(scope, response):
                    await sync_to_async(_save)(scope, response)
        except BaseException:
            await sync_to_async(_end)(scope)
            raise
        return _closed(scope, response)


def _has_to_wait(scope: RequestScope, response: HttpResponseBase) -> bool:
    return scope.has_unsaved_writes() or _is_renamed(scope.request, response)


def _is_renamed(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether a server-side store must file the client's pins under a new name, after a login."""
    if not stores().has_server_side:
        return False
    return identity.session_after(request, response) != identity.session_of(request)


def _save(scope: RequestScope, response: HttpResponseBase) -> None:
    """Save what was written, and what is known of a client whose name changes."""
    request = scope.request
    new = scope.take_pins()
    pins = new.merge(scope.pins() or Pins()) if _is_renamed(request, response) else new
    if not pins:
        return
    if stores().has_server_side:
        identity.introduce(request, response)
    exchange = Exchange(request, response) if new else None
    stores().save(_visitor_after(request, response), pins, exchange)


def _closed(scope: RequestScope, response: HttpResponseBase) -> HttpResponseBase:
    """Close the scope, or leave that to the body while it streams."""
    if scope.pins_known:
        stores().tidy(visitor_of(scope.request), Exchange(scope.request, response))
    if streams(response):
        stream_inside(
            response, functools.partial(inside, scope), functools.partial(_end, scope, response)
        )
    else:
        scope.close()
    return response


def _end(scope: RequestScope, response: HttpResponseBase | None = None) -> None:
    """Close the scope where no header can be set any more: server-side stores still hear of it."""
    try:
        if scope.has_unsaved_writes():
            with inside(scope):
                stores().save(_visitor_after(scope.request, response), scope.take_pins(), None)
    finally:
        scope.close()


def _visitor_after(request: HttpRequest, response: HttpResponseBase | None) -> Visitor:
    """Whoever sent ``request``, by the old names and by those that ``response`` gives."""
    visitor = visitor_of(request)
    if response is None or not stores().has_server_side:
        return visitor
    names = (*visitor.identities, *identity.identities_after(request, response))
    return replace(visitor, identities=tuple(dict.fromkeys(names)))
