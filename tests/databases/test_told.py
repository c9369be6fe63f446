"""What a statement tells its session, of what decides which rows that sees: two lists of SQL."""

import pytest

from pinning.databases.locks import holds_for_transaction
from pinning.databases.told import Told, forgets, names_in, told_by

TELLS = {
    "SET app.tenant = 1": {"app.tenant"},
    'set "App"."Tenant" to 1': {"app.tenant"},
    "SET SESSION app.tenant = 1": {"app.tenant"},
    "SET LOCAL app.tenant = 1": {"app.tenant"},
    "RESET app.tenant": {"app.tenant"},
    "/* who */ -- why\n SET app.tenant = 1": {"app.tenant"},
    "SET search_path = one, public": {"search_path"},
    "SET SCHEMA 'one'": {"schema"},
    "SET ROLE one": {"role"},
    "RESET ROLE": {"role"},
    "SET SESSION AUTHORIZATION one": {"session authorization"},
    "set  session   authorization one": {"session authorization"},
    "SET row_security = off": {"row_security"},
    "SELECT 1; SET app.tenant = 1": {"app.tenant"},
    "SELECT set_config('app.tenant', '1', false)": {"app.tenant"},
    "select pg_catalog.set_config( 'app.tenant', %s, true)": {"app.tenant"},
    "SELECT \"set_config\" ('app.tenant', '1', false)": {"app.tenant"},
    "SELECT set_config('app.a', %s, false), set_config('app.b', %s, false)": {"app.a", "app.b"},
    "SELECT set_config(%s, %s, false)": {"%s"},
    "SELECT set_config(name, value, false) FROM settings": {"?"},
    "WITH t AS (SELECT set_config('app.tenant', '1', false)) SELECT * FROM t": {"app.tenant"},
    "SET @tenant = 1": {"@tenant"},
    "SET @a = 1, @b = 2": {"@a", "@b"},
    "SELECT @tenant := 2": {"@tenant"},
    "SELECT 2 INTO @tenant": {"@tenant"},
    "SELECT 2 INTO @`tenant`": {"@tenant"},
    "SET @`tenant` = 1": {"?"},
    "# who\nSET @tenant = 1": {"@tenant"},
    "SET app.tenant TO -1": {"app.tenant"},
    "SET /* who */ app.tenant = 1": {"?"},
    "SET -- who\n app.tenant = 1": {"?"},
    "SET LOCAL /* who */ ROLE one": {"?"},
    "SET SESSION /* who */ AUTHORIZATION one": {"?"},
    "SET app . tenant = 1": {"?"},
    "SET app/* who */.tenant = 1": {"?"},
    "RESET/**/app.tenant": {"?"},
    "SELECT 1; /* who */ SET app.tenant = 1": {"app.tenant"},
    "/* a /* b */ c */ SET app.tenant = 1": {"app.tenant"},
    "SELECT set_config/* who */('app.tenant', '1', false)": {"?"},
    "BEGIN; SELECT set_config('app.tenant', '1', false); COMMIT": {"app.tenant"},
    "EXPLAIN ANALYZE SELECT set_config('app.tenant', '1', false)": {"app.tenant"},
    "INSERT INTO notes_note SELECT set_config('app.tenant', '1', false)": {"app.tenant"},
    "DO $$ BEGIN PERFORM set_config('app.tenant', '1', false); END $$": {"app.tenant"},
    "DO $$ BEGIN SET app.tenant = 1; END $$": {"app.tenant"},
    "BEGIN NOT ATOMIC SET @tenant := 1; END": {"@tenant"},
    "USE other": {"use"},
}

TELLS_NOTHING = [
    "",
    "SELECT 1",
    'SELECT "notes_note"."id" FROM "notes_note" WHERE "notes_note"."text" = %s',
    'UPDATE "app"."note" SET "app"."text" = %s',
    "SELECT data @> '{}' FROM notes_note",
    "SELECT @@version",
    "SET TIME ZONE 'UTC'",
    "SET statement_timeout = 3",
    "SELECT set_config('statement_timeout', '3', false)",
    "SET @@session.sql_mode = ''",
    "SAVEPOINT s",
    "SELECT 'set app.tenant = 1'",
    "RESET ALL",
    "DISCARD ALL",
]

REPEATABLE = [
    "SET app.tenant = 'one'",
    " set session search_path to one , public ; ",
    "RESET app.tenant",
    "SELECT set_config('app.tenant', %s, false)",
    "SELECT set_config('app.a', %s, false), pg_catalog.set_config('app.b', '2', false);",
    "USE other",
    "SET @tenant = 1",
]

