"""Reads whose replica fails under them: what is run again elsewhere, and what is not."""

import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    NotSupportedError,
    OperationalError,
    connections,
    transaction,
)
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.models.expressions import RawSQL

from pinning import Reason, breaker, scope, source_of, use_replica
from pinning.databases import forget
from tests.live.site.pair import DATABASE, Pair
from tests.live.site.reaching import wait_until_it_sleeps
from tests.notes.models import Audit, Note

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
    return {source_of(note) for note in Note.objects.all()}


def count(work: Any) -> dict[Reason, int]:
    return work.reads["default"]


def test_a_terminated_connection_costs_the_reader_nothing(site: Pair):
    with scope() as work:
        assert aliases() == {"replica1"}
        site.replica.execute(TERMINATE)
        assert Note.objects.count() == 3
        assert aliases() == {"default"}
        assert count(work)[Reason.NO_REPLICA] > 0
        assert work.reruns == {"default": 1}


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
    breaker.reset()
    with scope():
        assert aliases() == {"replica1"}


def test_a_server_side_cursor_is_moved_before_its_first_row(site: Pair):
    with scope():
        assert aliases() == {"replica1"}
        notes = Note.objects.iterator(chunk_size=1)
        site.replica.execute(TERMINATE)
        assert len(list(notes)) == 3


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_server_side_cursor_that_is_lost_before_its_first_row_is_moved(
    site: Pair, *, is_lost: bool
):
    """The query has run on the replica, and no row has come from there."""

    def end(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if is_lost:
            site.replica.execute(TERMINATE)
        return result

    with scope() as work:
        assert aliases() == {"replica1"}
        with connections["replica1"].execute_wrapper(end):
            assert len(list(Note.objects.iterator(chunk_size=1))) == 3
        assert work.reruns == ({"default": 1} if is_lost else {})


def test_rows_that_are_under_way_are_not_fetched_again(site: Pair):
    with scope():
        notes = Note.objects.iterator(chunk_size=1)
        next(notes)
        site.replica.execute(TERMINATE)
        with pytest.raises(DatabaseError):
            list(notes)


FIRST_NOTE = "DELETE FROM notes_note WHERE id IN (SELECT min(id) FROM notes_note)"

#: By their columns of pg_stat_database_conflicts: what the primary does before the query begins on
#: the replica, and what it does meanwhile.
CONFLICTS = {
    "snapshot": ([], [FIRST_NOTE, "VACUUM notes_note"]),
    "lock": ([], ["BEGIN; LOCK TABLE notes_note; COMMIT"]),
    "bufferpin": ([FIRST_NOTE], ["VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) notes_note"]),
}


@pytest.mark.parametrize(
    ("block", "expected"), [(nullcontext, Reason.NO_REPLICA), (use_replica, "OperationalError")]
)
@pytest.mark.parametrize("conflict", CONFLICTS)
def test_a_query_that_recovery_cancelled(site: Pair, conflict: str, block: Any, expected: Any):
    """It runs again on the primary, unless it was to be kept from there."""

    def count_conflicts() -> int:
        column = f"SELECT confl_{conflict} FROM pg_stat_database_conflicts WHERE datname = %s"
        return int(site.replica.execute(column, [DATABASE])[0][0])

    earlier, meanwhile = CONFLICTS[conflict]
    for statement in earlier:
        site.execute(statement)
    site.replica.wait_until_caught_up()
    site.replica.configure("max_standby_streaming_delay", "0")
    before = {alias: connections[alias] for alias in ("default", "replica1")}
    conflicts = count_conflicts()
    results = []

    def read() -> None:
        for alias, connection in before.items():
            connections[alias] = connection.copy()
        notes = Note.objects.annotate(slept=RawSQL("pg_sleep(1)::text", []))
        try:
            with scope() as work, block():
                list(notes)
                results.append(work.work("default").choice.reason)
        except OperationalError as error:
            results.append(type(error).__name__)
        finally:
            connections.close_all()

    reader = threading.Thread(target=read)
    reader.start()
    wait_until_it_sleeps(site.replica)
    for statement in meanwhile:
        site.execute(statement)
    reader.join(timeout=30)
    site.replica.configure("max_standby_streaming_delay", "30s")
    assert results == [expected]
    assert count_conflicts() == conflicts + 1


def test_a_database_that_was_dropped_under_a_replicas_connection(site: Pair):
    """What the replica says is 57P04, and the connection is gone."""
    site.primary.create_database("doomed")
    connections["replica1"].settings_dict["NAME"] = "doomed"
    site.replica.wait_until_caught_up()
    with scope():
        connections["replica1"].ensure_connection()
        site.primary.execute("DROP DATABASE doomed")
        site.replica.wait_until_caught_up()
        assert Note.objects.count() == 3


def test_a_timeout_of_the_projects_own_is_not_run_again(site: Pair):
    site.replica.execute("ALTER SYSTEM SET statement_timeout = '50ms'")
    site.replica.execute("SELECT pg_reload_conf()")
    time.sleep(0.2)
    try:
        with scope() as work:
            with pytest.raises(OperationalError, match="statement timeout"):
                list(Note.objects.annotate(slept=RawSQL("pg_sleep(1)::text", [])))
            assert count(work) == {Reason.REPLICA: 1}
            assert aliases() == {"replica1"}
    finally:
        site.replica.execute("ALTER SYSTEM RESET statement_timeout")
        site.replica.execute("SELECT pg_reload_conf()")


def test_a_transaction_on_the_replica_is_not_run_again(site: Pair):
    with scope(), pytest.raises(OperationalError), transaction.atomic(using="replica1"):
        assert aliases() == {"replica1"}
        site.replica.execute(TERMINATE)
        Note.objects.count()


@pytest.mark.parametrize(
    "statement", ["SELECT 1", "INSERT INTO notes_note (text) VALUES ('new')", "SHOW all"]
)
def test_a_raw_cursor_is_not_moved(site: Pair, statement: str):
    with scope(), connections["replica1"].cursor() as cursor:
        cursor.execute("SELECT 1")
        site.replica.execute(TERMINATE)
        with pytest.raises(OperationalError):
            cursor.execute(statement)
        assert cursor.db.alias == "replica1"
    assert site.execute("SELECT count(*) FROM notes_note") == [(3,)]


def test_an_alias_that_the_code_names_is_not_left(site: Pair):
    with scope():
        assert Note.objects.using("replica1").count() == 3
        site.replica.execute(TERMINATE)
        with pytest.raises(OperationalError):
            Note.objects.using("replica1").count()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SET search_path = 'tenant', 'public'", ["default", "replica1"]),
        ("SELECT set_config('app.tenant', '2', false)", ["default", "replica1"]),
        ("BEGIN", ["replica1"]),
        ("SELECT setseed(0.5)", ["replica1"]),
    ],
)
def test_what_depends_on_the_session_is_not_run_elsewhere(
    site: Pair, statement: str, told: list[str]
):
    with scope():
        assert aliases() == {"replica1"}
        for alias in told:
            with connections[alias].cursor() as cursor:
                cursor.execute(statement)
        site.replica.execute(TERMINATE)
        with pytest.raises(OperationalError):
            Note.objects.count()


