"""Statements that psycopg prepares on the server, with their values sent apart from them."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connections, transaction

from pinning import Reason, carried, scope, source_of, wait_for_replica
from pinning.testing.postgres import Postgres
from tests.live.site.clients import soon
from tests.live.site.pair import Pair
from tests.notes.models import Note

PREPARED: dict[str, Any] = {"prepare_threshold": 0, "server_side_binding": True}
POOLED: dict[str, Any] = {**PREPARED, "pool": {"min_size": 1, "max_size": 2, "timeout": 2}}
SERVERS = ("primary", "replica")
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
)


class Preparing:
    """A server as the site reaches it, with such OPTIONS."""

    def __init__(self, server: Postgres, options: dict[str, Any]) -> None:
        self._server = server
        self._options = options

    def settings(self, database: str) -> dict[str, Any]:
        """One entry of Django's DATABASES."""
        made = self._server.settings(database)
        age = 0 if "pool" in self._options else None
        return {**made, "OPTIONS": {**made["OPTIONS"], **self._options}, "CONN_MAX_AGE": age}


def write(text: str) -> str:
    """What a user carries who has just written, in a transaction."""
    with scope(), transaction.atomic():
        Note.objects.create(text=text)
    with scope():
        Note.objects.filter(text=text).update(text=text)
        return carried()


def count_prepared(alias: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'notes'")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("options", [PREPARED, POOLED], ids=["kept", "pool"])
def test_they_have_positions_and_are_run_again(pair: Pair, here, options: dict[str, Any]):
    here(replace(pair, **{name: Preparing(getattr(pair, name), options) for name in SERVERS}))
    for turn in range(3):
        with scope(carried=write(f"{turn}")) as work, wait_for_replica(30):
            assert Note.objects.filter(text=f"{turn}").exists()
        assert work.reads == {"default": {Reason.CAUGHT_UP: 1}}
    assert count_prepared("default") > 0
    assert count_prepared("replica1") > 0
    pair.replica.execute(TERMINATE)
    with scope() as work:
        assert Note.objects.count() == 3
    assert work.reruns == {"default": 1}
    assert soon(is_served_by_replica)
    connections.close_all()


def is_served_by_replica() -> bool:
    with scope():
        return source_of(Note.objects.first()) == "replica1"
