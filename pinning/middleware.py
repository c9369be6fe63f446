"""The middleware: runs each request in a scope, and saves pins for what the request wrote."""

import functools
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseBase

from pinning.conf import configured
from pinning.pins import identity, identity_rule
from pinning.pins.stores import Exchange, stores
from pinning.scopes import RequestScope, inside, stream_inside, streams
from pinning.signals import scope_closed


class PinningMiddleware:
    """Gives every user read-your-writes. Put it before session, auth and cache middleware."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Load what the settings name, so that wrong settings stop the start and not a request."""
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
        """Like ``__call__``. Only what waits for a database or store leaves the event loop."""
        scope = RequestScope(request)
        try:
            with inside(scope):
                response = await self.get_response(request)
                if scope.has_unsaved_writes():
                    await sync_to_async(_save)(scope, response)
        except BaseException:
            await sync_to_async(_end)(scope)
            raise
        if scope_closed.receivers:  # receivers may wait
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
    """Close the scope. If the body streams, it closes the scope at its end instead."""
    if scope.pins_known:
        stores().tidy(scope.visitor(), Exchange(scope.request, response))
    if streams(response):
        if scope.is_unsafe and stores().has_server_side:
            identity.introduce(scope.request, response)  # the body may write after the headers
        stream_inside(
            response, functools.partial(inside, scope), functools.partial(_end, scope, response)
        )
    else:
        scope.close()
    return response


def _end(scope: RequestScope, response: HttpResponseBase | None = None) -> None:
    """Close the scope when no header can be set any more. Stores on a server still get its pins."""
    try:
        if scope.has_unsaved_writes():
            with inside(scope):
                stores().save(scope.visitor_after(response), scope.take_pins(), None)
    finally:
        scope.close()
