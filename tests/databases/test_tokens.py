"""How a text is cut into tokens, in each way of reading it, and that this takes one pass."""

import re
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinning.databases import statements, tokens
from pinning.databases.tokens import readings_of, without_comments

parser = re._parser  # type: ignore[attr-defined]  # there is no public one
constants = re._constants  # type: ignore[attr-defined]

DIALECTS = (tokens._COMMON, *tokens._DIALECTS)


def words(sql: str) -> list[list[str]]:
    """The tokens of each reading, as short texts: ``f(`` is called, ``.f`` behind a dot."""
    return [
        [
            f"{').' if each.is_attribute else '.' if each.is_dotted else ''}{each.text}"
            f"{'(' if each.is_called else ''}"
            for each in reading.tokens
        ]
        for reading in readings_of(sql)
    ]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT a, 'b', 1.5 FROM t", ["select", "a", "from", "t"]),
        ("SELECT nextval ( 's')", ["select", "nextval("]),
        ("SELECT \"nextval\"/**/('s')", ["select", "nextval("]),
        ('SELECT "NextVal"(1)', ["select", "NextVal("]),
        ('SELECT "a""b"(1)', ["select", 'a""b(']),
        ('SELECT "t"."a", `t`.`a`', ["select"]),
        ('SELECT "t"."nextval"', ["select", "t", ".nextval"]),
        ("SELECT (s::regclass) . nextval", ["select(", "s", "regclass", ").nextval"]),
        ("SELECT 1INTO t", ["select", "into", "t"]),
        ("SELECT 1.INTO t", ["select", ".into", "t"]),
        ("SELECT x := 1; y", ["select", "x", ":=", ";", "y"]),
        ("SELECT a::text", ["select", "a", "text"]),
        ("SELECT %s, %(name)s FROM t", ["select", "from", "t"]),
        ("SELECT 5 %f(1)", ["select", "f("]),
        ("SELECT a -- b\n, c /* d */", ["select", "a", "c"]),
        ("SELECT é, \u00e0", ["select", "é", "\u00e0"]),
        ("SELECT \u212aEY", ["select", "\u212aEY"]),  # the sign for Kelvin is no k
        ("SELECT a[1], ARRAY[%s]", ["select", "a", "array", "s"]),
    ],
)
def test_what_all_servers_read_alike(sql, found):
    assert words(sql) == [found]


@pytest.mark.parametrize(
    ("sql", "postgresql", "mysql", "sqlite"),
    [
        ("a # b\n, c", ["a", "b", "c"], ["a", "c"], ["a", "b", "c"]),
        ("a --b\n, c", ["a", "c"], ["a", "b", "c"], ["a", "c"]),
        ("a, '\\', b, '", ["a", "b"], ["a"], ["a", "b"]),
        ("a, $x$ b $x$, c", ["a", "c"], ["a", "x$", "b", "x$", "c"], ["a", "x$", "b", "x$", "c"]),
        ("a, $é$ b $é$, c", ["a", "c"], ["a", "é$", "b", "é$", "c"], ["a", "é$", "b", "é$", "c"]),
        ("a, E'\\'b', c", ["a", "c"], ["a", "e", "c"], ["a", "e", "b"]),
        ("a, ['b', c]", ["a", "c"], ["a", "c"], ["a", "'b', c"]),
    ],
)
def test_what_servers_read_in_different_ways(sql, postgresql, mysql, sqlite):
    """PostgreSQL first, MySQL third, SQLite last."""
    found = words(sql)
    assert [found[0], found[2], found[-1]] == [postgresql, mysql, sqlite]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT /*! 1 */",
        "SELECT /*M! 1 */",
        "SELECT /* /* */ 1 */",
        "SELECT 1 -- a\rb",
        'SELECT U&"\\0061"',
        "SELECT '\ufffd'",
        "SELECT E'a'\n'\\''",
        "SELECT 7 INTO\xa0@x",
        "\xa0UPDATE a SET b = 1",
        "SELECT 1 --\xa0\n, f(1)",
        "SELECT `f`\xa0(1)",
        "SELECT 1e1\xa0INTO x",
        "SELECT a\u3000FROM b",
        "SELECT $\xa0x$ 1 $\xa0x$",
        "SELECT 1" + " " * tokens.LONGEST,
        "SELECT 1" + " a" * tokens.MOST_PIECES,
        "SELECT '\\'" + " " * tokens.LONGEST_AMBIGUOUS,
    ],
)
def test_what_is_unsure(sql):
    assert readings_of(sql) == []


