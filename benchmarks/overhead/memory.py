"""What a scope costs in memory: ten thousand requests, each with its scope, that all have read.

Import it once Django is set up.
"""

import tracemalloc
from pathlib import Path

from django.http import HttpRequest
from django.test import RequestFactory

from benchmarks.notes.models import Attachment
from benchmarks.overhead.candidates import pinned_cookies
from benchmarks.page import results
from benchmarks.peers.ways import way_of
from pinning.router import PinningRouter
from pinning.scopes.request import RequestScope
from pinning.scopes.scope import inside

SCOPES = 10_000


def measure(directory: Path) -> None:
    """Bytes for each scope of requests that were never pinned, and that are pinned."""
    rows = [
        {"state": "unpinned", "bytes": _bytes_of({})},
        {"state": "pinned", "bytes": _bytes_of(pinned_cookies(way_of("pinning")))},
    ]
    for row in rows:
        print(f"a scope, {row['state']}: {row['bytes']} bytes")
    results.save(directory, "memory", {"scopes": SCOPES, "rows": rows})


def _bytes_of(cookies: dict[str, str]) -> int:
    """Of a scope alone: the requests are there before."""
    requests = [RequestFactory().get("/") for _ in range(SCOPES + 1)]
    for request in requests:
        request.COOKIES.update(cookies)
    router = PinningRouter()

    def opened(request: HttpRequest) -> RequestScope:
        scope = RequestScope(request)
        with inside(scope):
            router.db_for_read(Attachment)
        return scope

    first = opened(requests.pop())  # what is made once for a process is not counted
    tracemalloc.start()
    scopes = [opened(request) for request in requests]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for scope in [first, *scopes]:
        scope.close()
    return round(used / SCOPES)
