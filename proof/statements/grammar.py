"""Makes statements up: from what servers know, and then mangled."""

from collections.abc import Callable
from random import Random

BLANKS = (" ", " ", " ", "\n", "\t", "/**/", " /* ' */ ", " -- x\n", "/* ; */", "\r\n", "  ", "\f")

#: By vendor: functions that leave nothing, that leave a mark, and that write.
HARMLESS = {
    "postgresql": (
        *("count(*)", "now()", "lower('A')", "coalesce(NULL, 1)", "abs(-1)", "random()"),
        *("pg_typeof(1)", "to_tsvector('a b')", "concat('a', 'b')", "array_length(ARRAY['a'], 1)"),
        *("current_setting('search_path')", "generate_series(1, 2)", "jsonb_build_object('a', 1)"),
    ),
    "mysql": (
        *("count(*)", "now()", "lower('A')", "ifnull(NULL, 1)", "abs(-1)", "rand(3)", "version()"),
        *("concat('a', 'b')", "json_extract('{}', '$.a')", "date_format(now(), '%Y')", "uuid()"),
    ),
}
MARKING = {
    "postgresql": (
        *("set_config('app.tenant', '7', false)", "setseed(0.7)", "pg_advisory_lock(7)"),
        *("pg_advisory_lock_shared(7)", "pg_try_advisory_lock(7)", "mark()", "proof.mark()"),
        *(
            "set_config('work_mem', '7MB', false)",
            "pg_catalog.set_config('app.tenant', '8', false)",
        ),
    ),
    "mysql": (
        *("get_lock('a', 0)", "last_insert_id(7)", "(@t := 7)", "(@t:=@t+1)", "mark()"),
        *("proof.mark()", "master_gtid_wait('', 0)"),
    ),
}
WRITING = {
    "postgresql": (
        *("nextval('s')", "setval('s', 70)", "lo_create(0)", "lo_from_bytea(0, 'a')"),
        *("pg_catalog.nextval('s')", "('s'::regclass).nextval", "(0).lo_creat"),
        "query_to_xml('SELECT nextval(''s'')', true, true, '')",
    ),
    "mysql": ("nextval(s)", "NEXT VALUE FOR s", "setval(s, 70)", "s.nextval", "proof.s.nextval"),
}
BY_A_DOT = ("(0.7::float8).setseed", "(7::bigint).pg_advisory_lock", "('s'::regclass).nextval")
FROM_BY_A_DOT = (
    "SELECT x.setseed FROM cast(0.7 AS float8) AS x",
    "SELECT x.pg_advisory_lock FROM generate_series(7, 7) AS x",
    "SELECT x.nextval FROM cast('s' AS regclass) AS x",
)

