"""Which statements write: two long lists, and what must hold for every text."""

import re
import string

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pinning.databases import statements
from pinning.databases.statements import statement_of


def is_write(sql):
    return statement_of(sql).writes


def written_table(sql):
    return statement_of(sql).table


def commits(sql, can_rollback_ddl):
    return statement_of(sql).commits(can_rollback_ddl)


READS = [
    "SELECT 1e1, 1.e1, 1e1AS a, notes1.e1, notes1.e1mail FROM notes1",
    # Nothing to run
    "",
    " \n\t",
    # Plain
    "SELECT 1",
    "select * from notes",
    "SeLeCt 1",
    "\n\t SELECT 1",
    "SELECT 1;",
    "SELECT 1 ; ;\n",
    "; SELECT 1",
    "SELECT*FROM notes",
    "VALUES (1), (2)",
    "TABLE notes",
    "WITH recent AS (SELECT * FROM notes) SELECT * FROM recent",
    "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT * FROM n",
    "WITH recent AS MATERIALIZED (SELECT 1) SELECT * FROM recent",
    "(SELECT 1)",
    "((SELECT 1) UNION (SELECT 2)) LIMIT 1",
    "( /* left */ SELECT 1)",
    "SHOW TABLES",
    "DESCRIBE notes",
    "DESC notes",
    "EXPLAIN SELECT 1",
    "EXPLAIN (VERBOSE, FORMAT JSON) SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN (ANALYZE true, FORMAT JSON) SELECT 1",
    "EXPLAIN FORMAT=JSON SELECT 1",
    "EXPLAIN QUERY PLAN SELECT 1",
    "ANALYZE FORMAT=JSON SELECT 1",
    "PRAGMA table_info('notes')",
    # Locks change no data
    "SELECT * FROM notes FOR UPDATE",
    "SELECT * FROM notes FOR  UPDATE",
    "SELECT * FROM notes FOR/**/UPDATE",
    "SELECT * FROM notes FOR UPDATE NOWAIT",
    "SELECT * FROM notes FOR UPDATE SKIP LOCKED",
    'SELECT * FROM "notes" FOR UPDATE OF "notes"',
    "SELECT * FROM notes FOR NO KEY UPDATE",
    "SELECT * FROM notes FOR SHARE",
    "SELECT * FROM notes FOR KEY SHARE",
    "SELECT * FROM notes LOCK IN SHARE MODE",
    "select * from notes for update",
    "LOCK TABLE notes",
    "SELECT pg_advisory_xact_lock(1)",
    # Transactions, sessions and cursors
    "BEGIN",
    "START TRANSACTION",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ROLLBACK TO SAVEPOINT s1",
    "SAVEPOINT s1",
    "RELEASE SAVEPOINT s1",
    "SET TIME ZONE 'UTC'",
    "SET LOCAL statement_timeout = 100",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET statement_timeout = 1",
    "RESET ALL",
    "DISCARD ALL",
    "DEALLOCATE ALL",
    "USE notes",
    "LISTEN news",
    "UNLISTEN news",
    "NOTIFY news, 'insert'",
    "DECLARE c CURSOR FOR SELECT 1",
    "FETCH 100 FROM c",
    "MOVE 100 FROM c",
    "CLOSE c",
    "CHECKPOINT",
    # Comments in front and behind
    "/* route=list */ SELECT 1",
    "/*+ SeqScan(notes) */ SELECT 1",
    "-- the newest\nSELECT 1",
    "--the newest\nSELECT 1",
    "--\r\nSELECT 1",
    "/* one */ -- two\n /* three */ SELECT 1",
    "/* one\ntwo */ SELECT 1",
    "/***/ SELECT 1",
    "-- SELECT 1",
    "SELECT 1 /* update */",
    "SELECT 1 /*delete*/ + /*insert into*/ 1",
    "SELECT 1 -- delete",
    "SELECT 1 -- delete\n",
    "SELECT 1 -- delete\r\n + 1",
    "SELECT 1 -- it's an update\n",
    "SELECT 1 /* it's an update */",
    "SELECT 1 -- ; delete\n",
    # Words that write, where they do not
    "SELECT REPLACE(text, 'a', 'b') FROM notes",
    "SELECT replace(text, 'insert', 'update') FROM notes",
    'SELECT "update" FROM notes',
    'SELECT "t"."delete" FROM "insert" AS "t"',
    "SELECT `update` FROM `delete`",
    "SELECT updated, deleted_at, inserted, is_update FROM notes",
    "SELECT update_count FROM merge_requests",
    "SELECT do, call, copy, truncate, grant FROM notes",
    "SELECT * FROM notes WHERE text = 'please delete'",
    "SELECT * FROM notes WHERE text = 'it''s an update'",
    "SELECT * FROM notes WHERE text = 'a; delete from notes'",
    'SELECT "a""; delete" FROM notes',
    "SELECT * FROM notes WHERE text LIKE '%update%'",
    "SELECT 'a' AS \"it's\", 'update'",
    "SELECT '/*', 'delete', '*/'",
    "SELECT '-- ', 'delete'",
    "SELECT statement FROM accounts",
    "SELECT next, value FROM notes",
    # Operators
    "SELECT data -> 'update' FROM notes",
    "SELECT data ->> 'a' FROM notes WHERE data @> '{\"a\": 1}'",
    "SELECT data #>> '{a,b}' FROM notes",
    "SELECT data #- '{a}' FROM notes",
    "SELECT data ? 'a' FROM notes",
    "SELECT 5--3",
    "SELECT '\\'",
    "SELECT $$ text $$",
    "SELECT $1, %s, %(name)s, :name, ?",
    "SELECT %s::jsonb",
    "SELECT currval('notes_id_seq')",
]