@pytest.mark.parametrize(
    "sql", ["SELECT 'a\xa0b'", 'SELECT "a\xa0b" FROM c', "SELECT 1 /* \xa0 */"]
)
def test_a_blank_of_a_charset_in_a_string_is_no_matter(sql):
    assert len(readings_of(sql)) == 1


def repeats_in(pattern: Any) -> Iterator[tuple[Any, Any]]:
    """Every repetition without an end that may give back, and what it repeats."""
    for operation, argument in pattern:
        gives_back = operation in {constants.MAX_REPEAT, constants.MIN_REPEAT}
        if gives_back and argument[1] == constants.MAXREPEAT:
            yield operation, argument[2]
        yield from _inside(argument)


def _inside(argument: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(argument, parser.SubPattern):
        yield from repeats_in(argument)
    elif isinstance(argument, tuple | list):
        for each in argument:
            yield from _inside(each)


@pytest.mark.parametrize("number", range(len(DIALECTS)))
def test_a_repetition_is_possessive_or_of_single_characters(number):
    """So none goes back over more than one way: time grows with the length alone."""
    for pattern in DIALECTS[number]:
        tree = parser.parse(pattern.pattern, pattern.flags)
        singles = {constants.LITERAL, constants.ANY, constants.IN, constants.NOT_LITERAL}
        for _, repeated in repeats_in(tree):
            assert [operation for operation, _ in repeated if operation not in singles] == []
            assert len(repeated) == 1


def test_a_repetition_that_gives_back_would_be_seen():
    assert list(repeats_in(parser.parse("(?:a|b)*")))
    assert not list(repeats_in(parser.parse("(?:a|b)*+")))


PIECES = [*"'\"`\\$#;:=.()[]%-/* \n\r1aéE", "''", "$$", "/*", "*/", "--", "%s", "a(", ").a", "U&"]


@settings(max_examples=300)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=20))
def test_each_character_is_read_once(pieces):
    """The pieces of a text stand one after the other, from its front to its end."""
    sql = "".join(pieces)
    for dialect in DIALECTS:
        place = dialect.front.match(sql).end()
        for piece in dialect.pieces.finditer(sql, place):
            assert piece.start() == place
            assert piece.end() > place
            place = piece.end()
        assert place == len(sql)


@pytest.mark.parametrize("part", ["'a'", "'", " ", "a", "(", "/**/", "\\", "$a$", "%s, "])
@pytest.mark.parametrize("front", ["SELECT ", "INSERT INTO notes VALUES (", ""])
def test_ten_million_characters_take_little_memory(front, part):
    for size in (tokens.LONGEST, 10_000_000):
        sql = front + part * ((size - len(front)) // len(part))
        tracemalloc.start()
        statements._look(sql, "postgresql")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 150_000_000


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("/* a */ SELECT 1", "SELECT 1"),
        ("-- a\n/* b */ -- c\r\n SELECT 1", "SELECT 1"),
        ("SELECT 1 /* route='a/b' */", "SELECT 1"),
        ("SELECT 'a', \"b\" /* a */ /* b */", "SELECT 'a', \"b\""),
        ("SELECT '/*' /* a */", "SELECT '/*'"),
        ("/* a */", ""),
        ("-- a", ""),
        ("", ""),
        ("SELECT 1", "SELECT 1"),
    ],
)
def test_comments_around_a_statement_are_no_part_of_it(sql, left):
    assert without_comments(sql) == left


@pytest.mark.parametrize(
    "sql",
    [
        "/*! SET a = 1 */",
        "/*!50000 SET */ a",
        "SELECT 1 /*! FOR UPDATE */",
        "/* a /* b */ DELETE FROM a -- */",
        "--\rDELETE FROM a",
        "--1",
        "SELECT 1 -- /*\n; DELETE FROM a -- */",
        "SELECT 1 # /*\n; DELETE FROM a # */",
        "SELECT 'a\\' /*'; DELETE FROM a -- */",
        "SELECT $a$ /* $a$; DELETE FROM a -- */",
        "SELECT ` /*`; DELETE FROM a -- */",
        "SELECT [ /*]; DELETE FROM a -- */",
        "SELECT '/*'; DELETE FROM a -- */",
        "*/",
        "/*/",
    ],
)
def test_what_a_server_may_run_stays(sql):
    assert without_comments(sql) == sql


@pytest.mark.parametrize(
    "sql", ["SELECT " + "/* a */" * 20_000, "/*" * 300_000 + "*/", " " * 900_000 + "*/"]
)
def test_many_comments_take_no_long_time(sql):
    before = time.thread_time()
    without_comments(sql)
    assert time.thread_time() - before < 1
