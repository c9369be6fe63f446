"""OpenTelemetry's general instrumentation of drivers: psycopg's connection is a proxy."""

import psycopg
from opentelemetry.instrumentation import dbapi

from ecosystem.project import migrate, start

PAIR = start()
dbapi.trace_integration(psycopg, "connect", "postgresql")
migrate(PAIR)

from typing import Any  # noqa: E402

from django.db import connection, connections  # noqa: E402
from django.test import Client  # noqa: E402

from ecosystem.journeys import Journeys  # noqa: E402


def is_traced() -> bool:
    """Whether the primary's connection is a proxy."""
    return type(connection.connection) is not psycopg.Connection


class TestOpenTelemetry(Journeys):
    def test_a_write_is_seen_while_it_is_taken_away_and_after(
        self, pair: Any, client: Client
    ) -> None:
        client.post("/edit", {"text": "one"})
        assert is_traced()
        dbapi.unwrap_connect(psycopg, "connect")
        try:
            with pair.paused():
                client.post("/edit", {"text": "two"})
                assert is_traced()
                assert client.get("/").json() == {"texts": ["two"], "reads": ["pinned"]}
                connections.close_all()
                client.post("/edit", {"text": "three"})
                assert not is_traced()
                assert client.get("/").json() == {"texts": ["three"], "reads": ["pinned"]}
        finally:
            dbapi.trace_integration(psycopg, "connect", "postgresql")