WRITES = [
    "SELECT 1e1INTO notes",
    "SELECT 1.E10INTO notes FROM news",
    # Plain
    "INSERT INTO notes VALUES (1)",
    "UPDATE notes SET text = ''",
    "DELETE FROM notes",
    "MERGE INTO notes USING news ON true WHEN MATCHED THEN DELETE",
    "REPLACE INTO notes VALUES (1)",
    "UPSERT INTO notes VALUES (1)",
    "TRUNCATE notes",
    "insert into notes values (1)",
    "\n\t iNsErT INTO notes VALUES (1)",
    "(INSERT INTO notes VALUES (1))",
    "; DELETE FROM notes",
    # Definitions, rights and upkeep
    "CREATE TABLE notes (id int)",
    "ALTER TABLE notes ADD x int",
    "DROP TABLE notes",
    "COMMENT ON TABLE notes IS ''",
    "GRANT SELECT ON notes TO reader",
    "REVOKE SELECT ON notes FROM reader",
    "REFRESH MATERIALIZED VIEW summary",
    "REINDEX TABLE notes",
    "VACUUM notes",
    "ANALYZE notes",
    "CLUSTER notes",
    "IMPORT FOREIGN SCHEMA public FROM SERVER s INTO t",
    "RENAME TABLE notes TO news",
    "OPTIMIZE TABLE notes",
    "FLUSH TABLES",
    # What runs something else
    "CALL archive()",
    "DO $$ BEGIN PERFORM archive(); END $$",
    "EXEC archive",
    "COPY notes FROM STDIN",
    "COPY notes TO STDOUT",
    "LOAD DATA INFILE 'notes' INTO TABLE notes",
    "HANDLER notes OPEN",
    "PREPARE p AS INSERT INTO notes VALUES (1)",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXECUTE IMMEDIATE 'DELETE FROM notes'",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
    "XA COMMIT 'x'",
    "SET STATEMENT max_statement_time = 1 FOR UPDATE notes SET text = ''",
    "SET STATEMENT max_statement_time = 1 FOR CALL archive()",
    "set\n/* a */ -- b\nstatement max_statement_time = 1 FOR CALL archive()",
    "BEGIN NOT ATOMIC CALL archive(); END",
    "WITH FUNCTION f() RETURNS int AS INSERT",
    # Reads with a write inside
    "WITH gone AS (DELETE FROM notes RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO notes VALUES (1) RETURNING *) SELECT * FROM new",
    "WITH new AS (UPDATE notes SET text = '' RETURNING *) SELECT * FROM new",
    "WITH new AS (MERGE INTO notes USING n ON true) SELECT 1",
    "WITH a AS (SELECT 1), b AS MATERIALIZED (DELETE FROM notes) SELECT 1",
    "WITH a AS (SELECT * FROM notes FOR UPDATE) UPDATE notes SET text = ''",
    "WITH a AS (SELECT 1) INSERT INTO notes SELECT * FROM a",
    "WITH a AS (SELECT 1) REPLACE INTO notes SELECT * FROM a",
    "WITH a AS (SELECT 1)\nDELETE\nFROM notes",
    "WITH a AS (SELECT 1)/**/DELETE/**/FROM notes",
    "WITH \"for\" AS (SELECT 1)UPDATE notes SET text = ''",
    "EXPLAIN ANALYZE DELETE FROM notes",
    "EXPLAIN ANALYZE EXECUTE p",
    "EXPLAIN (ANALYZE) INSERT INTO notes VALUES (1)",
    "EXPLAIN (COSTS off, ANALYZE true, BUFFERS) UPDATE notes SET text = ''",
    "EXPLAIN ANALYSE EXECUTE p",
    "SELECT * INTO copy FROM notes",
    "SELECT 1 INTO TEMP copy",
    "SELECT text INTO OUTFILE '/tmp/x' FROM notes",
    "SELECT nextval('notes_id_seq')",
    "SELECT setval('notes_id_seq', 1)",
    "SELECT NEXT VALUE FOR notes_id_seq",
    "SELECT lo_create(0)",
    "SELECT s.brin_summarize_new_values FROM unnest(%s) AS s",
    'SELECT "s"."gin_clean_pending_list" FROM unnest(%s) AS s',
    "SELECT s.pg_replication_origin_create FROM unnest(%s) AS s",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_unlink(1)",
    # Several statements
    "SELECT 1; DELETE FROM notes",
    "SELECT 1;DELETE FROM notes",
    "SELECT 1;\n\n;CALL archive()",
    "SELECT 1; SELECT 2",
    "BEGIN; INSERT INTO notes VALUES (1); COMMIT",
    "SELECT ';'; CALL archive()",
    "SELECT 'a''b'; CALL archive()",
    'SELECT "a;"; CALL archive()',
    "SELECT 1 /* a */; CALL archive()",
    "SELECT 1 -- a\n; CALL archive()",
    "SELECT 1 --\n; CALL archive()",
    "SELECT 1; -- a\nCALL archive()",
    "SELECT 1;/* a */CALL archive()",
    # ... hidden from whoever quotes or comments by another database's rules
    "SELECT 'a\\'; CALL archive(); --'",
    "SELECT E'a\\''; CALL archive(); --'",
    "SELECT '\\', '; CALL archive(); --'",
    'SELECT "a\\"; CALL archive(); -- "',
    "SELECT $$'$$; CALL archive(); --'",
    "SELECT $a$'$a$; CALL archive(); --'",
    "SELECT $a$ $$ ' $a$; CALL archive(); --'",
    "SELECT `'`; CALL archive(); --'",
    "SELECT 1 /* /* */; CALL archive() */",
    "SELECT 1 /* ' */; CALL archive(); /* ' */",
    "SELECT 1 /*! ; CALL archive() */",
    "SELECT 1 /*!50000 ; CALL archive() */",
    "SELECT 1 /*M! ; CALL archive() */",
    "SELECT 1 --'\n; CALL archive() --'",
    "SELECT 1 -- a\r; CALL archive()",
    "SELECT 1 # '\n; CALL archive() -- '",
    # Comments in front
    "/* a */ DELETE FROM notes",
    "-- a\nDELETE FROM notes",
    "--\nDELETE FROM notes",
    "-- SELECT\n/* SELECT */ DELETE FROM notes",
    "/* /* */ DELETE FROM notes",
    "/* nested /* */ */ SELECT 1",
    "/*! DELETE FROM notes */",
    "/*!50000 DELETE FROM notes */",
    "/*M! DELETE FROM notes */",
    "/*!SELECT*/ 1",
    "--\rDELETE FROM notes --\nSELECT 1",
    # Unsure is yes
    "/* never closed SELECT 1",
    "{call archive()}",
    "1",
    "'SELECT 1'",
    "SELECT update FROM notes",
    "SELECT 'insert",
    "SELECT insert('Quadratic', 3, 4, 'What')",
    "EXPLAIN DELETE FROM notes",
    "GET DIAGNOSTICS",
    "selection",
]


