"""What psycopg and PostgreSQL do that SQLite does not: pools, composed SQL, copies, procedures."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import sql

from pinning import mark_written, scope
from pinning.databases import state_of
from pinning.pins.pin import HELD
from pinning.writes.recorder import Recorder
from tests.live.site.pair import DATABASE, Pair


@pytest.fixture
def primary(pair: Pair, django_db_blocker: Any) -> Iterator[Callable[..., DatabaseWrapper]]:
    """Puts a connection to the primary in the place of "default"."""
    before = connections["default"]
    opened: list[DatabaseWrapper] = []

    def connect(**options: Any) -> DatabaseWrapper:
        settings = {
            **before.settings_dict,
            "TEST": {},
            "CONN_MAX_AGE": 0 if "pool" in options else None,
            **pair.primary.settings(DATABASE),
            "OPTIONS": options,
        }
        opened.append(DatabaseWrapper(settings, alias="default"))
        connections["default"] = opened[-1]
        return opened[-1]

    with django_db_blocker.unblock():
        yield connect
        for connection in opened:
            connection.close()
    connections["default"] = before


def insert(connection: DatabaseWrapper, statement: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement or "INSERT INTO notes_note (text) VALUES ('new')")


def test_a_pool_keeps_the_recorder_and_finds_positions(primary):
    connection = primary(pool={"min_size": 1, "max_size": 2})
    for _ in range(3):
        with scope() as work:
            insert(connection)
            assert work.has_written("default")
            (pin,) = work.take_pins()
            assert pin.position > 0
        connection.close()
    assert isinstance(state_of(connection).watcher, Recorder)


@pytest.mark.parametrize(
    ("statement", "writes"),
    [
        (
            sql.SQL("INSERT INTO {} (text) VALUES ('new')").format(sql.Identifier("notes_note")),
            True,
        ),
        (sql.SQL("SELECT 1"), False),
        (b"INSERT INTO notes_note (text) VALUES ('new')", True),
        (b"SELECT 1", False),
        ("WITH n AS (INSERT INTO notes_note (text) VALUES ('new') RETURNING 1) SELECT 1", True),
        ("EXPLAIN (ANALYZE) INSERT INTO notes_note (text) VALUES ('new')", True),
        ("SELECT text INTO TEMP copied FROM notes_note", True),
        ("DO $$ BEGIN INSERT INTO notes_note (text) VALUES ('new'); END $$", True),
        ("SELECT * FROM notes_note FOR UPDATE", False),
    ],
)
def test_statements_of_postgresql(primary, statement, writes):
    connection = primary()
    with scope() as work:
        insert(connection, statement)
        assert work.has_written("default") is writes


def test_a_copy_counts_once_it_is_marked(primary):
    connection = primary()
    with scope() as work, transaction.atomic():
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY notes_note (text) FROM STDIN") as copy,
        ):
            copy.write_row(["new"])
        mark_written()
        assert not work.has_written("default")
    assert work.has_written("default")


def test_a_deferred_constraint_that_fails_at_commit_does_not_count(primary):
    connection = primary()
    with scope() as work:
        with pytest.raises(IntegrityError), transaction.atomic():
            insert(connection, "INSERT INTO notes_attachment (name, note_id) VALUES ('a', 99)")
        assert not work.has_written("default")


def test_a_position_covers_the_commit_and_not_merely_the_statement(primary, pair: Pair):
    connection = primary()
    with scope() as work:
        with transaction.atomic():
            insert(connection)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
                inside = int(cursor.fetchone()[0])
        (pin,) = work.take_pins()
    assert pin.position > inside


def test_a_primary_that_died_after_the_commit_leaves_a_hold(primary, pair: Pair, caplog):
    connection = primary()
    with scope() as work:
        insert(connection)
        pair.primary.kill()
        try:
            (pin,) = work.take_pins()
        finally:
            pair.primary.start()
        assert pin.timeline == HELD
    assert "so a pin holds for MAX_PIN" in caplog.text
    connection.close()


def test_a_connection_that_broke_since_the_commit_is_replaced_to_tell_the_position(primary, pair):
    connection = primary()
    with scope() as work:
        insert(connection)
        pair.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
        )
        (pin,) = work.take_pins()
    assert pin.position > 0


def test_manual_transactions_have_positions_too(primary):
    connection = primary()
    connection.set_autocommit(False)
    with scope() as work:
        insert(connection)
        connection.commit()
        (pin,) = work.take_pins()
    assert pin.position > 0
    connection.rollback()
    connection.set_autocommit(True)