QUERIES = (
    "SELECT {f}",
    "SELECT 1, {f} AS a FROM notes",
    "SELECT * FROM notes WHERE {f} IS NOT NULL",
    "SELECT * FROM (SELECT {f} AS a) AS b",
    "WITH a AS (SELECT {f} AS b) SELECT * FROM a",
    "WITH RECURSIVE a (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3) SELECT {f}",
    "(SELECT {f}) UNION (SELECT NULL)",
    "SELECT CASE WHEN (1 = 1) THEN {f} ELSE NULL END",
    "SELECT * FROM notes ORDER BY {f}",
    "SELECT 'a' AS \"it's\", {f}",
    "VALUES ({f})",
    "SELECT * FROM notes FOR UPDATE",
    "SELECT id, {f} FROM notes LIMIT 1 FOR SHARE",
    "EXPLAIN SELECT {f}",
    "SELECT DISTINCT {f} FROM notes AS n WHERE n.id IN (1, 2) AND (n.text LIKE '%a%' OR (1 = 1))",
)
STATEMENTS = {
    "postgresql": (
        *("EXPLAIN ANALYZE SELECT {f}", "EXPLAIN (ANALYZE, COSTS off) SELECT {f}", "SHOW work_mem"),
        'CREATE VIEW "pg_temp"."made" AS SELECT 1',
        *("SELECT {f} INTO made", "SELECT {f} INTO TEMP made", "TABLE notes", "SHOW ALL"),
        "WITH gone AS (DELETE FROM notes RETURNING *) SELECT * FROM gone",
        "WITH new AS (INSERT INTO notes (text) VALUES ('x') RETURNING *) SELECT * FROM new",
        "WITH a AS (SELECT 1) UPDATE notes SET text = 'changed'",
        'EXPLAIN ("analyze") DELETE FROM notes',
        "EXPLAIN ANALYZE UPDATE notes SET text = 'changed'",
        *("SET work_mem = '7MB'", "SET app.tenant = '7'", "RESET work_mem", "LISTEN news"),
        *("PREPARE p AS SELECT 1", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "BEGIN"),
        *("CREATE TEMP TABLE made (a int)", "CREATE TABLE made (a int)", "DROP TABLE notes"),
        *("CALL bump()", "DO $$ BEGIN PERFORM bump(); END $$", "SET SESSION ROLE proof"),
        *("INSERT INTO notes (text) VALUES ({f})", "UPDATE notes SET text = {f}", "COMMIT"),
        *("DELETE FROM notes WHERE {f} IS NULL", "TRUNCATE notes", "COPY (SELECT {f}) TO STDOUT"),
        *("INSERT INTO notes AS n (text) VALUES ('x') ON CONFLICT (id) DO NOTHING", "ROLLBACK"),
        *(
            "SET LOCAL app.tenant = '7'",
            "SELECT set_config('app.tenant', '7', true)",
            "NOTIFY news",
        ),
        *("SELECT pg_advisory_xact_lock(7)", "LOCK TABLE notes IN SHARE MODE", "ANALYZE notes"),
        *("SET CONSTRAINTS ALL DEFERRED", "SELECT pg_notify('news', 'a')", "DROP TABLE made"),
        *(
            "SET LOCAL ROLE proof",
            "CREATE UNLOGGED TABLE made (a int DEFAULT abs(1), CHECK (a > 0))",
        ),
        *FROM_BY_A_DOT,
    ),
    "mysql": (
        "SELECT 1e1INTO @t",
        *("ANALYZE FORMAT=JSON SELECT {f}", "ANALYZE SELECT {f}", "SHOW TABLES", "SHOW VARIABLES"),
        *("SELECT {f} INTO @t", "SET @t = 7", "SET @t = {f}", "SET @t = bump()", "DO bump()"),
        *("SET SESSION lock_wait_timeout = 7", "SET SQL_MODE = ''", "USE mysql", "BEGIN"),
        *("SET STATEMENT max_statement_time = 1 FOR UPDATE notes SET text = 'changed'", "CALL p()"),
        *("PREPARE p FROM 'SELECT 1'", "EXECUTE IMMEDIATE 'DELETE FROM notes'", "COMMIT"),
        *("CREATE TEMPORARY TABLE made (a int)", "CREATE TABLE made (a int)", "DROP TABLE notes"),
        *("INSERT INTO notes (text) VALUES ({f})", "REPLACE INTO notes (id) VALUES (1)"),
        *("UPDATE notes SET text = {f}", "DELETE FROM notes", "TRUNCATE notes", "DESCRIBE notes"),
        *("BEGIN NOT ATOMIC DELETE FROM notes; END", "LOCK TABLES notes READ", "UNLOCK TABLES"),
        *("INSERT INTO notes (id) VALUES (1) ON DUPLICATE KEY UPDATE text = 'y'", "START SLAVE"),
        "SELECT * FROM notes LOCK IN SHARE MODE",
        'SELECT * FROM notes WHERE text = "it\'s" AND {f} IS NULL',
    ),
}

PIECES = (
    *("'", "''", '"', '""', "`", "``", "\\", "\\'", "$$", "$a$", "$é$", "/*", "*/", "/*!", "/*M!"),
    *("--", "-- ", "--\n", "#", "# ", "\n", "\r", "\r\n", ";", "; ", "(", ")", "[", "]", ".", ","),
    *(
        "E'",
        "N'",
        "U&'",
        'U&"',
        "1",
        "x",
        "é",
        "\u00a0",
        "\x0b",
        ":=",
        "@",
        " -- '",
        "'\\'",
        "E'\\''",
    ),
    *("'a'\n'b'", "$$'$$", "/* /* */ */", "/* /* */", "--x", "\\N", "e''", "%", "'\\\\'", "{", "}"),
)
INJECTED = {
    "postgresql": (
        *("; DELETE FROM notes", ", nextval('s')", ", set_config('app.tenant', '9', false)"),
        *("; SET app.tenant = '9'", ", setseed(0.9)", " INTO made", ", pg_advisory_lock(9)"),
    ),
    "mysql": (
        *("; DELETE FROM notes", ", NEXT VALUE FOR s", ", (@t := 9)", "; SET @t = 9", " INTO @t"),
        *(", get_lock('a', 0)", "; CALL p()", ", last_insert_id(9)"),
    ),
}