NOT_REPEATABLE = [
    "SET  LOCAL app.tenant = 1",
    "SET /* who */ LOCAL app.tenant = 1",
    "SET LOCAL app.tenant = 1",
    "SET app.tenant = 1; DELETE FROM notes_note",
    "SET app.tenant = 1; SELECT 1",
    "SET @tenant = (SELECT id FROM tenant)",
    "SET @tenant = 1, GLOBAL max_connections = 1",
    "SELECT set_config('app.tenant', %s, true)",
    "SELECT set_config('app.tenant', %s, %s)",
    "SELECT set_config('app.tenant', id::text, false) FROM tenant",
    "SELECT set_config('app.tenant', '1', false), create_order()",
    "SELECT set_config(name, value, false) FROM settings",
]


@pytest.mark.parametrize(("sql", "names"), TELLS.items())
def test_the_names_of_what_a_statement_tells(sql: str, names: set[str]):
    assert set(names_in(sql)) == names


@pytest.mark.parametrize("sql", TELLS_NOTHING)
def test_a_statement_that_tells_nothing(sql: str):
    assert names_in(sql) == ()


@pytest.mark.parametrize("sql", REPEATABLE)
def test_what_may_be_told_to_another_session(sql: str):
    assert all(told.is_repeatable for told in told_by(sql, ["1"], many=False).values())


@pytest.mark.parametrize("sql", NOT_REPEATABLE)
def test_what_may_not_be_told_to_another_session(sql: str):
    assert not any(told.is_repeatable for told in told_by(sql, ["1", "2"], many=False).values())


def test_what_was_told_with_many_parameters_is_not_told_to_another_session():
    told = told_by("SELECT set_config('app.tenant', %s, false)", [["1"], ["2"]], many=True)
    assert not told["app.tenant"].is_repeatable


def test_a_name_may_be_a_parameter():
    assert set(told_by("SELECT set_config(%s, %s, false)", ["App.Tenant", "1"], False)) == {
        "app.tenant"
    }
    assert set(told_by("SELECT set_config(%s, %s, false)", {"a": 1}, many=False)) == {"?"}
    two = "SELECT set_config(%s, '1', false), set_config(%s, '2', false)"
    assert set(told_by(two, ["app.a", "app.b"], many=False)) == {"?"}


@pytest.mark.parametrize(
    "sql", ["SET LOCAL app.tenant = 1", "SELECT set_config('app.tenant', '1', true)"]
)
def test_what_holds_for_the_transaction_alone(sql: str):
    assert told_by(sql, None, many=False)["app.tenant"].is_local


@pytest.mark.parametrize(
    ("sql", "expected"),
    [("RESET ALL", True), (" discard  all;", True), ("DISCARD PLANS", False), ("SELECT 1", False)],
)
def test_what_lets_a_session_forget(sql: str, expected: bool):
    assert forgets(sql) is expected


def test_a_list_of_parameters_that_is_changed_later_was_told_as_it_was():
    params = ["1"]
    told = told_by("SELECT set_config('app.tenant', %s, false)", params, many=False)["app.tenant"]
    params[0] = "2"
    assert told.params == ("1",)


def test_what_is_unsure_is_like_nothing():
    assert not Told.unsure().is_like(Told.unsure())


@pytest.mark.parametrize(
    "sql",
    [
        "/*" * 30_000,
        "SET " * 20_000,
        "set_config(" * 10_000,
        "@" * 60_000,
        "-- \r" * 20_000,
        "SELECT set_config('a', 'b', false)" + ", " * 30_000,
        "a." * 30_000,
        "SET " + "a" * 60_000,
        ";set" * 20_000,
        "set_config" + '"' * 60_000,
        ";" + " " * 60_000,
        "SET" + " " * 60_000,
        "SET" + " " * 60_000 + "app.tenant = (",
        "SET app.tenant = '" + " " * 60_000 + "('",
        "SELECT set_config('app.tenant', '1', false)" + " " * 60_000 + "x",
        "SELECT set_config('app.tenant'," + " " * 60_000 + "x",
        "LOCK TABLES " * 30_000,
        "USE other" + " " * 60_000 + "(",
        "set_config/*" * 10_000,
        "SELECT @a := 1" + "@`" * 30_001,
        "into" + " " * 60_000,
    ],
)
def test_long_statements_are_read_in_linear_time(sql: str):
    """A quadratic rule would need minutes."""
    told_by(sql, None, many=False)
    forgets(sql)
    holds_for_transaction(sql)
