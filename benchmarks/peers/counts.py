"""What a request cost, told in the headers of its response.

Databases are counted where statements are run, below any router. Questions about positions and
calls of stores are counted at the extension points that a project has.
"""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse

from benchmarks.peers.ways import PRIMARY, REPLICA
from pinning import databases
from pinning.databases.postgresql import PostgreSQLPositions
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pins, Position
from pinning.pins.stores.base import Exchange, Loaded
from pinning.pins.stores.redis import RedisStore
from pinning.scopes.scope import Scope
from pinning.signals import scope_closed

READS, REASON = "X-Reads", "X-Reason"
POSITION_QUERIES, STORE_CALLS = "X-Position-Queries", "X-Store-Calls"
WAITED_MS = "X-Waited"


class _Counts(threading.local):
    """Of the request that the running thread answers."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.reads: list[str] = []
        self.reason = ""
        self.position_queries = self.store_calls = 0
        self.waited = 0.0


_counts = _Counts()


def counted(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Count what each request costs. The outermost middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        _counts.begin()
        with ExitStack() as stack:
            for alias in (PRIMARY, REPLICA):
                stack.enter_context(connections[alias].execute_wrapper(_count_read))
            response = get_response(request)
        response.headers[READS] = ",".join(_counts.reads)
        response.headers[REASON] = _counts.reason
        response.headers[POSITION_QUERIES] = str(_counts.position_queries)
        response.headers[STORE_CALLS] = str(_counts.store_calls)
        response.headers[WAITED_MS] = f"{_counts.waited * 1000:.2f}"
        response.headers["Content-Length"] = str(len(response.content))  # keeps the connection
        return response

    return middleware


def _count_read(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if sql.startswith("SELECT"):
        _counts.reads.append(context["connection"].alias)
    return execute(sql, params, many, context)


def note_reason(scope: Scope, **_: Any) -> None:
    """Receive ``scope_closed``: why the reads of a request went where they went, after a wait."""
    _counts.waited = scope.waited.get(PRIMARY, 0.0)
    _counts.reason = ",".join(scope.reads.get(PRIMARY, {}))


class CountedPositions(PostgreSQLPositions):
    """Counts the questions that a request asks of its own accord."""

    def of_primary(self, connection: BaseDatabaseWrapper) -> Position | None:
        """Where the primary is."""
        _counts.position_queries += 1
        return super().of_primary(connection)

    def of_replica(self, connection: BaseDatabaseWrapper) -> Position | None:
        """What the replica has replayed."""
        _counts.position_queries += 1
        return super().of_replica(connection)


class CountedRedisStore(RedisStore):
    """Counts its round trips to Redis."""

    def load(self, visitor: Visitor) -> Loaded:
        """One round trip."""
        _counts.store_calls += 1
        return super().load(visitor)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        """One round trip."""
        _counts.store_calls += 1
        super().save(visitor, pins, exchange)


def begin(*, has_positions: bool) -> None:
    """Count from now on in this process. Without positions the clock decides."""
    scope_closed.connect(note_reason)
    if has_positions:
        databases.VENDORS["postgresql"] = CountedPositions()
    else:
        del databases.VENDORS["postgresql"]
