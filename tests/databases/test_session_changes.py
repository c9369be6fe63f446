"""Which statements change the rows that their session shows: lists of both sides."""

import pytest

from pinning.databases.session_changes import is_local, is_repeatable
from pinning.databases.statements import statement_of

CHANGES = [
    "SET app.tenant = 1",
    'set "App"."Tenant" to 1',
    "SET SESSION app.tenant = 1",
    "SET LOCAL app.tenant = 1",
    "SET/**/LOCAL/**/app.tenant = 1",
    "SET app . tenant = 1",
    "RESET app.tenant",
    "RESET ALL",
    "/* who */ RESET ALL",
    "DISCARD ALL",
    "/* who */ -- why\n SET app.tenant = 1",
    "# who\nSET @tenant = 1",
    "/* a /* b */ c */ SET app.tenant = 1",
    "SET search_path = one, public",
    "SET SCHEMA 'one'",
    "SET ROLE one",
    "SET SESSION AUTHORIZATION one",
    "SET session_authorization = one",
    "SET row_security = off",
    "SET TIME ZONE 'UTC'",
    "ALTER SESSION SET CURRENT_SCHEMA = one",
    "SELECT query_to_xml(%s, true, true, '')",
    "WITH a AS (UPDATE pg_settings SET setting = '1') SELECT 1",
    "SELECT @a/**/:= 1",
    "SET TRANSACTION SNAPSHOT '1'",
    "SET @@session.sql_mode = ''",
    "SET statement_timeout = 1, @tenant = 2",
    "SET statement_timeout = 1; SET app.tenant = 2",
    "SELECT 1; SET app.tenant = 1",
    "SET CONSTRAINTS ALL IMMEDIATE; SET app.tenant = 1",
    "SET constraints.tenant = 1",
    'SET "constraints" = 1',
    "SELECT 1; SET",
    "SELECT 1; /* who */ SET app.tenant = 1",
    "BEGIN; SET app.tenant = 1; COMMIT",
    "BEGIN NOT ATOMIC SET @tenant := 1; END",
    "SELECT set_config('app.tenant', '1', false)",
    "select pg_catalog.set_config( 'app.tenant', %s, true)",
    "SELECT \"set_config\" ('app.tenant', '1', false)",
    "SELECT U&\"set\\005fconfig\"('app.tenant', '1', false)",
    "SELECT set_config/* who */('app.tenant', '1', false)",
    "WITH t AS (SELECT set_config('app.tenant', '1', false)) SELECT * FROM t",
    "EXPLAIN ANALYZE SELECT set_config('app.tenant', '1', false)",
    "INSERT INTO notes_note SELECT set_config('app.tenant', '1', false)",
    "UPDATE pg_settings SET setting = '1' WHERE name = 'app.tenant'",
    "DO $$ BEGIN PERFORM f(); END $$",
    "CALL set_tenant(1)",
    "SELECT 1; SET a.b = 1; " + "SELECT a.b, " * 3000,
    "CREATE FUNCTION f() AS $$ 1; $$; SET app.tenant = 1",
    "CREATE FUNCTION f() AS $$ 1; $$; CREATE FUNCTION g() AS $$ 2; $$; SET a.b = '$$'",
    "CREATE FUNCTION f(a text = '$$') RETURNS int AS 'a'; SET ROLE one; SELECT '$$'",
    "CREATE FUNCTION f() RETURNS int AS 'a' -- $$\n; SET ROLE one; SELECT 1 -- $$",
    "CREATE FUNCTION f$$() RETURNS int AS 'a'; SET ROLE one; SELECT 1 AS f$$",
    "CREATE FUNCTION f() RETURNS int AS$$ 'a'; SET ROLE one; SELECT 1 AS$$",
    "CREATE FUNCTION f() RETURNS int RETURN (SELECT 1 AS $$); SET @tenant = 1; SELECT 1 AS $$",
    "CREATE PROCEDURE f() UPDATE a AS $$ SET b = 1; SET @tenant = 1; SELECT 1 AS $$",
    'CREATE VIEW "pg_temp"."notes_note" AS SELECT 1',
    'SELECT * INTO "pg_temp"."notes_note" FROM other',
    "SELECT 1e1INTO @a",
    "SELECT 1.e1INTO @a",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "SELECT @tenant := 2",
    "SELECT 2 INTO @tenant",
    "SELECT 2 INTO /* who */ @`tenant`",
    "SELECT f() INTO @a, @b",
    "USE other",
    "CREATE TEMP TABLE notes_note (id int)",
    "create or replace temporary view notes_note as select 1",
    "CREATE TABLE pg_temp.notes_note (id int)",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
    'CREATE FUNCTION "pg_temp".f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    "CREATE OR REPLACE FUNCTION Pg_Temp_3.f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
    "SELECT 1 AS id INTO TEMP notes_note",
    "LOAD DATA INFILE 'a' INTO TABLE b (@tenant)",
    "LOAD 'library'",
    "ATTACH DATABASE 'a' AS b",
    "XA START 'a'",
]