def test_nothing_is_run_again_on_a_session_that_bears_a_mark(site: Pair):
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
    with scope():
        assert aliases() == {"replica1"}
        site.replica.execute(TERMINATE)
        with pytest.raises(OperationalError):
            Note.objects.count()


@pytest.mark.parametrize("statement", ["SHOW search_path", "EXPLAIN ANALYZE SELECT 1"])
def test_what_only_asks_does_not_end_that_queries_are_run_again(site: Pair, statement: str):
    with scope():
        assert aliases() == {"replica1"}
        for alias in ("default", "replica1"):
            with connections[alias].cursor() as cursor:
                cursor.execute(statement)
        site.replica.execute(TERMINATE)
        assert Note.objects.count() == 3


PASSING = [
    "SET LOCAL lock_timeout = '1s'",
    "SET LOCAL app.tenant = '7'",
    "SELECT set_config('app.tenant', '7', true)",
    "SELECT pg_advisory_xact_lock(7)",
    "LOCK TABLE notes_note IN SHARE MODE",
    "SET CONSTRAINTS ALL DEFERRED",
    "NOTIFY news, 'a'",
    "SELECT pg_notify('news', 'a')",
    "TRUNCATE notes_tag CASCADE",
    "ANALYZE notes_note",
    "CREATE TABLE made (id int DEFAULT (1 + 1))",
    "DROP TABLE made",
]
#: All of a session that another statement of it may see.
SESSION = """
SELECT (SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings),
    coalesce(current_setting('app.tenant', true), ''), current_user::text, current_schemas(true),
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IS DISTINCT FROM
        'pg_locks'::regclass AND locktype NOT IN ('virtualxid', 'relation')),
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'
        AND relation >= 16384),
    (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors),
    (SELECT count(*) FROM pg_listening_channels()),
    (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema())
"""


