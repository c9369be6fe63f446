"""Row-level security: which rows a session sees depends on what it was told.

The tenant is told as projects tell it. Nobody may see another's rows.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError, connections, router, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.signals import connection_created

from pinning import read_connection, scope
from pinning.scopes import Scope, inside
from tests.live.site.pair import DATABASE, Pair
from tests.notes.models import Note

SET_UP = """
GRANT ALL ON ALL TABLES IN SCHEMA public TO web;
ALTER TABLE notes_note ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notes_note USING
    (coalesce(current_setting('app.tenant', true), '') IN ('', split_part(text, ' ', 2)));
"""
TAKE_DOWN = """
ALTER TABLE notes_note DISABLE ROW LEVEL SECURITY;
DROP POLICY tenant ON notes_note;
DROP OWNED BY web; DROP ROLE web;
"""
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'web'"

BOTH = ("default", "replica1")

#: The ways to tell a session who the tenant is.
WAYS: dict[str, Callable[[str], tuple[str, list[str]]]] = {
    "SET": lambda tenant: (f"SET app.tenant = '{tenant}'", []),
    "set_config": lambda tenant: ("SELECT set_config('app.tenant', %s, false)", [tenant]),
    "name": lambda tenant: ("SELECT set_config(%s, %s, false)", ["app.tenant", tenant]),
}


@pytest.fixture(autouse=True)
def site(pair: Pair, django_db_blocker: Any) -> Iterator[Pair]:
    """The pair in the places of "default" and "replica1". Tenants one and two have a note each.

    A session without a tenant sees all notes.
    """
    before = {alias: connections[alias] for alias in ("default", "replica1")}
    servers = {"default": pair.primary, "replica1": pair.replica}
    pair.execute("INSERT INTO notes_note (text) VALUES ('of one'), ('of two')")
    pair.primary.create_role("web")
    pair.execute(SET_UP)
    pair.replica.wait_until_caught_up()
    with django_db_blocker.unblock():
        for alias, server in servers.items():
            settings = {**before[alias].settings_dict, "TEST": {}, **server.settings(DATABASE)}
            connections[alias] = DatabaseWrapper({**settings, "USER": "web"}, alias=alias)
        yield pair
        for alias, connection in before.items():
            connections[alias].close()
            connections[alias] = connection
    pair.execute(TAKE_DOWN)


def execute(statement: str, alias: str = "default", params: list[str] | None = None) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, params)


def tell(tenant: str, way: str = "set_config", aliases: tuple[str, ...] = ("default",)) -> None:
    statement, params = WAYS[way](tenant)
    for alias in aliases:
        execute(statement, alias, params or None)


def notes() -> list[tuple[str, str]]:
    """The database that gave each note, and its text."""
    moved: list[str] = []

    def on_primary(execute: Any, sql: str, *rest: Any) -> Any:
        moved.append(sql)
        return execute(sql, *rest)

    with connections["default"].execute_wrapper(on_primary):
        texts = [note.text for note in Note.objects.order_by("text")]
    is_moved = any("notes_note" in sql for sql in moved)
    return [("default" if is_moved else "replica1", text) for text in texts]


ALL = [("replica1", "of one"), ("replica1", "of two")]


@pytest.mark.parametrize("way", WAYS)
def test_what_the_primary_alone_was_told_keeps_the_reads_there(way: str):
    for tenant in ("one", "two", "one"):
        with scope():
            assert notes() in (ALL, [("default", "of one")], [("default", "of two")])
            tell(tenant, way)
            assert notes() == [("default", f"of {tenant}")]


@pytest.mark.parametrize("way", WAYS)
def test_two_sessions_that_were_told_the_same_are_alike(way: str):
    for tenant in ("one", "two", "one"):
        with scope():
            tell(tenant, way, BOTH)
            assert notes() == [("replica1", f"of {tenant}")]
    with scope():  # on connections that were kept
        assert notes() == [("replica1", "of one")]


def test_two_sessions_that_were_told_the_same_in_another_order_are_not():
    with scope():
        tell("one", aliases=("replica1",))
        tell("two", aliases=BOTH)
        tell("one", aliases=("default",))
        assert notes() == [("default", "of one")]


@pytest.mark.parametrize(
    "statements",
    [
        ["SET /* who */ app.tenant = 'one'"],
        ["SET app . tenant = 'one'"],
        ["/* a /* b */ c */ SET app.tenant = 'one'"],
        ["SELECT set_config/* who */('app.tenant', 'one', false)"],
        ["EXPLAIN ANALYZE SELECT set_config('app.tenant', 'one', false)"],
        ["UPDATE pg_settings SET setting = 'one' WHERE name = 'app.tenant'"],
        ["DO $$ BEGIN PERFORM set_config('app.tenant', 'one', false); END $$"],
        ["SELECT 1; SET app.tenant = 'one'"],
        ["BEGIN", "SET app.tenant = 'one'", "COMMIT"],
        ["SET app.tenant = 'two'", "BEGIN", "SET app.tenant = 'one'", "COMMIT"],
        ["SET app.tenant = 'one'", "BEGIN", "SET app.tenant = 'two'", "ROLLBACK"],
        ["PREPARE tell AS SELECT set_config('app.tenant', 'one', false)", "EXECUTE tell"],
        ["SELECT set_config('app.tenant', string_agg('one', ''), false)"],
        ["CREATE TEMP TABLE notes_note AS SELECT * FROM public.notes_note"],
    ],
)
def test_whatever_form_it_has_it_keeps_the_reads_on_the_primary(statements: list[str]):
    connections["default"].close()
    with scope():
        for statement in statements:
            execute(statement)
        assert {alias for alias, _ in notes()} == {"default"}
    connections["default"].close()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SET ROLE web", "RESET SESSION AUTHORIZATION"),
        ("SET app.tenant = 'one'", "RESET ALL"),
        ("SET app.tenant = 'one'", "DISCARD ALL"),
        ("SET search_path = public", "RESET search_path"),
    ],
)
def test_what_one_session_was_told_and_untold_counts_as_told(first: str, second: str):
    with scope():
        execute(first)
        execute(second)
        assert {alias for alias, _ in notes()} == {"default"}
    with scope():
        for statement in (first, second):
            execute(statement, "replica1")
        assert {alias for alias, _ in notes()} == {"replica1"}


def test_a_function_that_tells_keeps_the_scope_on_the_primary(site: Pair):
    site.execute(
        "CREATE FUNCTION set_tenant(name text) RETURNS text LANGUAGE sql "
        "AS $$ SELECT set_config('app.tenant', name, false) $$"
    )
    try:
        with scope():
            execute("SELECT set_tenant('one')")
            assert notes() == [("default", "of one")]
    finally:
        site.execute("DROP FUNCTION set_tenant")


def test_a_statement_that_failed_may_have_told_something():
    with scope():
        with pytest.raises(ProgrammingError):
            execute("SET app.tenant = 'one'; SELECT nothing")
        assert {alias for alias, _ in notes()} == {"default"}


def test_a_primary_that_connected_again_was_told_nothing():
    with scope():
        tell("one")
        assert notes() == [("default", "of one")]
    connections["default"].close()
    with scope():
        assert notes() == ALL


class ViewScope(Scope):
    """A scope whose transactions count as those of ATOMIC_REQUESTS."""

    def is_views(self, connection: Any, transaction: object) -> bool:
        return True


@pytest.mark.parametrize(
    "statement",
    ["SET LOCAL app.tenant = 'two'", "SELECT set_config('app.tenant', 'two', true)"],
)
def test_what_was_told_for_a_transaction_is_over_with_it(statement: str):
    with inside(ViewScope()):
        with transaction.atomic():
            assert notes() == ALL
            execute(statement)
            assert notes() == [("default", "of two")]
    with scope():
        assert notes() == ALL


def test_what_was_told_for_a_transaction_and_then_for_good_stays():
    with inside(ViewScope()), transaction.atomic():
        execute("SET LOCAL app.tenant = 'two'")
        tell("one")
    with scope():
        assert notes() == [("default", "of one")]


def test_after_a_rollback_the_primary_answers():
    with scope():
        tell("one", aliases=BOTH)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            tell("two")
            raise ZeroDivisionError
        assert notes() == [("default", "of one")]


def test_after_a_savepoint_was_rolled_back_the_primary_answers():
    with inside(ViewScope()):
        tell("one", aliases=BOTH)
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                tell("two")
                raise ZeroDivisionError
            assert notes() == [("default", "of one")]


def test_raw_sql_on_a_read_connection_sees_the_tenants_rows():
    with scope():
        tell("one", aliases=BOTH)
        with read_connection().cursor() as cursor:
            cursor.execute("SELECT text FROM notes_note")
            assert (cursor.db.alias, cursor.fetchall()) == ("replica1", [("of one",)])
        tell("two")
        assert read_connection().alias == "default"


def test_a_replica_that_the_project_reads_by_using_has_settings_of_its_own():
    with scope():
        tell("one")
        tell("two", aliases=("replica1",))
        assert [note.text for note in Note.objects.using("replica1")] == ["of two"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM notes_note WHERE 0 < (SELECT count(*) FROM pg_settings)",
        "SELECT * FROM notes_note WHERE make_interval(days := 3) IS NOT NULL",
        "SELECT * FROM notes_note WHERE query_to_xml('SELECT 1', true, true, '') IS NOT NULL",
        "SELECT * FROM notes_note WHERE set_config('app.other', '1', false) = '1'",
    ],
)
def test_a_query_that_may_change_its_session_is_compared_as_others_are(text: str):
    with scope():
        assert notes() == ALL
        tell("one")
        assert [note.text for note in Note.objects.raw(text)] == ["of one"]


def test_what_may_tell_and_show_is_compared_as_queries_are_if_the_router_sent_it():
    for alias in BOTH:
        execute("PREPARE shown AS SELECT * FROM notes_note", alias)
    with scope():
        tell("one")
        assert [note.text for note in Note.objects.raw("EXECUTE shown")] == ["of one"]


def test_a_cursor_of_a_connection_that_the_router_gave_is_compared_as_well():
    with scope():
        tell("one")
        using = router.db_for_read(Note)
        with connections[using].cursor() as cur:
            for _ in range(2):
                cur.execute("SELECT text FROM notes_note")
                assert cur.fetchall() == [("of one",)]


def test_a_raw_transaction_on_the_replica_that_is_rolled_back_counts():
    with scope():
        for statement in ("BEGIN", "SET app.tenant = 'one'", "ROLLBACK"):
            execute(statement, "replica1")
        tell("one", "SET")
        assert notes() == [("default", "of one")]


def test_a_receiver_of_an_app_that_stands_before_ours_is_seen():
    def receive(connection: Any, **_: Any) -> None:
        if connection.alias == "default":
            with connection.cursor() as cursor:
                cursor.execute("SET app.tenant = 'one'")

    connections["default"].close()
    connection_created.connect(receive)
    try:
        names = [each[0][0] for each in connection_created.receivers]
        assert names.index("pinning.databases") < names.index(id(receive))
        with scope():
            execute("SELECT 1")
            assert notes() == [("default", "of one")]
    finally:
        connection_created.disconnect(receive)
        connections["default"].close()


def test_a_replica_that_alone_was_told_something_is_not_read():
    with scope():
        tell("one", aliases=("replica1",))
        assert notes() == [("default", "of one"), ("default", "of two")]


def test_a_replica_that_dies_shows_nobody_anothers_rows(site: Pair):
    """The replica's session was for tenant two, the primary's last for tenant one."""
    with scope():
        tell("two", aliases=BOTH)
        assert notes() == [("replica1", "of two")]
        site.replica.execute(TERMINATE)
        shown: list[tuple[str, str]] = []
        with contextlib.suppress(OperationalError):
            shown = notes()
        assert {text for _, text in shown} <= {"of two"}
        assert notes() == [("default", "of two")]


def pooled(alias: str, **pool: Any) -> DatabaseWrapper:
    settings = {**connections[alias].settings_dict, "CONN_MAX_AGE": 0}
    connections[alias].close()
    pool = {"min_size": 1, "max_size": 1, **pool}
    return DatabaseWrapper({**settings, "OPTIONS": {"pool": pool}}, alias)


def test_a_session_of_a_pool_that_was_told_something_is_like_no_other():
    for alias in BOTH:
        connections[alias] = pooled(alias)
    try:
        with scope():
            assert notes() == ALL
            tell("one", aliases=BOTH)
            assert notes() == [("replica1", "of one")]
        for alias in BOTH:
            connections[alias].close()
        with scope():
            tell("two", aliases=BOTH)
            assert notes() == [("default", "of two")]
    finally:
        for alias in BOTH:
            connections[alias].close()


def test_a_session_of_a_pool_that_was_told_something_for_a_transaction_is_as_before():
    connections["default"] = pooled("default")
    try:
        with scope(), transaction.atomic():
            execute("SET LOCAL app.tenant = 'two'")
        connections["default"].close()
        with scope():
            execute("SELECT 1")
            assert notes() == ALL
    finally:
        connections["default"].close()


def test_what_a_receiver_tells_each_new_connection_is_the_same_for_all():
    def receive(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path = public")

    for alias in BOTH:
        connections[alias].close()
    connection_created.connect(receive)
    try:
        with scope():
            execute("SELECT 1")
            assert notes() == ALL
    finally:
        connection_created.disconnect(receive)


@pytest.mark.parametrize(
    "statement", ["SET statement_timeout = 5000", "SET CONSTRAINTS ALL IMMEDIATE"]
)
def test_a_setting_by_which_the_rows_stay_the_same_moves_no_read(statement: str):
    with scope():
        execute(statement)
        assert notes() == ALL


@pytest.mark.parametrize("name", ["zone", "match", "total", '"filter"', "set_tenant"])
def test_an_own_function_may_tell_whatever_its_name(site: Pair, name: str):
    """Its name is that of a keyword, or of what another vendor has."""
    site.execute(
        f"CREATE FUNCTION {name}(tenant text) RETURNS text LANGUAGE sql"
        " AS $$ SELECT set_config('app.tenant', tenant, false) $$;"
        f" GRANT EXECUTE ON FUNCTION {name}(text) TO web"
    )
    site.replica.wait_until_caught_up()
    try:
        with scope():
            for alias in BOTH:
                execute(f"SELECT {name}('one')", alias)
        with scope():
            execute(f"SELECT {name}('two')")
            assert notes() == [("default", "of two")]
    finally:
        site.execute(f"DROP FUNCTION {name}(text)")


def test_what_calls_a_temporary_function_of_an_earlier_scope_runs_where_that_is():
    with scope():
        execute("CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS $$ SELECT 7 $$")
    with scope():
        mine = [note.mine for note in Note.objects.extra(select={"mine": "pg_temp.mine()"})]
    assert mine == [7, 7]
