"""Tells from the text of an SQL statement alone whether it writes. If unsure, it does."""

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

# Statements that change no replicated data. SET, BEGIN and the like change the session; NOTIFY is
# not replicated.
_READS = frozenset(
    {
        *("select", "values", "table", "with", "show", "explain", "describe", "desc", "pragma"),
        *("declare", "fetch", "move", "close", "begin", "start", "savepoint", "release"),
        *("rollback", "commit", "end", "abort", "set", "reset", "use", "discard", "deallocate"),
        *("listen", "unlisten", "notify", "lock", "checkpoint"),
    }
)

_QUERIES = frozenset({"select", "with", "values", "table"})

_COMMITS = frozenset({"commit", "end"})

# "Statements That Cause an Implicit Commit" in MySQL's manual, and statements that may run those.
_COMMITS_BY_THE_WAY = frozenset(
    {
        *("alter", "create", "drop", "rename", "truncate", "grant", "revoke", "install"),
        *("begin", "start", "lock", "unlock", "set", "analyze", "optimize", "repair", "check"),
        *("cache", "change", "flush", "load", "reset", "stop", "uninstall"),
        *("call", "execute"),
    }
)

# Only PostgreSQL nests comments, so a comment that opens another is not taken for harmless. MySQL
# and MariaDB execute what stands in /*! or /*M!.
_BLOCK_COMMENT = r"/\*(?!M?!)(?:(?!/\*|\*/).)*\*/"

# A lone carriage return ends a comment for PostgreSQL and not for MySQL, so neither is assumed.
_BLANK = rf"(?:\s|(?:--|\#)[^\r\n]*\r?\n|{_BLOCK_COMMENT})"

# MariaDB's SET STATEMENT runs the statement after it.
_FRONT = re.compile(
    rf"(?:{_BLANK}|[(;])*(set{_BLANK}+statement\b|[a-z]+)", re.DOTALL | re.IGNORECASE
)

# Two hyphens without a blank after them open a comment in PostgreSQL and not in MySQL. A hash opens
# a comment in MySQL and is an operator in PostgreSQL. A quoted name may be that of a function.
_HARMLESS = re.compile(
    rf"""--(?:[ \t][^\r\n]*)?(?:\r?\n|\Z)|{_BLOCK_COMMENT}
      |'(?:[^'\\]|'')*'|"(?:[^"\\]|"")*"(?!\s*\()|`[^`]*`""",
    re.DOTALL | re.VERBOSE,
)
_AMBIGUOUS = re.compile(r"""\\|\$\w*\$|/\*|--|#|['"`]""")

# What may turn a statement that begins like a read into a write. FOR UPDATE only locks.
_SUSPECT = re.compile(
    r"""
      ;\s*[^\s;] | /\*M?!
    | \b (?: insert | delete | merge | into | analy[sz]e | prepared | nextval | setval
           | lo_(?:creat|from|import|open|put|truncate|unlink)\w* | lowrite | dblink_exec ) \b
    | \b next \s+ value \b
    | (?<!\bfor\ ) (?<!\bfor\ no\ key\ ) \b update \b
    """,
    re.IGNORECASE | re.VERBOSE,
)

_NAME = r"""(?:[\w$]+|"[^"]+"|`[^`]+`)"""
_TARGET = re.compile(
    rf"""\s*(?:insert\s+into\s+(?P<into>{_NAME})(?=[\s(])
         | update\s+(?P<update>{_NAME})(?=\s+set\b)
         | delete\s+from\s+(?P<from>{_NAME})(?=\s+where\b|\s*\Z))""",
    re.IGNORECASE | re.VERBOSE,
)

# The ORM repeats its texts, with the values apart. Long texts have long lists of values.
_KNOWN = 512
_LONGEST_KNOWN = 4096

Told = TypeVar("Told")


def _once(tell: Callable[[str], Told]) -> Callable[[str], Told]:
    """Cache the answers of ``tell`` for texts that are not long."""
    known = functools.lru_cache(_KNOWN)(tell)

    @functools.wraps(tell)
    def told(sql: str) -> Told:
        return known(sql) if len(sql) <= _LONGEST_KNOWN else tell(sql)

    return told


@_once
def is_write(sql: str) -> bool:
    """Whether ``sql`` may change data. False only for statements that are known to read.

    A function that writes when it is selected (``SELECT create_order()``) looks like any other.
    Code that selects one must call ``mark_written()``.
    """
    front = _FRONT.match(sql)
    if front is None or front[1].lower() not in _READS:
        return bool(sql.strip())
    return _writes_behind(sql, front.end(1))


@_once
def is_query(sql: str) -> bool:
    """Whether ``sql`` is a plain query, which neither writes nor changes its session."""
    front = _FRONT.match(sql)
    if front is None or front[1].lower() not in _QUERIES:
        return False
    return not _writes_behind(sql, front.end(1))


def commits(sql: str, can_rollback_ddl: bool) -> bool:
    """Whether ``sql`` commits the open transaction, by itself or, in MySQL, implicitly."""
    front = _FRONT.match(sql)
    word = re.split("[^a-z]", front[1].lower(), maxsplit=1)[0] if front else ""
    return word in _COMMITS or (not can_rollback_ddl and word in _COMMITS_BY_THE_WAY)


@_once
def written_table(sql: str) -> str | None:
    """The table that a plain INSERT, UPDATE or DELETE writes to; None if that is not certain.

    A name with a schema in front is not certain: several schemas may have a table of that name.
    """
    target = _TARGET.match(sql)
    if target is None or _is_suspect(sql[target.end() :]):
        return None
    name: str = target["into"] or target["update"] or target["from"]
    return name.strip('"`')


def as_text(sql: Any, driver_connection: Any) -> str:
    """A statement as text: psycopg takes bytes and composed statements as well."""
    if isinstance(sql, str):
        return sql
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    as_string = getattr(sql, "as_string", None)
    return str(as_string(driver_connection)) if as_string else str(sql)


def _writes_behind(sql: str, start: int) -> bool:
    """Whether a statement that begins like a read may write after ``start``. Quick for most."""
    return _SUSPECT.search(sql, start) is not None and _is_suspect(sql[start:])


def _is_suspect(rest: str) -> bool:
    """Whether the ``rest`` of a statement may write. Quoted text and comments do not count."""
    bare = _HARMLESS.sub(" ", rest)
    return _SUSPECT.search(bare) is not None or _AMBIGUOUS.search(bare) is not None