@pytest.mark.parametrize("sql", READS)
def test_it_reads(sql):
    assert not is_write(sql)


@pytest.mark.parametrize("sql", WRITES)
def test_it_writes(sql):
    assert is_write(sql)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO notes VALUES (1)", "notes"),
        ("INSERT INTO notes(id) VALUES (1)", "notes"),
        ('INSERT INTO "notes" ("id") VALUES (%s) RETURNING "notes"."id"', "notes"),
        ("INSERT INTO `notes` (`id`) VALUES (%s)", "notes"),
        ("insert  into\nnotes (id) select 1", "notes"),
        ('INSERT INTO "notes" ("id") VALUES (1) ON CONFLICT DO NOTHING', "notes"),
        ('INSERT INTO "my notes" VALUES (1)', "my notes"),
        ("INSERT INTO notes VALUES ('it''s; delete')", "notes"),
        ("INSERT INTO notes VALUES (1) /* update */", "notes"),
        ("INSERT INTO notes$1 VALUES (1)", "notes$1"),
        ('UPDATE "notes" SET "text" = %s WHERE "notes"."id" = %s', "notes"),
        ("UPDATE notes SET text = 'update'", "notes"),
        ("\n update notes set text = ''", "notes"),
        ('DELETE FROM "notes" WHERE "notes"."id" IN (%s)', "notes"),
        ("DELETE FROM notes", "notes"),
        ("DELETE FROM notes \n", "notes"),
        # A schema in front may make it another table
        ("INSERT INTO archive.notes VALUES (1)", None),
        ('INSERT INTO "archive"."notes" VALUES (1)', None),
        ('UPDATE "archive"."notes" SET text = %s', None),
        ("DELETE FROM archive.notes WHERE id = 1", None),
        # It may write to another one as well
        ("INSERT INTO notes VALUES (1) ON CONFLICT (id) DO UPDATE SET text = ''", None),
        ("INSERT INTO notes VALUES (1) ON DUPLICATE KEY UPDATE text = ''", None),
        ("INSERT INTO notes VALUES (nextval('notes_id_seq'))", None),
        ("INSERT INTO notes WITH gone AS (DELETE FROM news RETURNING *) SELECT 1", None),
        ("WITH a AS (SELECT 1) INSERT INTO notes SELECT * FROM a", None),
        ("WITH a AS (DELETE FROM news) DELETE FROM notes", None),
        ("INSERT INTO notes VALUES (1); DELETE FROM news", None),
        ("UPDATE notes, news SET notes.text = news.text", None),
        ("UPDATE notes JOIN news ON true SET notes.text = ''", None),
        ("UPDATE notes SET text = ''; CALL archive()", None),
        ("DELETE notes, news FROM notes JOIN news", None),
        ("DELETE FROM notes, news USING notes JOIN news", None),
        ("DELETE FROM notes USING news WHERE notes.id = news.id", None),
        # What it does not take apart
        ("UPDATE ONLY notes SET text = ''", None),
        ("UPDATE notes AS n SET text = ''", None),
        ("UPDATE LOW_PRIORITY notes SET text = ''", None),
        ("INSERT IGNORE INTO notes VALUES (1)", None),
        ("INSERT OR REPLACE INTO notes VALUES (1)", None),
        ("REPLACE INTO notes VALUES (1)", None),
        ("MERGE INTO notes USING news ON true WHEN MATCHED THEN DELETE", None),
        ("/* a */ INSERT INTO notes VALUES (1)", None),
        ("INSERT INTO/**/notes VALUES (1)", None),
        ("INSERT INTO notes/**/VALUES (1)", None),
        ('INSERT INTO "no""tes" VALUES (1)', None),
        ("INSERT INTO notes VALUES ('\\'')", None),
        ("INSERT INTO notes VALUES ($$a$$)", None),
        ("DELETE FROM notes RETURNING *", None),
        ("DELETE FROM notes;", None),
        ("TRUNCATE notes", None),
        ("SELECT 1", None),
        ("", None),
    ],
)
def test_the_written_table_is_told_only_where_it_is_sure(sql, table):
    assert written_table(sql) == table


