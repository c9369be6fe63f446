"""Which statements may leave a mark on their session, and which may lock: lists of both sides."""

import ast
from pathlib import Path

import pytest
from psycopg import sql as composable

import pinning
from pinning.databases.statements import as_text, statement_of

HARMLESS = [
    "",
    "SELECT 1",
    "SELECT count(*), max(n), coalesce(a, b) FROM notes WHERE id IN (1) AND (a OR (b))",
    "SELECT COUNT ( * ) FROM notes",
    'SELECT "count"(*) FROM notes',
    "SELECT pg_catalog.count(*) FROM notes",
    "SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM notes",
    "SELECT CAST(a AS varchar(10)), a::numeric(3, 2) FROM notes",
    "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM notes",
    "SELECT array_agg(a ORDER BY b) FILTER (WHERE (c)) FROM notes",
    "WITH RECURSIVE n (a, b) AS (SELECT 1, 2) SELECT * FROM n",
    "SELECT * FROM unnest(%s) AS t(a, b)",
    "SELECT array(SELECT 1) FROM unnest(%s) WITH ORDINALITY t(a, b)",
    "SELECT rand(3), random(), now()",
    "SELECT a.b FROM a",
    "SELECT current_setting('app.tenant', true)",
    "SELECT @x",
    "SELECT * FROM notes FOR UPDATE",
    "SHOW search_path",
    "SHOW TABLES",
    "EXPLAIN SELECT 1",
    "EXPLAIN (ANALYZE, BUFFERS) SELECT 1",
    "ANALYZE FORMAT=JSON SELECT 1",
    "PRAGMA foreign_keys",
    "SAVEPOINT a",
    "RELEASE SAVEPOINT a",
    "ROLLBACK TO SAVEPOINT a",
    "INSERT INTO notes (text) VALUES (%s)",
    'INSERT INTO "public"."notes" ("text") VALUES (%s) RETURNING "public"."notes"."id"',
    "INSERT INTO notes (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = excluded.a",
    "INSERT INTO `notes` (`a`) VALUES (1) ON DUPLICATE KEY UPDATE `a` = VALUES(`a`)",
    "UPDATE notes SET (a, b) = (1, 2) WHERE id IN (3)",
    "DELETE FROM notes WHERE lower(text) = 'a'",
]

MARKS = [
    # Settings
    "SELECT set_config('app.tenant', '2', false)",
    "SELECT pg_catalog.set_config('app.tenant', '2', false)",
    "SELECT \"set_config\"/**/('app.tenant', '2', false)",
    "select Set_Config('app.tenant', '2', false)",
    "EXPLAIN ANALYZE SELECT set_config('app.tenant', '2', false)",
    "SHOW TABLES WHERE f(1)",
    "SET app.tenant = '2'",
    "SET LOCAL statement_timeout = 1",
    "RESET ALL",
    "DISCARD ALL",
    "USE notes",
    # Variables and seeds
    "SELECT @t := 2",
    "SELECT @t:=2",
    "SET @t = 2",
    "SELECT setseed(0.5)",
    "SELECT (0.5::float8).setseed",
    "SELECT x.setseed FROM cast(0.5 AS float8) AS x",
    "SELECT LAST_INSERT_ID(5)",
    "SELECT nextval('s')",
    # Locks by name
    "SELECT pg_advisory_lock(1)",
    "SELECT (1).pg_advisory_lock",
    'SELECT (1)./**/"pg_advisory_lock"',
    "SELECT x.pg_advisory_lock FROM generate_series(1, 1) AS x",
    "SELECT GET_LOCK('a', 1)",
    "SELECT RELEASE_ALL_LOCKS()",
    # Other sessions, cursors, prepared statements, temporary tables, transactions
    "SELECT dblink_connect('x')",
    "LISTEN news",
    "PREPARE p AS SELECT 1",
    "DECLARE c CURSOR FOR SELECT 1",
    "FETCH 1 FROM c",
    "CREATE TEMP TABLE t (a int)",
    "SELECT 1 INTO TEMP t",
    "BEGIN",
    "START TRANSACTION",
    "COMMIT AND CHAIN",
    "LOCK TABLES notes READ",
    "PRAGMA foreign_keys = 0",
    "PRAGMA foreign_keys(0)",
    # What tells of the session's past, which another session does not have
    "SELECT lastval()",
    "SELECT FOUND_ROWS()",
    "SELECT PREVIOUS VALUE FOR s",
    "SELECT s.currval",
    # Keywords that are names of functions elsewhere
    "SELECT next('counter')",
    "SELECT key(1)",
    # Functions of the project's own
    "SELECT archive()",
    "SELECT public.count(1)",
    "SELECT pg_temp.lower('a')",
    'SELECT "Count"(1)',
    'SELECT "all"(1)',
    'SELECT "x""count"(1)',
    "SELECT %f(1)",
    "INSERT INTO notes SELECT set_config('app.tenant', '2', false)",
    "UPDATE notes SET text = set_config('app.tenant', '2', false)",
    "UPDATE notes SET a = (@t := 2)",
    # Hidden by another server's quotes and comments
    "SELECT '\\', set_config('app.tenant', '2', false) -- '",
    "SELECT '\\', set_config('app.tenant', '2', false), '\\'",
    "SELECT 1 -- \r, set_config('app.tenant', '2', false)",
    "SELECT 1 # 2, set_config('app.tenant', '2', false)\n",
    "SELECT 1 # 2\n, set_config('app.tenant', '2', false)",
    "SELECT $ü$'$ü$, set_config('app.tenant', '2', false) -- '",
    "SELECT E'a'\n'\\' , ', set_config('app.tenant', '2', false), '",
    "SELECT 1 /*! , set_config('app.tenant', '2', false) */",
    'SELECT U&"set\\005fconfig"(1)',
    # Several statements
    "SELECT 1; SELECT 2",
]


