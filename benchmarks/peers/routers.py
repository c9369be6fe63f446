"""Routers that are measured beside ours and are no package: each in as few lines as it can be.

They keep what they know of the running request in a thread's local, as the site has a thread for
each connection.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.http import HttpRequest, HttpResponseBase

from benchmarks.peers.ways import PRIMARY, REPLICA
from pinning import databases
from pinning.pins.pin import Position

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
WINDOW_SECONDS = 2.0
COOKIE = "last_write"

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class _Request(threading.local):
    is_pinned = False
    user = ""
    choice = ""


_request = _Request()
_written: dict[str, Position] = {}  # by user


class AlwaysReplica:
    """Every read on the replica, every write on the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Where a read goes."""
        return REPLICA

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """The primary."""
        return PRIMARY

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Both have the same rows."""
        return True


class Autocommit(AlwaysReplica):
    """The primary while a transaction is open on it, so that it reads what it has written."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Where a read goes."""
        return REPLICA if connections[PRIMARY].get_autocommit() else PRIMARY


class Clocked(AlwaysReplica):
    """The primary for a while after a write, as ``clocked`` has found."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Where a read goes."""
        return PRIMARY if _request.is_pinned else REPLICA


def clocked(get_response: GetResponse) -> GetResponse:
    """Remember in a cookie when the user has last sent a request that is not safe."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        is_safe = request.method in SAFE_METHODS
        written_at = float(request.COOKIES.get(COOKIE, 0))
        _request.is_pinned = not is_safe or time.time() - written_at < WINDOW_SECONDS
        response = get_response(request)
        if not is_safe:
            response.set_cookie(COOKIE, str(time.time()))
        return response

    return middleware


class Oracle(AlwaysReplica):
    """The replica whenever it has what the user wrote: asked before every single read."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Where a read goes."""
        written = _written.get(_request.user)
        if written is None:
            return REPLICA
        seen = databases.of_replica(connections[REPLICA])
        return REPLICA if seen is not None and not seen.is_behind(written) else PRIMARY


class SettledOracle(Oracle):
    """Asks before a request's first read, and keeps to the answer: a request sees one database."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Where a read goes."""
        _request.choice = _request.choice or super().db_for_read(model, **hints)
        return _request.choice


def foresighted(get_response: GetResponse) -> GetResponse:
    """Remember in this process, which is the only one, where the primary was after a user's write.

    Who that is the page's address tells.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        _request.user, _request.choice = request.path, ""
        response = get_response(request)
        if request.method not in SAFE_METHODS:
            position = databases.of_primary(connections[PRIMARY])
            if position is not None:
                _written[request.path] = position
        return response

    return middleware