FIRST_WORDS_OF_READS = {
    *("select", "values", "table", "with", "show", "explain", "describe", "desc", "pragma"),
    *("declare", "fetch", "move", "close", "begin", "start", "savepoint", "release", "rollback"),
    *("commit", "end", "abort", "set", "reset", "use", "discard", "deallocate", "listen"),
    *("unlisten", "notify", "lock", "checkpoint"),
}
HARMLESS = st.text(string.ascii_letters + string.digits + " ;,.-_()=*+?%éß中", max_size=40)


@given(word=st.text(string.ascii_letters, min_size=1, max_size=12), rest=st.text(max_size=40))
def test_what_begins_with_no_word_of_a_read_is_a_write(word, rest):
    assume(word.lower() not in FIRST_WORDS_OF_READS)
    assert is_write(f"{word} {rest}")


@given(text=HARMLESS, read=st.sampled_from(["SELECT {}", "WITH a AS (SELECT {}) SELECT 1"]))
@pytest.mark.parametrize("quoted", ["'{}'", '"{}"', "`{}`", "'{}'''", "/* {} */", "1 -- {}\n"])
def test_what_is_quoted_or_commented_makes_no_write(quoted, text, read):
    if "`" in quoted:  # an operator of PostgreSQL, so a semicolon may end a statement
        text = text.replace(";", "")
    assert not is_write(read.format(quoted.format(text.replace("*/", ""))))


