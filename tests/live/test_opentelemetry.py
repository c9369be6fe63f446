"""The spans of statements, made by the instrumentation of the driver, in WSGI and ASGI."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from django.db.backends.signals import connection_created
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pinning import use_primary
from pinning.contrib import opentelemetry
from pinning.signals import replica_down, replica_up, scope_closed
from tests.live.site.pair import Pair
from tests.notes.models import Note

UID = "pinning.contrib.opentelemetry"
for _signal in (connection_created, scope_closed, replica_down, replica_up):
    _signal.disconnect(dispatch_uid=UID)  # no other test is heard

SPANS = InMemorySpanExporter()
PROVIDER = TracerProvider()
PROVIDER.add_span_processor(SimpleSpanProcessor(SPANS))
trace.set_tracer_provider(PROVIDER)


def show(request: Any) -> HttpResponse:
    with use_primary():
        Note.objects.count()
    return HttpResponse(str([note.text for note in Note.objects.all()]))


async def ashow(request: Any) -> HttpResponse:
    with use_primary():
        await Note.objects.acount()
    return HttpResponse(str([note.text async for note in Note.objects.all()]))


def write(request: Any) -> HttpResponse:
    Note.objects.create(text="new")
    return HttpResponse()


async def awrite(request: Any) -> HttpResponse:
    await Note.objects.acreate(text="new")
    return HttpResponse()


class _Site:
    """The site, as a test that is not asynchronous visits it."""

    def __init__(self, client: Any, name: Callable[[str], str]) -> None:
        self._client, self._name = client, name

    def visit(self, method: str, view: str) -> list[tuple[str, str | None, str | None]]:
        """The statements of a visit: the first word, the alias and the reason."""
        SPANS.clear()
        call = getattr(self._client, method)
        call = async_to_sync(call) if isinstance(self._client, AsyncClient) else call
        assert call(self._name(view)).status_code == 200
        spans = [span for span in SPANS.get_finished_spans() if "db.statement" in span.attributes]
        (request,) = (each for each in SPANS.get_finished_spans() if each.parent is None)
        assert all(span.context.trace_id == request.context.trace_id for span in spans)
        return [
            (
                span.attributes["db.statement"].split()[0],
                span.attributes.get("pinning.alias"),
                span.attributes.get("pinning.reason"),
            )
            for span in spans
        ]


@pytest.fixture(params=["wsgi", "asgi"])
def site(request, settings, pair_here: Pair) -> Iterator[_Site]:
    settings.ROOT_URLCONF = tuple(
        path(view.__name__, view) for view in (show, ashow, write, awrite)
    )
    settings.MIDDLEWARE = ["pinning.middleware.PinningMiddleware"]
    connection_created.connect(opentelemetry.watch, dispatch_uid=UID)
    PsycopgInstrumentor().instrument(tracer_provider=PROVIDER)
    DjangoInstrumentor().instrument(tracer_provider=PROVIDER)
    for alias in ("default", "replica1"):
        connections[alias].close()
    is_async = request.param == "asgi"
    try:
        yield _Site(
            AsyncClient() if is_async else Client(),
            (lambda view: f"/a{view}") if is_async else (lambda view: f"/{view}"),
        )
    finally:
        DjangoInstrumentor().uninstrument()
        PsycopgInstrumentor().uninstrument()
        connection_created.disconnect(dispatch_uid=UID)


def test_a_read_has_its_alias_and_its_reason_and_a_write_its_alias(site, pair_here):
    Note.objects.create(text="note")
    pair_here.catch_up()
    site.visit("get", "show")  # connects, and asks what servers are asked once
    assert site.visit("get", "show") == [
        ("SELECT", "default", "use_primary"),
        ("SELECT", "replica1", "replica"),
    ]
    with pair_here.paused():
        assert ("INSERT", "default", None) in site.visit("post", "write")
        assert ("SELECT", "default", "pinned") in site.visit("get", "show")
    pair_here.catch_up()
    assert ("SELECT", "replica1", "caught_up") in site.visit("get", "show")
