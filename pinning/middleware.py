"""The middleware: runs each request in a scope, and saves pins for what the request wrote."""

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase

from pinning.conf import configured
from pinning.pins import Pins, held, identity, identity_rule, room, signing
from pinning.pins.stores import Exchange, stores
from pinning.scopes import RequestScope, inside, stream_inside, streams, uncommitted
from pinning.signals import is_heard, scope_closed

logger = logging.getLogger("pinning")


class PinningMiddleware:
    """Gives every user read-your-writes. Put it before session, auth and cache middleware."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Load what the settings name, so that wrong settings stop the start and not a request."""
        self.get_response = get_response
        if not apps.is_installed("pinning"):
            raise ImproperlyConfigured(
                "PinningMiddleware sees no write where 'pinning' is not in INSTALLED_APPS: add it."
            )
        configured()
        stores()
        identity_rule.rule()
        room.require_room()
        signing.require_cipher()
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
                if _has_to_save(scope, response):
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
                if _has_to_save(scope, response):
                    await sync_to_async(_save)(scope, response)
        except BaseException:
            await sync_to_async(_end)(scope)
            raise
        if is_heard(scope_closed, RequestScope):  # receivers may wait
            return await sync_to_async(_closed)(scope, response)
        return _closed(scope, response)


def _has_to_save(scope: RequestScope, response: HttpResponseBase) -> bool:
    """Whether something may have to be saved: only the view's thread can look at connections.

    A write that an asynchronous view has given up on may still run there.
    """
    return scope.began_to_write or _has_news(scope, response)


def _has_news(scope: RequestScope, response: HttpResponseBase) -> bool:
    return scope.has_unsaved_writes() or (scope.is_unsafe and streams(response))


def _save(scope: RequestScope, response: HttpResponseBase) -> None:
    """Save what was written, and what will be, while the headers can still be set.

    A body may write, and a transaction around this middleware is committed later.
    """
    request, open_ = scope.request, uncommitted(scope)
    if not (open_ or _has_news(scope, response)):  # all was rolled back
        return
    if stores().has_server_side:
        identity.introduce(request, response)
    visitor, pins = scope.visitor_after(response), scope.take_pins()
    if open_:
        pins = pins.merge(Pins(held(name, time.time()) for name in open_))
        _tell_of_transaction(_view_of(request), ", ".join(map(repr, open_)))
    if streams(response) and not stores().keeps_late(visitor):
        pins = pins.merge(scope.pins_of_body())
        scope.has_pinned_body = True
    if pins:
        works = list(scope.works.items())  # another thread may add one
        written = frozenset(name for name, work in works if work.written.has_commits)
        stores().save(visitor, pins, Exchange(request, response, written))
        _tell_of_reader(scope)


def _closed(scope: RequestScope, response: HttpResponseBase) -> HttpResponseBase:
    """Close the scope. If the body streams, it closes the scope at its end instead.

    Before a part of the body leaves, what the body has written until then is saved: who reads of a
    write may ask for it on another connection, long before the body ends.
    """
    if streams(response):
        stream_inside(
            response,
            functools.partial(inside, scope),
            has_to_save=lambda: scope.has_unsaved_writes() and stores().has_server_side,
            save=functools.partial(_save_late, scope, response),
            on_end=functools.partial(_end, scope, response),
        )
    else:
        scope.close()
    return response


def _save_late(scope: RequestScope, response: HttpResponseBase | None) -> None:
    """Save what was written when no header can be set any more: in stores on a server."""
    if not (scope.has_unsaved_writes() and stores().has_server_side):
        return
    with inside(scope):
        visitor = scope.visitor_after(response)
        # Without a name nothing is kept, so the primary is not asked for the position either.
        is_kept = bool(visitor.identities) and stores().save(visitor, scope.take_pins(), None)
    if not is_kept:
        scope.keep_unsaved()  # the store may take it later
    _tell_of_reader(scope)


def _end(scope: RequestScope, response: HttpResponseBase | None = None) -> None:
    """Close the scope when no header can be set any more."""
    try:
        _save_late(scope, response)
        if scope.has_unsaved_writes() and not scope.has_pinned_body:
            _tell_of_loss(_view_of(scope.request))
    finally:
        scope.close()


def _tell_of_reader(scope: RequestScope) -> None:
    """Log, for whoever looks at level DEBUG, what makes pages that only show pin their readers."""
    if not scope.is_unsafe and logger.isEnabledFor(logging.DEBUG):
        view, method = _view_of(scope.request), str(scope.request.method)
        for model in {write.model: None for write in scope.writes}:
            _tell_of_write(view, method, model)


def _view_of(request: HttpRequest) -> str:
    match = request.resolver_match
    view = getattr(match, "func", None)
    return f"{getattr(view, '__module__', '?')}.{getattr(view, '__qualname__', '?')}"


@functools.lru_cache(1000)
def _tell_of_loss(view: str) -> None:
    """Log it once for each view."""
    logger.warning(
        "%s wrote when its headers had left, and no store took the pin: the client may see old "
        "rows. Call mark_written() before the response, or keep pins on a server.",
        view,
    )


@functools.lru_cache(1000)
def _tell_of_write(view: str, method: str, model: str) -> None:
    """Log it once for each view, method and model."""
    logger.debug("%s answers a %s and pins its reader, as it writes %s.", view, method, model)


@functools.lru_cache(1000)
def _tell_of_transaction(view: str, clusters: str) -> None:
    """Log it once for each view."""
    logger.warning(
        "%s wrote in a transaction on %s that is still open after the view: its client stays on "
        "the primary for MAX_PIN. Put PinningMiddleware before the middleware that opens it.",
        view,
        clusters,
    )