COMMENTS = HARMLESS.map(lambda text: text.replace("*", "")).flatmap(
    lambda text: st.sampled_from([f"/* {text} */", f"-- {text}\n", f"--{text}\r\n", " ", "\n"])
)


@given(
    statement=st.sampled_from(
        [sql for sql in WRITES if sql.lower().startswith(("insert", "update", "delete", "with"))]
    ),
    comments=st.lists(COMMENTS, max_size=4),
    upper=st.booleans(),
)
def test_a_write_stays_one_behind_any_comment_and_in_any_case(statement, comments, upper):
    statement = statement.upper() if upper else statement.lower()
    assert is_write("".join(comments) + statement)


@given(
    front=st.sampled_from(READS),
    separator=st.sampled_from(["; ", ";", " ;\n", ";/* a */", "; -- a\n", "\n;\n\n"]),
)
def test_a_write_behind_any_read_is_a_write(front, separator):
    assume(not front.endswith(("-- delete", "-- SELECT 1")))
    assert is_write(f"{front}{separator}DELETE FROM notes")


def _nested_comment(depth: int) -> str:
    inside = rf"{_nested_comment(depth - 1)}|" if depth else ""
    return rf"/\*(?:{inside}(?!/\*|\*/).)*\*/"


#: What each database takes for one token, none of which ends inside a quote or a comment.
TOKENS = {
    "postgresql": rf"""
        [A-Za-z_][\w$]* | '[^']*' | "[^"]*" | \$([A-Za-z_]*)\$.*?\$\1\$ | --[^\r\n]*[\r\n]
        | {_nested_comment(5)} | (?!/\*|--|['"`]|\$[A-Za-z_]*\$).
        """,
    "mysql": r"""
        '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | `[^`]*` | --(?:[^\S\n][^\n]*)?\n
        | \#[^\n]*\n | /\*.*?\*/ | (?!/\*|--\s|[#'"`]).
        """,
    "sqlite": r"""
        '[^']*' | "[^"]*" | `[^`]*` | --[^\n]*\n | /\*.*?\*/ | (?!/\*|--|['"`]).
        """,
}


