"""Row-level security: which rows a session sees depends on what it was told.

The tenant is set as projects set it, on the primary's connection. Nobody may see another's rows.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from pinning import read_connection, scope
from pinning.databases import state_of
from pinning.exceptions import DifferentSessionError
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


def tell(tenant: str, way: str = "set_config", alias: str = "default") -> None:
    with connections[alias].cursor() as cursor:
        statement, params = WAYS[way](tenant)
        cursor.execute(statement, params or None)


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


@pytest.mark.parametrize("way", WAYS)
def test_what_the_primary_was_told_is_told_to_the_replica(way: str):
    for tenant in ("one", "two", "one"):
        with scope():
            tell(tenant, way)
            assert notes() == [("replica1", f"of {tenant}")]


@pytest.mark.parametrize(
    "statement",
    [
        "SET /* who */ app.tenant = 'one'",
        "SET app . tenant = 'one'",
        "/* a /* b */ c */ SET app.tenant = 'one'",
        "SELECT set_config/* who */('app.tenant', 'one', false)",
        "EXPLAIN ANALYZE SELECT set_config('app.tenant', 'one', false)",
    ],
)
def test_what_is_told_in_an_odd_form_keeps_the_reads_on_the_primary(statement: str):
    with scope():
        with connections["default"].cursor() as cursor:
            cursor.execute(statement)
        assert notes() == [("default", "of one")]


def test_the_tenant_may_change_within_a_scope():
    with scope():
        for tenant in ("one", "two"):
            tell(tenant)
            assert notes() == [("replica1", f"of {tenant}")]


def test_what_an_earlier_request_has_told_a_kept_connection_is_told_to_nobody():
    with scope():
        tell("one")
        assert notes() == [("replica1", "of one")]
    with scope():  # it may be about to tell the primary, and has not yet
        assert notes() == [("default", "of one")]
        tell("two")
        assert notes() == [("default", "of two")]


def test_a_wrapper_that_tells_the_primary_late_is_asked():
    def with_tenant(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        with context["connection"].connection.cursor() as cursor:
            cursor.execute(*WAYS["set_config"]("two"))
        return execute(sql, params, many, context)

    with scope():
        tell("one")
        assert notes() == [("replica1", "of one")]
    with scope(), connections["default"].execute_wrapper(with_tenant):
        assert notes() == [("default", "of two")]


def test_a_primary_that_connected_again_was_told_nothing(site: Pair):
    with scope():
        tell("one")
        assert notes() == [("replica1", "of one")]
    connections["default"].close()
    with scope():
        assert notes() == [("default", "of one"), ("default", "of two")]
    connections["replica1"].close_if_unusable_or_obsolete()  # as at the end of a request
    with scope():
        assert notes() == [("replica1", "of one"), ("replica1", "of two")]


def test_a_setting_that_is_reset_is_reset_on_the_replica():
    with scope():
        tell("one")
        assert notes() == [("replica1", "of one")]
        with connections["default"].cursor() as cursor:
            cursor.execute("RESET app.tenant")
        assert notes() == [("replica1", "of one"), ("replica1", "of two")]


class ViewScope(Scope):
    """A scope whose transactions count as those of ATOMIC_REQUESTS."""

    def is_view_transaction(self, connection: Any, transaction: object) -> bool:
        return True


def execute(statement: str, alias: str = "default") -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)


def test_a_setting_of_one_transaction_keeps_its_reads_on_the_primary():
    with inside(ViewScope()), transaction.atomic():
        execute("SET LOCAL app.tenant = 'two'")
        assert notes() == [("default", "of two")]
    with scope():
        assert notes() == [("replica1", "of one"), ("replica1", "of two")]


def test_a_setting_that_was_hidden_for_a_transaction_holds_again():
    with scope():
        tell("one")
        with transaction.atomic():
            execute("SET LOCAL app.tenant = 'two'")
        assert notes() == [("replica1", "of one")]


def test_a_setting_that_was_rolled_back_holds_no_longer():
    with scope():
        tell("one")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            tell("two")
            raise ZeroDivisionError
        assert notes() == [("replica1", "of one")]


def test_after_a_savepoint_was_rolled_back_the_primary_answers():
    with inside(ViewScope()):
        tell("one")
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                tell("two")
                raise ZeroDivisionError
            assert notes() == [("default", "of one")]


def test_raw_sql_on_a_read_connection_sees_the_tenants_rows():
    with scope():
        tell("one")
        with read_connection().cursor() as cursor:
            cursor.execute("SELECT text FROM notes_note")
            assert (cursor.db.alias, cursor.fetchall()) == ("replica1", [("of one",)])
    with scope():
        with read_connection().cursor() as cursor:
            assert cursor.db.alias == "default"


def test_a_read_by_using_sees_the_tenants_rows_or_is_an_error():
    with scope():
        tell("one")
        assert [note.text for note in Note.objects.using("replica1")] == ["of one"]
    with scope(), pytest.raises(DifferentSessionError, match="SELECT set_config"):
        list(Note.objects.using("replica1"))


def test_what_a_project_tells_the_replica_itself_is_left_to_it():
    with scope():
        tell("one")
    with scope():
        tell("two", alias="replica1")
        assert notes() == [("replica1", "of two")]


def test_what_a_project_told_the_replica_once_gives_way_to_what_it_tells_the_primary():
    with scope():
        tell("one", alias="replica1")
    with scope():
        tell("two")
        assert notes() == [("default", "of two")]


@pytest.mark.parametrize("alias", ["default", "replica1"])
def test_a_replica_that_dies_shows_nobody_anothers_rows(site: Pair, alias: str):
    """The replica's session was for tenant two, the primary's last for tenant one."""
    with scope():
        tell("one")
    with scope():
        tell("two", alias=alias)
        assert notes() == [("replica1", "of two")]
        site.replica.execute(TERMINATE)
        try:
            shown = notes()
        except OperationalError:
            shown = notes() if alias == "default" else []
        assert {text for _, text in shown} <= {"of two"}


def test_a_session_of_a_pool_is_told_anew(site: Pair):
    settings = connections["replica1"].settings_dict
    pooled = {**settings, "OPTIONS": {"pool": {"min_size": 1, "max_size": 1}}}
    connections["replica1"] = DatabaseWrapper(pooled, alias="replica1")
    with scope():
        tell("one")
        assert notes() == [("replica1", "of one")]
    connections["replica1"].close()
    connections["default"].close()
    with scope():
        assert notes() == [("default", "of one"), ("default", "of two")]
    connections["replica1"].close_pool()


def test_a_session_that_its_pool_has_reset_is_told_anew(site: Pair):
    def reset(driver: Any) -> None:
        driver.autocommit = True
        driver.execute("RESET ALL")

    pool = {"min_size": 1, "max_size": 1, "reset": reset}
    for alias in ("default", "replica1"):
        settings = {**connections[alias].settings_dict, "CONN_MAX_AGE": 0}
        connections[alias].close()
        connections[alias] = DatabaseWrapper({**settings, "OPTIONS": {"pool": pool}}, alias)
    for _ in range(2):
        with scope():
            tell("one")
            assert not state_of(connections["replica1"]).told  # it has no session yet
            assert notes() == [("replica1", "of one")]
        for alias in ("default", "replica1"):
            connections[alias].close()
    for alias in ("default", "replica1"):
        connections[alias].close_pool()


def test_a_schema_is_told_as_well(site: Pair):
    site.execute("CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO web")
    site.execute("CREATE TABLE other.notes_note (LIKE notes_note INCLUDING ALL)")
    site.execute("GRANT ALL ON other.notes_note TO web")
    site.replica.wait_until_caught_up()
    try:
        with scope() as work:
            execute("SET search_path = other, public")
            work.trace = []
            assert notes() == []
            assert work.trace[0].alias == "replica1"
    finally:
        site.execute("DROP SCHEMA other CASCADE")
