"""Reads whose replica fails under them: what is run again elsewhere, and what is not."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from pinning import Reason, health, scope, use_replica
from pinning.replicas import forget_reached
from tests.live.conftest import DATABASE, Pair
from tests.notes.models import Note

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
)


@pytest.fixture
def site(pair: Pair, django_db_blocker: Any) -> Iterator[Pair]:
    """The pair in the places of "default" and "replica1", with one note."""
    before = {alias: connections[alias] for alias in ("default", "replica1")}
    servers = {"default": pair.primary, "replica1": pair.replica}
    pair.execute("INSERT INTO notes_note (text) SELECT 'note' FROM generate_series(1, 3)")
    pair.replica.wait_until_caught_up()
    with django_db_blocker.unblock():
        for alias, server in servers.items():
            settings = {**before[alias].settings_dict, "TEST": {}, **server.settings(DATABASE)}
            connections[alias] = DatabaseWrapper(settings, alias=alias)
        yield pair
        for alias, connection in before.items():
            connections[alias].close()
            connections[alias] = connection


def aliases() -> set[str]:
    return {note._state.db for note in Note.objects.all()}


def count(work: Any) -> dict[Reason, int]:
    return work.reads["default"]


def test_a_terminated_connection_costs_the_reader_nothing(site: Pair):
    with scope() as work:
        assert aliases() == {"replica1"}
        site.replica.execute(TERMINATE)
        assert Note.objects.count() == 3
        assert aliases() == {"default"}
        assert count(work)[Reason.NO_REPLICA] > 0


def test_a_replica_that_was_killed_costs_the_reader_nothing(site: Pair):
    try:
        with scope():
            assert aliases() == {"replica1"}
            site.replica.kill()
            assert Note.objects.count() == 3
            assert [note.text for note in Note.objects.iterator()] == ["note"] * 3
            with use_replica():
                assert Note.objects.count() == 3
        with scope():
            assert aliases() == {"default"}
    finally:
        site.replica.start()
    health.replicas.reset()
    with scope():
        assert aliases() == {"replica1"}


def test_a_server_side_cursor_is_moved_before_its_first_row(site: Pair):
    with scope():
        assert aliases() == {"replica1"}
        notes = Note.objects.iterator(chunk_size=1)
        site.replica.execute(TERMINATE)
        assert len(list(notes)) == 3


def test_rows_that_are_under_way_are_not_fetched_again(site: Pair):
    with scope():
        notes = Note.objects.iterator(chunk_size=1)
        next(notes)
        site.replica.execute(TERMINATE)
        with pytest.raises(DatabaseError):
            list(notes)


def test_a_query_that_recovery_cancelled_is_run_on_the_primary(site: Pair):
    site.replica.configure("max_standby_streaming_delay", "0")
    slow = "SELECT count(*), pg_sleep(5) FROM notes_note"
    results = []

    def read() -> None:
        try:
            with use_replica(), connections["replica1"].cursor() as cursor:
                cursor.execute(slow)
                results.append((cursor.db.alias, cursor.fetchone()[0]))
        finally:
            connections.close_all()

    before = {alias: connections[alias] for alias in ("default", "replica1")}

    def with_connections() -> None:
        for alias, connection in before.items():
            connections[alias] = connection.copy()
        read()

    reader = threading.Thread(target=with_connections)
    reader.start()
    time.sleep(1)
    site.execute("DELETE FROM notes_note WHERE id IN (SELECT min(id) FROM notes_note)")
    site.execute("VACUUM notes_note")
    reader.join(timeout=30)
    site.replica.configure("max_standby_streaming_delay", "30s")
    assert results == [("default", 2)]


def test_a_timeout_of_the_projects_own_is_not_run_again(site: Pair):
    with connections["replica1"].cursor() as cursor:
        cursor.execute("SET statement_timeout = '50ms'")
        with pytest.raises(OperationalError, match="statement timeout"):
            cursor.execute("SELECT pg_sleep(1)")
        assert cursor.db.alias == "replica1"


def test_a_transaction_on_the_replica_is_not_run_again(site: Pair):
    with pytest.raises(OperationalError), transaction.atomic(using="replica1"):
        assert Note.objects.using("replica1").count() == 3
        site.replica.execute(TERMINATE)
        Note.objects.using("replica1").count()


def test_a_write_is_not_run_again(site: Pair):
    with connections["replica1"].cursor() as cursor:
        cursor.execute("SELECT 1")
        site.replica.execute(TERMINATE)
        with pytest.raises(OperationalError):
            cursor.execute("INSERT INTO notes_note (text) VALUES ('new')")
    assert site.execute("SELECT count(*) FROM notes_note") == [(3,)]


def test_a_pinned_reader_is_not_moved_to_a_replica_that_lags(site: Pair):
    """Its replica is gone, and so is what that one had reached."""
    forget_reached(connections["replica1"])
    with scope() as work:
        Note.objects.create(text="new")
        pins = work.take_pins()
    site.replica.wait_until_caught_up()
    with scope() as work:
        work._pins, work.pins_known = pins, True
        assert aliases() == {"replica1"}
        site.replica.execute(TERMINATE)
        site.replica.pause_replay()
        assert Note.objects.count() == 4
        assert aliases() == {"default"}