@pytest.mark.parametrize("sql", HARMLESS)
def test_it_leaves_no_mark(sql):
    assert not statement_of(sql).marks


@pytest.mark.parametrize("sql", MARKS)
def test_it_may_leave_a_mark(sql):
    assert statement_of(sql).marks


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM notes FOR UPDATE",
        "SELECT * FROM notes for/**/update nowait",
        "SELECT * FROM notes WHERE id < 1e1FOR SHARE",
        "SELECT * FROM notes WHERE id < 1e1LOCK IN SHARE MODE",
        "SELECT * FROM notes FOR NO KEY UPDATE",
        "SELECT * FROM notes FOR SHARE",
        "SELECT * FROM notes FOR KEY SHARE",
        "SELECT * FROM notes LOCK IN SHARE MODE",
        "SELECT * FROM (SELECT * FROM notes FOR UPDATE) AS n",
        "LOCK TABLE notes",
        "LOCK notes",
        "LOCK TABLES notes WRITE",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1)",
        "SELECT GET_LOCK('a', 1)",
        "SELECT lock_account(1)",
        "SELECT 1; SELECT 2",
        "CALL lock_all()",
        "EXPLAIN ANALYZE SELECT * FROM notes FOR UPDATE",
    ],
)
def test_it_may_lock(sql):
    assert statement_of(sql).locks


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM notes",
        'SELECT "for", "update" FROM notes',
        "SELECT substring(text FROM 1 FOR 2), share, locked FROM notes",
        "SELECT lock FROM doors",
        "SHOW search_path",
        "SAVEPOINT a",
        "COMMIT",
        "INSERT INTO notes (text) VALUES (%s)",
        "SELECT 'FOR UPDATE' -- FOR UPDATE",
    ],
)
def test_it_locks_nothing_that_it_reads(sql):
    assert not statement_of(sql).locks


@pytest.mark.parametrize(
    ("sql", "names_lock"),
    [
        ("SELECT * FROM notes FOR UPDATE", True),
        ("SELECT archive(), 1 FROM notes FOR SHARE", True),
        ("LOCK TABLE notes", True),
        ("SELECT id, pg_advisory_lock(7) FROM notes", True),
        ("SELECT (7).pg_advisory_lock", True),
        ('SELECT pg_catalog."pg_try_advisory_xact_lock_shared"(7)', True),
        ("SELECT Get_Lock('a', 1), text FROM notes", True),
        ("SELECT pg_advisory_unlock(7)", True),
        ("SELECT RELEASE_ALL_LOCKS()", True),
        ("SELECT 'a\\', get_lock('a', 1) -- '", True),
        # Most functions of a project's own only read
        ("SELECT distance_to(7) FROM notes", False),
        ("SELECT get_lock FROM notes", False),
        ("SELECT 'pg_advisory_lock(7)'", False),
        ("SELECT 1", False),
    ],
)
def test_it_locks_by_its_own_words(sql, names_lock):
    assert statement_of(sql).names_lock is names_lock


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        (b"SELECT 1", False),
        (b"DELETE FROM notes", True),
        (b"SELECT '\xff'", True),  # in another encoding, in which a backslash may be half a letter
        (composable.SQL("SELECT {}").format(composable.Identifier("update")), False),
        (composable.SQL("SELECT {}; DELETE FROM notes").format(1), True),
        (bytearray(b"SELECT 1"), True),
    ],
)
def test_what_a_driver_takes_besides_text(sql, writes):
    assert statement_of(as_text(sql, None)).writes is writes