def statement(vendor: str, chance: Random) -> str:
    """One statement. Three of four are mangled."""
    templates = QUERIES if chance.random() < 0.5 else STATEMENTS[vendor]
    kinds = [HARMLESS, MARKING, WRITING]
    function = chance.choice(chance.choice(kinds)[vendor])
    if vendor == "postgresql" and chance.random() < 0.1:
        function = chance.choice(BY_A_DOT)
    text = chance.choice(templates).replace("{f}", _spelt(function, chance))
    text = "".join(
        chance.choice(BLANKS) if letter == " " and chance.random() < 0.2 else letter
        for letter in text
    )
    if chance.random() < 0.25:
        return text
    for _ in range(chance.randint(1, 3)):
        text = chance.choice(_MANGLERS)(text, vendor, chance)
    return text


def _spelt(function: str, chance: Random) -> str:
    """The same call in another way."""
    name, parenthesis, rest = function.partition("(")
    if not (name.isidentifier() and parenthesis):
        return function
    name = chance.choice([name, name, name.upper(), name.title(), f'"{name}"', f"`{name}`"])
    return f"{name}{chance.choice(['', '', '', *BLANKS])}({rest}"


def _insert(text: str, vendor: str, chance: Random) -> str:
    place = chance.randint(0, len(text))
    return text[:place] + chance.choice(PIECES) + text[place:]


def _surround(text: str, vendor: str, chance: Random) -> str:
    """Put what hides a part around it, as some server reads it."""
    first, second = sorted(chance.choices(range(len(text) + 1), k=2))
    opening = chance.choice(PIECES)
    closing = chance.choice([opening, *PIECES])
    return text[:first] + opening + text[first:second] + closing + text[second:]


def _inject(text: str, vendor: str, chance: Random) -> str:
    """Hide a call or a statement between two pieces."""
    hidden = chance.choice(PIECES) + chance.choice(INJECTED[vendor]) + chance.choice(("", *PIECES))
    place = chance.choice([len(text), chance.randint(0, len(text))])
    return text[:place] + " " + hidden + text[place:]


def _hide(text: str, vendor: str, chance: Random) -> str:
    """End in what one server takes for a string or a comment, and another one runs."""
    hidden, kind = chance.choice(INJECTED[vendor]), chance.choice(_HIDING)
    return f"{text} {kind.replace('{}', hidden)}"


_HIDING = (
    *("AS a, '\\'{} -- '", "AS a, '\\', '{} -- '", "AS a, '\\''{} -- '", "AS a, E'\\''{} -- '"),
    *("AS a, $$'$${} -- '", "AS a, $é$'$é${} -- '", "-- \r{}", "# '\n{} -- '", "--'\n{} --'"),
    *(
        "/* /* */{} /* */",
        "/*!{} */",
        "/*M!{} */",
        "/*!50000{} */",
        'AS "a\\"{} -- "',
        "--\x01\n{}",
    ),
    *('AS a, "\\"{} -- "', "AS a, `'`{} -- '", "AS a, ['a'], '{}'", "/* ' */{} /* ' */", "#{}\n"),
    *(
        "AS a, '\\\\'{} -- '",
        "AS a, E'a'\n'\\''{} -- '",
        "AS a, N'\\'{} -- '",
        "{}",
        "{}",
        "/**/{}",
    ),
    *("AS a, U&'\\0027'{}", "-- a\n{}", "--a\n{}", "/* a */{}", "1{}", "AS a, 1{}", "AS a, '{}'"),
)


def _drop(text: str, vendor: str, chance: Random) -> str:
    place = chance.randint(0, max(len(text) - 1, 0))
    return text[:place] + text[place + chance.randint(1, 3) :]


def _repeat(text: str, vendor: str, chance: Random) -> str:
    first, second = sorted(chance.choices(range(len(text) + 1), k=2))
    return text[:second] + text[first:second][:20] + text[second:]


_MANGLERS: tuple[Callable[[str, str, Random], str], ...] = (
    *(_insert, _surround, _inject, _hide, _hide, _drop, _repeat),
)
