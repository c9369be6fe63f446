"""What must hold with every package: a file inherits it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client


class Journeys:
    """A visitor writes and reads while the replica lags, and while it fails."""

    @pytest.fixture(autouse=True)
    def closed(self) -> Iterator[None]:
        """Connections are opened anew, so that what a package does to them is tried."""
        yield
        connections.close_all()

    def test_a_visitor_reads_from_the_replica(self, client: Client) -> None:
        assert client.get("/").json() == {"texts": ["old"], "reads": ["replica"]}

    @pytest.mark.parametrize("more", [{}, {"bare": "1"}], ids=["atomic", "autocommit"])
    def test_whoever_wrote_sees_it_and_others_read_the_replica(
        self, pair: Any, client: Client, more: dict[str, str]
    ) -> None:
        with pair.paused():
            client.post("/edit", {"text": "new", **more})
            assert client.get("/").json() == {"texts": ["new"], "reads": ["pinned"]}
            assert Client().get("/").json() == {"texts": ["old"], "reads": ["replica"]}

    @pytest.mark.parametrize("more", [{}, {"bare": "1"}], ids=["atomic", "autocommit"])
    def test_a_pin_ends_when_the_replica_has_the_write(
        self, pair: Any, client: Client, more: dict[str, str]
    ) -> None:
        client.post("/edit", {"text": "new", **more})
        pair.replica.wait_until_caught_up()
        assert client.get("/").json() == {"texts": ["new"], "reads": ["caught_up"]}

    def test_a_query_whose_replica_dies_is_run_again_on_the_primary(
        self, pair: Any, client: Client
    ) -> None:
        client.get("/")
        pair.replica.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        assert client.get("/").json()["texts"] == ["old"]