CHANGES_NOTHING = [
    "",
    "SELECT 1",
    'SELECT "notes_note"."id" FROM "notes_note" WHERE "notes_note"."text" = %s',
    'SELECT "weather"."temp" FROM "weather"',
    "SELECT temp, temporary FROM weather",
    'UPDATE "app"."note" SET "app"."text" = %s',
    "INSERT INTO notes_note (text) VALUES (%s)",
    "SELECT data @> '{}' FROM notes_note",
    "SELECT @@version",
    "SELECT archive_notes()",
    "SELECT make_interval(days := 3)",
    "SELECT setting FROM pg_settings WHERE name = 'jit'",
    "/* tag */ SET lock_timeout = '5s'",
    "SET jit = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SELECT set_config('statement_timeout', '5000', false)",
    "SELECT set_config('pgtrigger.ignore', NULL, false)",
    "CREATE FUNCTION a.f(b int) RETURNS setof int LANGUAGE sql STABLE AS $$ SELECT 1; $$",
    "CREATE FUNCTION f() RETURNS trigger AS $x$ BEGIN a := 1; END; $x$ LANGUAGE plpgsql;",
    'UPDATE "a" SET "b" = CASE' + ' WHEN ("a"."id" = %s) THEN %s' * 3000 + " END",
    "SELECT 1 WHERE 1 IN (" + "%s, " * 270_000 + "%s)",
    "SELECT pg_advisory_lock(1)",
    "SELECT 'set app.tenant = 1'",
    "SELECT * FROM notes_note FOR UPDATE",
    "SET statement_timeout = 3",
    "set local statement_timeout to '3s';",
    "RESET statement_timeout",
    "SET CONSTRAINTS ALL IMMEDIATE",
    # Django's migrations
    'ALTER TABLE "a" ADD COLUMN "b" integer; SET CONSTRAINTS "b_fk" IMMEDIATE',
    'SET CONSTRAINTS "b_fk" IMMEDIATE; ALTER TABLE "a" DROP CONSTRAINT "b_fk"',
    """UPDATE "a" SET "b" = '' WHERE "b" IS NULL; SET CONSTRAINTS ALL IMMEDIATE""",
    "SET foreign_key_checks=0",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET TRANSACTION READ ONLY",
    "BEGIN",
    "START TRANSACTION",
    "BEGIN; ",
    "DECLARE c CURSOR FOR SELECT 1",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "LOCK TABLE notes_note",
    "LISTEN a",
    "SELECT 1; SELECT 2",
    "INSERT INTO a VALUES (1); UPDATE b SET c = 2",
    "TRUNCATE notes_note",
    "CREATE TABLE notes_note (id int)",
    "ALTER TABLE notes_note ADD COLUMN temp int",
    "PRAGMA foreign_keys = ON",
]

REPEATABLE = [
    "SET app.tenant = 'one'",
    " set session search_path to one , public ; ",
    "RESET app.tenant",
    "DISCARD ALL",
    "SELECT set_config('app.tenant', %s, false)",
    "SELECT set_config('app.a', %s, false), pg_catalog.set_config('app.b', '2', false);",
    "USE other",
    "SET @tenant = 1, @other = @tenant",
]

