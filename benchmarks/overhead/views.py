"""What the requests do whose routing is measured."""

import time

from django.db import connections, router
from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks.notes.models import Attachment

#: So few that a round seldom takes longer than a busy system lets a process run.
QUERIES = 200
STATEMENTS = 20

#: As an ORM writes them.
STATEMENT = (
    'SELECT "note"."id", "note"."text" FROM (SELECT 1 AS "id", \'new\' AS "text") "note" '
    'WHERE "note"."id" = %s ORDER BY "note"."id" ASC LIMIT 21'
)


def ask(request: HttpRequest) -> HttpResponse:
    """Answer with the microseconds that ``db_for_read`` takes once settled, and its answer."""
    hints = request.hints  # type: ignore[attr-defined]
    alias = router.db_for_read(Attachment, **hints)
    begun = time.perf_counter()
    for _ in range(QUERIES):
        router.db_for_read(Attachment, **hints)
    return HttpResponse(f"{(time.perf_counter() - begun) / QUERIES * 1e6} {alias}")


def run(request: HttpRequest) -> HttpResponse:
    """Answer with the microseconds that a statement takes, and where it was run."""
    alias = router.db_for_read(Attachment)
    connection = connections[alias]

    def fetch() -> None:
        with connection.cursor() as cursor:
            cursor.execute(STATEMENT, [1])
            cursor.fetchall()

    fetch()
    methods = connection.__dict__  # in which ours are, as all ways share the connection
    watched = methods.pop("make_cursor")
    if request.is_watched:  # type: ignore[attr-defined]
        methods["make_cursor"] = watched
    begun = time.perf_counter()
    for _ in range(STATEMENTS):
        fetch()
    microseconds = (time.perf_counter() - begun) / STATEMENTS * 1e6
    methods["make_cursor"] = watched
    return HttpResponse(f"{microseconds} {alias}")


def empty(request: HttpRequest) -> HttpResponse:
    """Answer nothing."""
    return HttpResponse()


async def aempty(request: HttpRequest) -> HttpResponse:
    """Answer nothing."""
    return HttpResponse()


urlpatterns = [path("", empty), path("ask", ask), path("run", run), path("async", aempty)]
