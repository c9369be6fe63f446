"""The switch: with pinning off, a naive router shows what read-your-writes is good for.

Only the example needs it. To turn pinning off for good, a site has PINNING["USE_REPLICAS"].
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse

from pinning import current_scope
from pinning.router import PinningRouter
from pinning.scope import Read

COOKIE = "board_pinning"
REPLICA = "replica1"

_is_on: ContextVar[bool] = ContextVar("board_pinning_is_on", default=True)

#: Whether pinning's router decides, for whoever sent the running request.
is_on = _is_on.get


class NaiveReason(str):
    """Stands where pinning's own reasons do, for reads that pinning was not asked about."""

    __slots__ = ()
    explanation = "pinning is off, and the naive router sends every read to the replica"


class SwitchedRouter(PinningRouter):
    """PinningRouter, or with pinning off: every read to the replica, every write to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Where a read goes."""
        if is_on():
            return super().db_for_read(model, **hints)
        scope = current_scope()
        if scope is not None and scope.trace is not None:
            reason: Any = NaiveReason("pinning_off")
            scope.trace.append(Read(model._meta.label, REPLICA, reason))
        return REPLICA


class SwitchMiddleware:
    """Does as the visitor's cookie says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _is_on.set(request.COOKIES.get(COOKIE) != "off")
        try:
            return self.get_response(request)
        finally:
            _is_on.reset(token)


def turn(response: HttpResponse, position: str) -> None:
    """Turn pinning "on" or "off" from the visitor's next request on."""
    response.set_cookie(COOKIE, position, httponly=True, samesite="Lax")
