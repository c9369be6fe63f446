"""Memory of one process: over many identities, of one scope, and of a cookie."""

import gc
import os
import sys
import time
import tracemalloc
from typing import Any

from django.db.utils import ConnectionRouter
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from benchmarks.growth.counts import rss_mb
from benchmarks.notes.models import Note
from pinning.middleware import PinningMiddleware
from pinning.pins.identity import Visitor, identities_of
from pinning.pins.pin import Pin, Pins
from pinning.pins.stores import Exchange, stores
from pinning.pins.stores.cookie import CookieStore
from pinning.scopes.request import RequestScope
from pinning.scopes.scope import inside

SCOPES = 1000
CLUSTERS = (1, 2, 5, 10, 20, 50)
_ROUTER = ConnectionRouter(["pinning.router.PinningRouter"])


def _request(number: int) -> Any:
    return RequestFactory().get("/", headers={"authorization": f"Bearer user-{number}"})


def _answer(request: Any) -> Any:
    _ROUTER.db_for_read(Note)
    return HttpResponse()


def grow_identities(most: int) -> list[dict[str, Any]]:
    """Serve requests of so many users, each once; what the process holds on the way there."""
    rows = []
    with override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}, "STORES": ["redis"]}):
        serve = PinningMiddleware(_answer)
        for number in range(most):
            serve(_request(number))
            if number + 1 in {10, 1000, 10_000, most}:
                gc.collect()
                rows.append(
                    {
                        "identities": number + 1,
                        "allocated_blocks": sys.getallocatedblocks(),
                        "rss_mb": round(rss_mb(os.getpid()), 1),
                    }
                )
    return rows


def live_scope_bytes() -> int:
    """What a scope takes while it is open, with two pins and its choice of a replica."""
    pinning = {"REPLICAS": {"default": ["replica1"]}, "STORES": ["redis"]}
    with override_settings(PINNING=pinning):
        requests = [_request(number) for number in range(SCOPES)]
        for request in requests:
            pins = Pins([Pin(cluster="default", written_at=time.time())])
            stores().save(Visitor(cookies={}, identities=identities_of(request)), pins, None)
        gc.collect()
        tracemalloc.start()
        scopes = [RequestScope(request) for request in requests]
        for scope in scopes:
            with inside(scope):
                _ROUTER.db_for_read(Note)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return size // SCOPES


def cookie_sizes() -> list[dict[str, Any]]:
    """The length of the cookies that hold the pins of so many clusters."""
    rows = []
    for number in CLUSTERS:
        pins = Pins(
            Pin(
                cluster=f"cluster{n}",
                written_at=time.time(),
                timeline="7412345678901234567.1",
                position=2**40 + n,
            )
            for n in range(number)
        )
        exchange = Exchange(HttpRequest(), HttpResponse())
        CookieStore().save(Visitor(cookies={}), pins, exchange)
        sent = [f"{name}={morsel.value}" for name, morsel in exchange.response.cookies.items()]
        rows.append({"clusters": number, "bytes": len("; ".join(sent))})
    return rows
