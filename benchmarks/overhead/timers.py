"""Timers of a candidate: what a query, a statement and a whole request take.

``db_for_read`` is asked inside a request that went through the way's own middleware.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from django.core.handlers.base import BaseHandler
from django.test import AsyncRequestFactory, RequestFactory, override_settings

from benchmarks.overhead.candidates import Candidate
from benchmarks.peers.ways import PRIMARY, Way

#: Gives what runs once, in microseconds, for a candidate.
Timer = Callable[[Candidate], Callable[[], float]]

REQUESTS = 5  # in a round, as few as there are queries


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

    headers = _headers(candidate)

    def answer() -> None:
        get_response(RequestFactory().get("/", headers=headers))

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

    headers = _headers(candidate)

    async def answer() -> None:
        await get_response(AsyncRequestFactory().get("/async", headers=headers))

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


def _headers(candidate: Candidate) -> dict[str, str]:
    """Whoever has cookies of the way's has a session, too. Only who looks at them reads them."""
    cookies = {"sessionid": "k" * 32, **candidate.cookies} if candidate.cookies else {}
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def _routed(way: Way) -> override_settings:
    """Django's own router is the way's, as its middleware may look for it there."""
    return override_settings(DATABASE_ROUTERS=way.django_settings()["DATABASE_ROUTERS"])


def _handler(way: Way, *, is_async: bool) -> Any:
    middleware = way.django_settings()["MIDDLEWARE"]
    with override_settings(MIDDLEWARE=middleware):
        loaded = BaseHandler()
        loaded.load_middleware(is_async=is_async)
    return loaded