def test_what_is_over_with_its_transaction_leaves_nothing_on_the_session(site: Pair):
    def session() -> Any:
        with connections["default"].connection.cursor() as cursor:
            return cursor.execute(SESSION).fetchall()

    connections["default"].ensure_connection()
    before = session()
    for statement in PASSING:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute(statement)
        assert session() == before, statement


def test_nor_does_it_end_that_queries_are_run_again(site: Pair):
    for statement in PASSING:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute(statement)
    site.replica.wait_until_caught_up()
    with scope():
        assert aliases() == {"replica1"}
        site.replica.execute(TERMINATE)
        assert Note.objects.count() == 3


def test_a_cursor_that_was_moved_takes_no_second_statement(site: Pair):
    """It was opened on a replica; on the primary the next statement might write."""
    moved = []

    def notice(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        moved.append(context["cursor"])
        return execute(sql, params, many, context)

    with scope():
        assert aliases() == {"replica1"}
        site.replica.execute(TERMINATE)
        with connections["replica1"].execute_wrapper(notice):
            assert Note.objects.count() == 3
        with pytest.raises(OperationalError, match="new cursor"):
            moved[-1].execute("DELETE FROM notes_note")


def test_a_connection_that_broke_between_rows_is_replaced_for_the_next_read(site: Pair):
    with scope():
        notes = Note.objects.iterator(chunk_size=1)
        next(notes)
        site.replica.execute(TERMINATE)
        with pytest.raises(DatabaseError):
            list(notes)
        assert Note.objects.count() == 3
    with scope():
        assert aliases() == {"replica1"}


def test_a_pinned_reader_is_not_moved_to_a_replica_that_lags(site: Pair):
    """Its replica is gone, and so is what that one had reached."""
    forget(connections["replica1"])
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


@pytest.fixture
def unlogged(site: Pair) -> Iterator[None]:
    """The audit's rows are on the primary alone."""
    site.execute("ALTER TABLE notes_audit SET UNLOGGED")
    site.execute("INSERT INTO notes_audit (text) VALUES ('seen')")
    site.replica.wait_until_caught_up()
    yield
    site.execute("DELETE FROM notes_audit")
    site.execute("ALTER TABLE notes_audit SET LOGGED")


def test_an_unlogged_table_is_read_from_the_primary(unlogged):
    with scope() as work:
        assert Audit.objects.get().text == "seen"
        assert aliases() == {"replica1"}, "the replica is well"
        assert [audit.text for audit in Audit.objects.iterator()] == ["seen"]
        assert Reason.NO_REPLICA not in count(work)
    with use_replica():
        assert Audit.objects.count() == 1


@pytest.mark.parametrize(
    "told",
    [
        {"default": "SELECT setseed(0.1)"},
        {"replica1": "SELECT setseed(0.1)"},
        {"default": "LISTEN news"},
        dict.fromkeys(("default", "replica1"), "SELECT set_config('app.tenant', '1', false)"),
        dict.fromkeys(("default", "replica1"), "SET statement_timeout = 5000"),
        {"default": "SELECT set_config('app.tenant', '1', false)"},
    ],
)
@pytest.mark.usefixtures("unlogged")
def test_so_it_is_on_sessions_that_bear_marks(told: dict[str, str]):
    """No replica ever answers. The primary's session shows what it would with one database."""
    for alias, statement in told.items():
        with connections[alias].cursor() as cursor:
            cursor.execute(statement)
    with scope():
        assert Audit.objects.get().text == "seen"
        assert Audit.objects.count() == 1


@pytest.mark.usefixtures("unlogged")
def test_a_query_that_may_leave_a_mark_is_not_run_again_for_an_unlogged_table():
    with scope(), pytest.raises(NotSupportedError):
        list(Audit.objects.annotate(seed=RawSQL("setseed(0.1)::text", [])))


def test_what_no_server_supports_is_an_error_as_ever(site: Pair):
    with scope(), pytest.raises(NotSupportedError):
        Note.objects.annotate(number=RawSQL("count(DISTINCT text) OVER ()", ())).first()


def test_raw_sql_on_an_unlogged_table_is_not_run_again(unlogged):
    with pytest.raises(NotSupportedError), connections["replica1"].cursor() as cursor:
        cursor.execute("SELECT text FROM notes_audit")