#: What is called by these is a project's own function, unless the server has one of that name.
OWN = {
    "postgresql": [
        *("set", "match", "partition", "zone", "total", "transform", "sleep", "uuid", "slice"),
        *("value", "explain", "filter", "over", "within", "rows", "of", "join", "ilike", "by"),
        *("if", "ifnull", "space", "year", "iif", "crypt", "operator", "cube", "json", "xor"),
    ],
    "mysql": [
        *("zone", "filter", "total", "slice", "host", "scale", "iif", "trunc", "transform"),
        *("similarity", "to_tsvector", "similar", "materialized", "sets"),
    ],
}


@pytest.mark.parametrize(
    ("vendor", "name"), [(vendor, name) for vendor, names in OWN.items() for name in names]
)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT {}('two')",
        "SELECT 1, {}('two') FROM a",
        "SELECT 1 + {} ('two')",
        "SELECT 1 WHERE a AND NOT {}('two')",
        "SELECT (1) -- (1)\n, {}('two')",
        "SELECT 1 FROM {}('two')",
        "SELECT * FROM a WHERE b = {}(a.b) FOR UPDATE",
        "SELECT lower({}('two'))",
        "INSERT INTO a (b) SELECT {}('two')",
        "UPDATE a SET b = 1, c = {}('two')",
        "UPDATE a SET b = {}('two')",
        "WITH a AS (SELECT {}('two')) SELECT 1",
        "EXPLAIN ANALYZE SELECT {}('two')",
    ],
)
def test_an_own_function_with_a_name_that_another_server_knows_may_leave_a_mark(sql, name, vendor):
    statement = statement_of(sql.format(name), vendor)
    assert statement.marks
    assert statement.locks


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ('two'::text).zone",
        "SELECT \"filter\"('two')",
        "SELECT \"select\"('two')",
        "SELECT DISTINCT ON (a) filter('two') FROM b",
    ],
)
def test_an_own_function_of_postgresql_is_found_however_it_is_called(sql):
    assert statement_of(sql, "postgresql").marks


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FILTER (WHERE (a)), sum(b) FILTER(WHERE c) FROM d",
        "SELECT sum(a) OVER (), sum(a)OVER(b), sum(a)\n  OVER (PARTITION BY (c)) FROM d",
        "SELECT a FROM b GROUP BY (a) ORDER BY (a)",
        "SELECT a FROM b GROUP BY CUBE (a)",
        "SELECT a FROM b GROUP BY GROUPING SETS ((a), ())",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM b",
        "SELECT * FROM a JOIN (SELECT 1) b ON (true) LEFT OUTER JOIN (SELECT 2) c ON (true)",
        'SELECT * FROM "a" JOIN (SELECT 1) b ON (true) INNER JOIN (SELECT 2) c ON (true)',
        "SELECT a FROM b WHERE a LIKE (c) OR a ILIKE (c) OR (a, a) OVERLAPS (c, c)",
        "SELECT a AT TIME ZONE (b) FROM c",
        "WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 1) SELECT 1",
        "SELECT 1 OPERATOR(pg_catalog.+) 2, a::vector(3), a::character varying(3)",
        "SELECT left(a, 1), right(a, 1), ST_Transform(b, 1) FROM c",
        "INSERT INTO zone (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET (a) = (SELECT 1)",
        "INSERT INTO public.zone (a) VALUES (1) RETURNING (a)",
        "UPDATE a AS b SET (c, d) = (1, 2)",
        'UPDATE "a" SET (c, d) = (1, 2) WHERE e IN (1)',
        "WITH RECURSIVE total (a) AS (SELECT 1) SELECT * FROM unnest(b) AS filter(c)",
        "EXPLAIN (ANALYZE) SELECT 1",
    ],
)
def test_a_keyword_of_postgresql_before_a_parenthesis_leaves_no_mark(sql):
    assert not statement_of(sql, "postgresql").marks


def test_every_statement_is_looked_at_with_its_vendor():
    """But for that of which the table alone is asked."""
    files = set(Path(pinning.__file__).parent.rglob("*.py"))
    without = {
        file.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and len(node.args) < 2
        if isinstance(node.func, ast.Name) and node.func.id == "statement_of"
    }
    assert without == {"detector.py"}
