"""What a query and a request pay for pinning, as ratios to parts that do nothing.

Run by hand: ``python -m benchmarks.overhead``. The rounds of all candidates are interleaved, so
that a noisy machine hits them alike; the medians are compared. The budgets are at most 4 for
``db_for_read`` and at most 1.5 for an empty request.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

# What follows needs the settings.
# ruff: noqa: E402
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.base import BaseHandler
from django.db.utils import ConnectionRouter
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from pinning import scope
from pinning.middleware import RequestScope
from pinning.scope import inside
from tests.notes.models import Attachment, Note

ROUNDS = 41
QUERIES = 2000
REQUESTS = 100


class NoRouter:
    """Always the same answer."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica1"


class NoMiddleware:
    """Calls on."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)


def medians(candidates: dict[str, Callable[[], None]], calls: int) -> dict[str, float]:
    """Microseconds for one of the ``calls`` of each, medians over interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            candidate()
            times[name].append((time.perf_counter() - start) / calls * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def report(title: str, result: dict[str, float]) -> None:
    """A line for each, with its ratio to the first."""
    base = next(iter(result.values()))
    print(title)
    for name, microseconds in result.items():
        print(f"  {name:<24} {microseconds:8.3f} us  {microseconds / base:5.2f} x")


def measure_router() -> None:
    """``db_for_read`` as Django calls it, in a scope that is settled on a replica."""
    note = Note(pk=1)
    note._state.db = "replica1"

    def call(router: ConnectionRouter, **hints: Any) -> Callable[[], None]:
        def run() -> None:
            for _ in range(QUERIES):
                router.db_for_read(Attachment, **hints)

        return run

    def scoped(request: Any) -> Callable[[], None]:
        work = RequestScope(request)

        def run() -> None:
            with inside(work):
                call(ours)()

        return run

    nothing = ConnectionRouter([NoRouter()])
    ours = ConnectionRouter(["pinning.router.PinningRouter"])
    with scope():
        report("db_for_read", medians({"no-op": call(nothing), "pinning": call(ours)}, QUERIES))
        report(
            "db_for_read of a relation",
            medians(
                {"no-op": call(nothing, instance=note), "pinning": call(ours, instance=note)},
                QUERIES,
            ),
        )
    lazy, resolved = RequestFactory().get("/"), RequestFactory().get("/")
    lazy.user = SimpleLazyObject(AnonymousUser)
    resolved.user = AnonymousUser()
    on_a_server = {**settings.PINNING, "STORES": ["cookie", "cache"]}
    with override_settings(PINNING=on_a_server):
        candidates = {
            "no-op": call(nothing),
            "user not resolved": scoped(lazy),
            "user resolved": scoped(resolved),
        }
        report("db_for_read in a request, pins on a server", medians(candidates, QUERIES))


def handler(middleware: str, is_async: bool) -> Any:
    with override_settings(MIDDLEWARE=[middleware], ROOT_URLCONF="benchmarks.overhead"):
        loaded = BaseHandler()
        loaded.load_middleware(is_async=is_async)
    return loaded


def empty(request: Any) -> HttpResponse:
    return HttpResponse()


async def aempty(request: Any) -> HttpResponse:
    return HttpResponse()


def measure_requests() -> None:
    """A whole request that touches no database, from the handler to the response."""
    paths = {
        "no-op": "benchmarks.overhead.NoMiddleware",
        "pinning": "pinning.middleware.PinningMiddleware",
    }

    def call(middleware: str) -> Callable[[], None]:
        get_response = handler(middleware, is_async=False).get_response

        def run() -> None:
            for _ in range(REQUESTS):
                get_response(RequestFactory().get("/"))

        return run

    def acall(middleware: str) -> Callable[[], None]:
        get_response = handler(middleware, is_async=True).get_response_async

        async def requests() -> None:
            for _ in range(REQUESTS):
                await get_response(AsyncRequestFactory().get("/async"))

        return lambda: asyncio.run(requests())

    report(
        "an empty request",
        medians({name: call(dotted) for name, dotted in paths.items()}, REQUESTS),
    )
    report(
        "an empty asynchronous request",
        medians({name: acall(dotted) for name, dotted in paths.items()}, REQUESTS),
    )


urlpatterns = [path("", empty), path("async", aempty)]

if __name__ == "__main__":
    measure_router()
    measure_requests()
