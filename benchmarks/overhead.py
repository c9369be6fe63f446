"""What a query and an empty request pay for routing, next to parts that do nothing.

No server is asked: the databases are SQLite, and nothing is read. The rounds of all candidates are
interleaved, in another order each, so that a noisy machine hits them alike; the medians are
compared. ``db_for_read`` is asked inside a request that went through the way's own middleware.
Import it once Django is set up.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.db import connections, router
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.urls import path

from benchmarks import results
from benchmarks.candidates import (
    Candidate,
    async_candidates,
    candidates,
    caught_up,
    on_a_server,
    variants,
)
from benchmarks.peers.ways import PRIMARY, WAYS, Way
from tests.notes.models import Attachment

ROUNDS, QUICK_ROUNDS = 501, 101

#: So few that a round seldom takes longer than a busy system lets a process run.
QUERIES = 200
STATEMENTS = 20
REQUESTS = 5

#: As an ORM writes them.
STATEMENT = (
    'SELECT "note"."id", "note"."text" FROM (SELECT 1 AS "id", \'new\' AS "text") "note" '
    'WHERE "note"."id" = %s ORDER BY "note"."id" ASC LIMIT 21'
)

#: Gives what runs once, in microseconds, for a candidate.
Timer = Callable[[Candidate], Callable[[], float]]


def medians(runs: list[Callable[[], float]], rounds: int) -> list[dict[str, float]]:
    """Microseconds: of each the median over interleaved rounds, with the quartiles."""
    times: list[list[float]] = [[] for _ in runs]
    places = list(range(len(runs)))
    for _ in range(rounds):
        random.shuffle(places)
        for place in places:
            times[place].append(runs[place]())
    return [_quartiles(found) for found in times]


def _quartiles(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4)
    return {"us": round(middle, 3), "low": round(low, 3), "high": round(high, 3)}


def compare(title: str, named: list[Candidate], timer: Timer, rounds: int) -> dict[str, Any]:
    """A row for each candidate, with its ratio to the first."""
    figures = medians([timer(candidate) for candidate in named], rounds)
    rows = [
        {**candidate.label, **figure, "ratio": round(figure["us"] / figures[0]["us"], 2)}
        for candidate, figure in zip(named, figures, strict=True)
    ]
    print(title, *(f"  {row['way']} {row['state']}: {row['ratio']} x" for row in rows), sep="\n")
    return {"title": title, "rows": rows}


def asking(candidate: Candidate, path: str = "/ask") -> Callable[[], float]:
    """Times ``db_for_read``, or what another view does, in one request of the candidate's."""
    get_response = _handler(candidate.way, is_async=False).get_response

    def run() -> float:
        request = RequestFactory().get(path)
        request.COOKIES.update(candidate.cookies)
        request.user = candidate.user()
        request.hints = candidate.hints
        request.is_watched = candidate.way.is_ours
        with _routed(candidate.way):
            microseconds, alias = get_response(request).content.decode().split()
        assert (alias == PRIMARY) == (candidate.state == "pinned"), f"{candidate.way.name}: {alias}"
        return float(microseconds)

    return run


def running(candidate: Candidate) -> Callable[[], float]:
    """Times a statement, which touches no table, on the database that ``db_for_read`` tells."""
    return asking(candidate, "/run")


def answering(candidate: Candidate) -> Callable[[], float]:
    """Times whole requests that touch no database, from the handler to the response."""
    get_response = _handler(candidate.way, is_async=False).get_response

    def answer() -> None:
        request = RequestFactory().get("/")
        request.COOKIES.update(candidate.cookies)
        get_response(request)

    def run() -> float:
        with _routed(candidate.way):
            answer()  # the first finds the caches empty
            begun = time.perf_counter()
            for _ in range(REQUESTS):
                answer()
            return (time.perf_counter() - begun) / REQUESTS * 1e6

    return run


def answering_async(candidate: Candidate) -> Callable[[], float]:
    """The same on an event loop."""
    get_response = _handler(candidate.way, is_async=True).get_response_async

    async def answer() -> None:
        request = AsyncRequestFactory().get("/async")
        request.COOKIES.update(candidate.cookies)
        await get_response(request)

    async def requests() -> float:
        await answer()
        begun = time.perf_counter()
        for _ in range(REQUESTS):
            await answer()
        return (time.perf_counter() - begun) / REQUESTS * 1e6

    def run() -> float:
        with _routed(candidate.way):
            return asyncio.run(requests())

    return run


def _routed(way: Way) -> override_settings:
    """Django's own router is the way's, as its middleware may look for it there."""
    return override_settings(DATABASE_ROUTERS=way.django_settings()["DATABASE_ROUTERS"])


def _handler(way: Way, *, is_async: bool) -> Any:
    middleware = way.django_settings()["MIDDLEWARE"]
    with override_settings(MIDDLEWARE=middleware):
        loaded = BaseHandler()
        loaded.load_middleware(is_async=is_async)
    return loaded


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
    wrappers = connection.execute_wrappers  # ours, as all ways share the connection
    if not request.is_watched:  # type: ignore[attr-defined]
        connection.execute_wrappers = []
    begun = time.perf_counter()
    for _ in range(STATEMENTS):
        fetch()
    microseconds = (time.perf_counter() - begun) / STATEMENTS * 1e6
    connection.execute_wrappers = wrappers
    return HttpResponse(f"{microseconds} {alias}")


def empty(request: HttpRequest) -> HttpResponse:
    """Answer nothing."""
    return HttpResponse()


async def aempty(request: HttpRequest) -> HttpResponse:
    """Answer nothing."""
    return HttpResponse()


urlpatterns = [path("", empty), path("ask", ask), path("run", run), path("async", aempty)]


def measure(directory: Path, *, quick: bool) -> None:
    """Run all of it, and save the figures."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    extras = {key: value for way in WAYS for key, value in way.settings.items() if key != "PINNING"}
    with override_settings(ROOT_URLCONF="benchmarks.overhead", **extras):
        tables = {
            "db_for_read": compare("db_for_read", candidates(), asking, rounds),
            "relation": compare("db_for_read of a relation", variants(), asking, rounds),
            "caught_up": compare(
                "db_for_read, the replica has caught up", caught_up(), asking, rounds
            ),
            "statement": compare("a statement", candidates(), running, rounds),
            "sync": compare("an empty request", candidates(), answering, rounds),
            "async": compare(
                "an empty request, async", async_candidates(), answering_async, rounds
            ),
        }
        with override_settings(PINNING={**settings.PINNING, "STORES": ["cookie", "cache"]}):
            title = "db_for_read, pins on a server"
            tables["server"] = compare(title, on_a_server(), asking, rounds)
    results.save(directory, "overhead", {"rounds": rounds, "tables": tables})