def _is_code_at_the_end(sql: str, token: re.Pattern[str]) -> bool:
    place = 0
    while place < len(sql):
        found = token.match(sql, place)
        if found is None:
            return False
        place = found.end()
    return True


PIECES = ["'", "''", '"', "`", "\\", "$$", "$a$", "/*", "*/", "--", "#", "\n", "\r", "a", " ", "("]


@pytest.mark.parametrize("vendor", TOKENS)
@settings(max_examples=1000)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=9))
@example(pieces=["--", "\n"])
@example(pieces=["--", "'", "\n", "--", "'"])
@example(pieces=["--", " ", "\r"])
@example(pieces=["#", "'", "\n", "#", "'"])
@example(pieces=["$a$", "'", "$a$", "'"])
def test_no_mix_of_quotes_and_comments_hides_a_statement_that_would_run(vendor, pieces):
    sql = f"SELECT 1 {''.join(pieces)};"
    assume(_is_code_at_the_end(sql, re.compile(TOKENS[vendor], re.DOTALL | re.VERBOSE)))
    assert is_write(f"{sql} DELETE FROM notes {''.join(pieces)}")


@given(sql=st.text())
@settings(max_examples=500)
def test_no_text_raises(sql):
    assert is_write(sql) in {True, False}
    written_table(sql)


@pytest.mark.parametrize("front", ["", "SELECT ", "SELECT update ", "INSERT INTO notes "])
@pytest.mark.parametrize(
    "part",
    [
        *(
            "'",
            "''",
            '"',
            "`",
            "/*",
            "*/",
            "/* ",
            "/**/",
            "(",
            "--",
            "-- ",
            "--\n",
            ";",
            "; ",
            "\\",
        ),
        *("$$", "$a", "'a", "'a''b", "/*a*/", "set ", "set /**/", "next ", "for ", "for update "),
        *("lo_", "a", "/", "-", "update ", "set\n--\n", "'\\", "\"'`", "' /* ", "' -- ", "#", "\r"),
    ],
)
def test_a_hundred_thousand_characters_are_no_burden(front, part):
    sql = front + part * (100_000 // len(part))
    is_write(sql)
    written_table(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SET # x\n STATEMENT max_statement_time=1 FOR UPDATE t SET a = 7",
        "SELECT \"nextval\"('sequence')",
        "SELECT lo_truncate(1, 2)",
        "SELECT lowrite(1, 'x')",
        "SELECT dblink_exec('x', 'y')",
    ],
)
def test_a_write_in_disguise_is_a_write(sql):
    assert is_write(sql)


@pytest.mark.parametrize(
    ("sql", "can_rollback_ddl", "does"),
    [
        ("COMMIT", True, True),
        ("/* x */ end", True, True),
        ("ROLLBACK", True, False),
        ("SELECT 1", False, False),
        ("UPDATE t SET a = 1", False, False),
        ("CREATE TABLE t (a int)", True, False),
        ("CREATE TABLE t (a int)", False, True),
        ("LOCK TABLES t WRITE", False, True),
        ("CHECK TABLE t", False, True),
        ("SET/**/ STATEMENT max_statement_time=1 FOR CREATE TABLE t (a int)", False, True),
        ("CALL make_tables()", False, True),
        ("CALL make_tables()", True, False),
        ("EXECUTE IMMEDIATE 'CREATE TABLE t (a int)'", False, True),
        ("BEGIN", False, True),
        ("BEGIN", True, False),
        ("INSERT INTO t VALUES (1); COMMIT", True, True),
        ("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", True, False),
        ("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", False, False),
        ("INSERT INTO t VALUES (1); TRUNCATE u", True, False),
        ("INSERT INTO t VALUES (1); TRUNCATE u", False, True),
        ("INSERT INTO t VALUES (1); SET autocommit = 1", False, True),
        ("/*!40000 ALTER TABLE t DISABLE KEYS */", False, True),
        (f"INSERT INTO t VALUES ('{'a' * 1_000_000}')", False, False),
        (f"INSERT INTO t VALUES ('{'a' * 1_000_000}'); COMMIT", True, True),
        ("", True, False),
    ],
)
def test_what_commits_the_open_transaction(sql, can_rollback_ddl, does):
    assert commits(sql, can_rollback_ddl) is does


