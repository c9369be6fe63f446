"""The middleware: a request is a scope; its pins come from the stores and go back to them."""

import functools
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponseBase

from pinning import conf
from pinning.blocks import stream_inside, streams
from pinning.conf import configured
from pinning.pins import Pins, ResolvedUsers, Visitor, identity, identity_rule
from pinning.pins.stores import Exchange, stores
from pinning.scope import Scope, inside
from pinning.signals import scope_closed

_NOBODY = HttpRequest()


class RequestScope(Scope):
    """The scope of a request, with the pins of whoever sent it."""

    __slots__ = ("_names", "_uses_replicas", "is_unsafe", "request", "view_transactions")

    def __init__(self, request: HttpRequest) -> None:
        """Open a scope for ``request``; nothing is loaded yet."""
        super().__init__()
        self.request = request
        # The same replica each time.
        self.seed = identity.session_of(request) or identity.token_of(request) or self.seed
        self.users = ResolvedUsers(request) if stores().has_server_side else None
        self._names: tuple[str, ...] = ()  # under which pins were loaded
        self.is_unsafe = request.method not in conf.settings().safe_methods
        self.view_transactions: dict[str, int] = {}
        self._uses_replicas: bool | None = None

    def load_pins(self) -> Pins | None:
        """Ask the stores. At the first read of the request, so one that never reads never asks.

        Asked again, what the servers know under names that are new since.
        """
        names = identity.names_of(self.request, self.user_ids()) if self.users is not None else ()
        if names is None:
            return None
        if not self.pins_known:
            pins = stores().load(Visitor(cookies=self.request.COOKIES, identities=names))
        else:
            pins = self._with_more(tuple(name for name in names if name not in self._names))
        self._pins, self._names = pins, names  # in this order, for another thread that comes in
        return pins

    def _with_more(self, names: tuple[str, ...]) -> Pins | None:
        if self._pins is None or not names:
            return self._pins
        more = stores().load(Visitor(cookies=self.request.COOKIES, identities=names))
        return None if more is None else self._pins.merge(more)

    def visitor(self) -> Visitor:
        """Whoever the pins were loaded for."""
        return Visitor(cookies=self.request.COOKIES, identities=self._names)

    def visitor_after(self, response: HttpResponseBase | None) -> Visitor:
        """Whoever sent the request, by all names it had and by those that ``response`` gives."""
        names = self._names
        if self.users is not None:
            names += identity.names_after(self.request, response, self.user_ids())
        return Visitor(cookies=self.request.COOKIES, identities=tuple(dict.fromkeys(names)))

    def uses_replicas(self) -> bool:
        """What USE_REPLICAS says, or answers once for this request."""
        if self._uses_replicas is None:
            switch = conf.settings().use_replicas
            self._uses_replicas = switch if isinstance(switch, bool) else bool(switch(self.request))
        return self._uses_replicas

    def began_transaction(self, connection: BaseDatabaseWrapper, begun: int) -> None:
        """Note the view's transaction: the first that begins once the request has a view.

        Django opens it right before it calls the view, so none can come in between.
        """
        if connection.alias not in self.view_transactions and self._view_is_atomic(connection):
            self.view_transactions[connection.alias] = begun

    def is_view_transaction(self, connection: BaseDatabaseWrapper, begun: int) -> bool:
        """Whether the open transaction is but the one that ATOMIC_REQUESTS put around the view."""
        is_view = self.view_transactions.get(connection.alias) == begun
        return is_view and len(connection.atomic_blocks) == 1

    def close(self) -> None:
        """End the request. A task that lives on holds the scope, and nothing of the request."""
        if self.users is not None:
            self.users.forget()
        super().close()
        self.request = _NOBODY
        self._uses_replicas = bool(self._uses_replicas)  # asked no more

    def _view_is_atomic(self, connection: BaseDatabaseWrapper) -> bool:
        match = self.request.resolver_match
        if match is None or not connection.settings_dict["ATOMIC_REQUESTS"]:
            return False
        return connection.alias not in getattr(match.func, "_non_atomic_requests", ())


class PinningMiddleware:
    """Gives every user read-your-writes. Belongs outside session, auth and cache middleware."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Load what settings name, so that wrong ones stop the start and not a request."""
        self.get_response = get_response
        configured()
        stores()
        identity_rule.rule()
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
                if scope.has_unsaved_writes():
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
                if scope.has_unsaved_writes():
                    await sync_to_async(_save)(scope, response)
        except BaseException:
            await sync_to_async(_end)(scope)
            raise
        if scope_closed.receivers:  # who may wait
            return await sync_to_async(_closed)(scope, response)
        return _closed(scope, response)


def _save(scope: RequestScope, response: HttpResponseBase) -> None:
    """Save what was written, while the response's headers can still be set."""
    request = scope.request
    if stores().has_server_side:
        identity.introduce(request, response)
    exchange = Exchange(request, response)
    stores().save(scope.visitor_after(response), scope.take_pins(), exchange)


def _closed(scope: RequestScope, response: HttpResponseBase) -> HttpResponseBase:
    """Close the scope, or leave that to the body while it streams."""
    if scope.pins_known:
        stores().tidy(scope.visitor(), Exchange(scope.request, response))
    if streams(response):
        if scope.is_unsafe and stores().has_server_side:
            identity.introduce(scope.request, response)  # the body may write, with no header left
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
                stores().save(scope.visitor_after(response), scope.take_pins(), None)
    finally:
        scope.close()
