"""Names in the SQL that pinning sends to PostgreSQL: each says which schema it is from.

An unqualified name is looked up in the search_path, and by the best-matching types, so that whoever
may create things in a schema there has theirs called with the site's rights (CVE-2018-1058).
tests/live/test_planted.py plants such things on a real server.
"""

import ast
import re
from pathlib import Path

import pytest

import pinning
from pinning.databases import mysql, receiver

PACKAGE = Path(pinning.__file__).parent

#: Words before a parenthesis that are no functions, and types that the grammar itself qualifies.
KEYWORDS = {"select", "in", "and", "or", "not", "then", "when", "else", "end", "operator", "from"}
KEYWORDS |= {"values"}
GRAMMARS_TYPES = {"bigint", "bit"}

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_OPERATOR = re.compile(r"OPERATOR\(pg_catalog\.[^)]+\)")
_CAST = re.compile(r"::([\w.]+)")
_FUNCTION = re.compile(r"(?<![\w.])([\w.]+)\s*\(")
_RELATION = re.compile(r"\b(?:FROM|JOIN)\s+([\w.]+)")
_BARE_OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|?]+")


def unqualified(sql: str) -> list[str]:
    """The names and operators in ``sql`` that another schema may have as well."""
    bare = _OPERATOR.sub(" , ", _QUOTED.sub("''", sql).replace("%s", "''"))
    found = [name for name in _CAST.findall(bare) if name not in GRAMMARS_TYPES]
    bare = _CAST.sub("", bare)
    found += [name for name in _FUNCTION.findall(bare) if name.lower() not in KEYWORDS]
    found += _RELATION.findall(bare)
    found = [name for name in found if not name.startswith("pg_catalog.")]
    return found + _BARE_OPERATOR.findall(bare)


def statements() -> list[object]:
    """All texts of the package that look like a query, but those of other vendors."""
    return [
        pytest.param(node.value, id=f"{path.relative_to(PACKAGE)}:{node.lineno}")
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.stem not in {"mysql", "mysql_facts", "mariadb", "sqlite"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.match(r"\s*(?:SELECT|WITH|VALUES|TABLE|CALL|DO)\s", node.value)
    ]


@pytest.mark.parametrize("sql", statements())
def test_each_name_says_its_schema(sql: str):
    assert unqualified(sql) == []


def test_the_statements_are_found():
    found = "".join(str(each.values) for each in statements())
    for name in ("pg_control_system", "wal_insert_lsn", "wal_receiver", "has_role", "pg_promote"):
        assert name in found


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1", []),
        ("SELECT pg_catalog.f('a(b) - c'), 'x'::bit(32)::bigint", []),
        ("SELECT pg_backend_pid()", ["pg_backend_pid"]),
        ("SELECT public.f()", ["public.f"]),
        ("SELECT 1 FROM pg_stat_wal_receiver", ["pg_stat_wal_receiver"]),
        ("SELECT '0/0'::pg_lsn", ["pg_lsn"]),
        ("SELECT pg_catalog.f() - 1", ["-"]),
        ("SELECT pg_catalog.f() OPERATOR(pg_catalog.-) 1", []),
        ("SELECT extract(epoch FROM clock_timestamp())", ["extract", "clock_timestamp"]),
    ],
)
def test_what_counts_as_unqualified(sql: str, names: list[str]):
    found = [name for name in unqualified(sql) if name not in {"epoch"}]
    assert sorted(set(found)) == sorted(names)


def test_a_function_with_its_owners_rights_looks_names_up_where_nobody_else_can_put_any():
    """Temporary objects come last: left out of the search_path, they come first."""
    functions = re.findall(r"CREATE OR REPLACE FUNCTION.*?;", receiver.installation([]), re.DOTALL)
    (function,) = [text for text in functions if "SECURITY DEFINER" in text]
    assert " SET search_path = pg_catalog, pg_temp\n" in function


def test_no_blank_stands_before_a_parenthesis_in_what_mariadb_and_mysql_are_asked():
    """Without IGNORE_SPACE a built-in with a blank may be a stored function of that name."""
    texts = [text for text in vars(mysql).values() if isinstance(text, str) and "SELECT" in text]
    assert len(texts) >= 4
    assert [text for text in texts if re.search(r"\w\s+\(", text)] == []