NOT_REPEATABLE = [
    "SET @tenant = PREVIOUS VALUE FOR notes",
    "SET @tenant = notes.currval",
    "SET app.tenant = 1; DELETE FROM notes_note",
    "SET @tenant = (SELECT id FROM tenant)",
    "SET @tenant = @@last_insert_id",
    "SET @tenant = CURRENT_USER",
    "SET search_path = pg_temp, public",
    "SELECT set_config('app.tenant', %s, true)",
    "SELECT set_config('app.tenant', %s, %s)",
    "SELECT set_config('app.tenant', id::text, false) FROM tenant",
    "SELECT set_config('app.tenant', '1', false), create_order()",
    "SELECT set_config(name, value, false) FROM settings",
    "CREATE TEMP TABLE notes_note (id int)",
    "CALL set_tenant(1)",
]


@pytest.mark.parametrize("sql", CHANGES)
def test_what_changes_the_rows_that_a_session_shows(sql: str):
    assert statement_of(sql).changes_session
    assert statement_of(sql).marks


@pytest.mark.parametrize("sql", CHANGES_NOTHING)
def test_what_leaves_the_rows_that_a_session_shows(sql: str):
    assert not statement_of(sql).changes_session


@pytest.mark.parametrize("sql", REPEATABLE)
def test_what_is_the_same_for_each_session(sql: str):
    assert is_repeatable(sql, ["1"])


@pytest.mark.parametrize("sql", NOT_REPEATABLE)
def test_what_may_be_another_thing_for_another_session(sql: str):
    assert not is_repeatable(sql, None)


class Word:
    """Its representation does not show its value."""

    def __repr__(self) -> str:
        return "Word"


@pytest.mark.parametrize("params", [[Word()], {"a": "1"}, [["1"]], "1"])
def test_parameters_that_cannot_be_compared(params: object):
    assert not is_repeatable("SELECT set_config('app.tenant', %s, false)", params)


LOCAL = [
    "SET LOCAL app.tenant = 1;",
    "SET  local ROLE one",
    "SELECT set_config('app.tenant', '1', true)",
    "SELECT set_config('a.b', %s, true), pg_catalog.set_config('a.c', %s, true);",
]

NOT_LOCAL = [
    "SET LOCAL a.b = 1; SET a.b = 2",
    "SELECT set_config('a.b', '1', true); SET a.b = 2",
    "SELECT set_config('a.b', '1', false)",
    "SELECT 'select set_config('||set_config($$a.b$$,$$1$$,false)||','||1||',true);'",
]


@pytest.mark.parametrize("sql", LOCAL)
def test_what_is_over_with_the_transaction(sql: str):
    assert is_local(sql)


@pytest.mark.parametrize("sql", NOT_LOCAL)
def test_what_may_last_longer_than_the_transaction(sql: str):
    assert not is_local(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SET " * 20_000,
        "set_config(" * 10_000,
        "@" * 60_000,
        "SELECT set_config('a', 'b', false)" + ", " * 30_000,
        "a." * 30_000,
        ";set" * 20_000,
        "SET" + " " * 60_000 + "app.tenant = (",
        "SET app.tenant = '" + " " * 60_000 + "('",
        "SELECT set_config('app.tenant', '1', false)" + " " * 60_000 + "x",
        "SELECT set_config('app.tenant'," + " " * 60_000 + "x",
        "USE other" + " " * 60_000 + "(",
        "set @@" * 10_000,
        "into" + " " * 60_000,
        "into" * 20_000,
        "set local " * 10_000,
        "create " * 10_000,
        "SELECT '" + "update " * 140_000 + "'",
        "SELECT '" + "pg_settings " * 80_000 + "'",
    ],
)
def test_long_statements_are_read_in_linear_time(sql: str):
    """A quadratic rule would need minutes."""
    assert statement_of(sql) is not None
    is_repeatable(sql, None)
    is_local(sql)