def test_the_same_text_is_looked_at_once(monkeypatch):
    """Which a view's queries are again and again. Long ones, of long lists, are not kept for it."""
    short, long = "SELECT 17 AS here", "SELECT 17 AS here" + " " * 5000
    assert [is_write(short), is_write(long)] == [False, False]
    monkeypatch.setattr(statements, "readings_of", None)
    assert is_write(short) is False
    with pytest.raises(TypeError):
        is_write(long)


ROUTINE = """CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC
    SELECT CASE WHEN true THEN 1 END; IF a THEN BEGIN SELECT 2; END; END IF; COMMIT; END"""


@pytest.mark.parametrize(
    ("sql", "opens"),
    [
        ("BEGIN", True),
        ("BEGIN IMMEDIATE", True),
        ("begin isolation level serializable", True),
        ("START TRANSACTION READ ONLY", True),
        ("COMMIT AND CHAIN", True),
        ("ROLLBACK AND CHAIN", True),
        ("COMMIT", False),
        ("END", False),
        ("ROLLBACK", False),
        ("ABORT", False),
        ("BEGIN; INSERT INTO a VALUES (1); COMMIT", False),
        ("INSERT INTO a VALUES (1); COMMIT", False),
        ("BEGIN; SELECT 1", True),
        ("BEGIN; INSERT INTO a VALUES (1); ROLLBACK AND CHAIN", True),
        ("ROLLBACK AND CHAIN; INSERT INTO a VALUES (1)", True),
        ("COMMIT AND CHAIN; INSERT INTO a VALUES (1)", True),
        ("COMMIT; START TRANSACTION; SELECT 1;", True),
        ("COMMIT AND CHAIN; ROLLBACK", False),
        ("BEGIN; SAVEPOINT a; ROLLBACK TO a; SELECT 'COMMIT'", True),
        ("INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)", None),
        ("SELECT 1; ROLLBACK TO a", None),
        ("BEGIN NOT ATOMIC INSERT INTO a VALUES (1); END", None),
        ("BEGIN NOT ATOMIC INSERT INTO a VALUES (1); COMMIT; END", None),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END", None),
        ("START SLAVE; SELECT 1", None),
        (";; BEGIN ;; SELECT 1", True),
        ("SET a = 1; BEGIN; INSERT INTO a VALUES (1)", True),
        ("INSERT INTO a VALUES (1); START TRANSACTION", True),
        ("SELECT begin FROM a; BEGIN", True),
        ("SELECT begin FROM a; COMMIT", False),
        (f"{ROUTINE}; BEGIN", True),
        (f"{ROUTINE}; START TRANSACTION", True),
        (f"BEGIN; {ROUTINE}", True),
        (f"BEGIN; {ROUTINE}; COMMIT", False),
        (f"SELECT 1; {ROUTINE}", None),
        (f"{ROUTINE}; SELECT 1", None),
        ("SELECT 1; BEGIN NOT ATOMIC INSERT INTO a VALUES (1); COMMIT; END", None),
        ("BEGIN NOT ATOMIC INSERT INTO a VALUES (1); END; START TRANSACTION", True),
        # Servers read them differently: it may be open
        ("DO $$ BEGIN PERFORM 1; END $$; BEGIN", True),
        ("DO $$ BEGIN PERFORM 1; END $$", None),
        (r"INSERT INTO a VALUES ('x\'); BEGIN; -- '", True),
        (r"INSERT INTO a VALUES ('x\'); COMMIT; -- '", None),
        ("ROLLBACK TO a", None),
        ("ROLLBACK TO SAVEPOINT a", None),
        ("SAVEPOINT a", None),
        ("RELEASE a", None),
        ("SELECT 1", None),
        ("INSERT INTO a VALUES (1)", None),
        ("CREATE TABLE a (id int)", None),
    ],
)
def test_what_begins_and_ends_a_transaction(sql, opens):
    assert statement_of(sql).opens is opens
