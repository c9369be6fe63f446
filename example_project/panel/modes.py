"""The switch of the controls: pinning off, by clock alone, or by position.

Only the example has it. A site that wants pinning off sets PINNING["USE_REPLICAS"] to False, and by
clock alone is how it works on a database whose positions cannot be read.
"""

from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from django.http import HttpRequest, HttpResponse

from pinning import conf, current_scope
from pinning.databases import VENDORS
from pinning.databases.clock import ClockPositions
from pinning.databases.postgresql import PostgreSQLPositions
from pinning.router import PinningRouter
from pinning.scopes.state import Read

REPLICA = "replica1"


class Mode(StrEnum):
    """Who decides where a read goes, for all visitors."""

    OFF = "off"
    CLOCK = "clock"
    POSITION = "position"


_mode = Mode.POSITION
_of_request: ContextVar[Mode | None] = ContextVar("mode_of_request", default=None)


def mode() -> Mode:
    """The mode that is set; a request keeps the one that it began with."""
    return _of_request.get() or _mode


def set_mode(mode: Mode) -> None:
    """Change it, for this request and from the next one on."""
    global _mode
    _mode = mode
    _of_request.set(mode)
    VENDORS["postgresql"] = ClockPositions() if mode is Mode.CLOCK else PostgreSQLPositions()


class NaiveReason(str):
    """Stands where pinning's own reasons do, for reads that pinning was not asked about."""

    __slots__ = ()
    explanation = "pinning is off, and a naive router sends every read to the replica"


class SwitchedRouter(PinningRouter):
    """PinningRouter, or with pinning off: every read to a replica, every write to a primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Where a read goes."""
        primary = self.db_for_write(model, **hints)
        if mode() is not Mode.OFF or primary is None:
            return super().db_for_read(model, **hints)
        replica, *_ = conf.settings().replicas[primary]
        scope = current_scope()
        if scope is not None and scope.trace is not None:
            reason: Any = NaiveReason("pinning_off")
            scope.trace.append(Read(model._meta.label, replica, reason))
        return replica


class ModeMiddleware:
    """Keeps the mode while a request lasts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _of_request.set(_mode)
        try:
            return self.get_response(request)
        finally:
            _of_request.reset(token)
