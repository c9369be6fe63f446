"""OpenTelemetry: psycopg's cursors are traced, and the middleware adds comments to SQL."""

from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ecosystem.project import migrate, start

SPANS = InMemorySpanExporter()
PROVIDER = TracerProvider()
PROVIDER.add_span_processor(SimpleSpanProcessor(SPANS))

PAIR = start(
    after=("opentelemetry.instrumentation.django.middleware.sqlcommenter_middleware.SqlCommenter",)
)
PsycopgInstrumentor().instrument(tracer_provider=PROVIDER)
migrate(PAIR)

from typing import Any  # noqa: E402

from django.test import Client  # noqa: E402

from ecosystem.journeys import Journeys  # noqa: E402


class TestOpenTelemetry(Journeys):
    def test_a_write_and_a_read_have_spans(self, pair: Any, client: Client) -> None:
        SPANS.clear()
        client.post("/edit", {"text": "new"})
        statements = " ".join(
            span.attributes["db.statement"] for span in SPANS.get_finished_spans()
        )
        assert "UPDATE" in statements
        assert "SELECT" in statements
