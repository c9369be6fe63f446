"""Which SQL statements write, told from their text alone. Unsure is yes."""

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

# Statements that change no data that a replica would have. SET, BEGIN and the like change the
# session; NOTIFY is not replicated.
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

# "Statements That Cause an Implicit Commit" in MySQL's manual, and those that may run one.
_COMMITS_BY_THE_WAY = frozenset(
    {
        *("alter", "create", "drop", "rename", "truncate", "grant", "revoke", "install"),
        *("begin", "start", "lock", "unlock", "set", "analyze", "optimize", "repair", "check"),
        *("cache", "change", "flush", "load", "reset", "stop", "uninstall"),
        *("call", "execute"),
    }
)

# Only PostgreSQL nests comments, so one that opens another is not taken for harmless. What stands
# in /*! or /*M! is executed by MySQL and MariaDB.
_BLOCK_COMMENT = r"/\*(?!M?!)(?:(?!/\*|\*/).)*\*/"

# A lone carriage return ends a comment for PostgreSQL and not for MySQL, so neither is assumed.
_BLANK = rf"(?:\s|(?:--|\#)[^\r\n]*\r?\n|{_BLOCK_COMMENT})"

# MariaDB's SET STATEMENT runs the statement behind it.
_FRONT = re.compile(
    rf"(?:{_BLANK}|[(;])*(set{_BLANK}+statement\b|[a-z]+)", re.DOTALL | re.IGNORECASE
)

# Without a blank behind them, two hyphens are a comment to PostgreSQL and none to MySQL. A hash
# opens a comment in MySQL and is an operator of PostgreSQL. A quoted name may be a function's.
_HARMLESS = re.compile(
    rf"""--(?:[ \t][^\r\n]*)?(?:\r?\n|\Z)|{_BLOCK_COMMENT}
      |'(?:[^'\\]|'')*'|"(?:[^"\\]|"")*"(?!\s*\()|`[^`]*`""",
    re.DOTALL | re.VERBOSE,
)
_AMBIGUOUS = re.compile(r"""\\|\$\w*\$|/\*|--|#|['"`]""")

# What may turn a statement that begins like a read into a write. FOR UPDATE locks, no more.
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

# An ORM gives the same text again and again, its values apart; long ones have long lists of those.
_KNOWN = 512
_LONGEST_KNOWN = 4096

Told = TypeVar("Told")


def _once(tell: Callable[[str], Told]) -> Callable[[str], Told]:
    """Remember what ``tell`` says of each text, as far as that is not long."""
    known = functools.lru_cache(_KNOWN)(tell)

    @functools.wraps(tell)
    def told(sql: str) -> Told:
        return known(sql) if len(sql) <= _LONGEST_KNOWN else tell(sql)

    return told


@_once
def is_write(sql: str) -> bool:
    """Whether ``sql`` may change data. False only for what is known to read.

    A function that writes when it is selected (``SELECT create_order()``) looks like any other:
    such code says ``mark_written()``.
    """
    front = _FRONT.match(sql)
    if front is None or front[1].lower() not in _READS:
        return bool(sql.strip())
    return _writes_behind(sql, front.end(1))


@_once
def is_query(sql: str) -> bool:
    """Whether ``sql`` is a plain query, which neither writes nor leaves a mark on its session."""
    front = _FRONT.match(sql)
    if front is None or front[1].lower() not in _QUERIES:
        return False
    return not _writes_behind(sql, front.end(1))


def commits(sql: str, can_rollback_ddl: bool) -> bool:
    """Whether ``sql`` ends the open transaction, itself or, as MySQL does, by the way."""
    front = _FRONT.match(sql)
    word = re.split("[^a-z]", front[1].lower(), maxsplit=1)[0] if front else ""
    return word in _COMMITS or (not can_rollback_ddl and word in _COMMITS_BY_THE_WAY)


@_once
def written_table(sql: str) -> str | None:
    """The table that a plain INSERT, UPDATE or DELETE writes to; None where that is not sure.

    A name with a schema in front is not: the same table may be in several.
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
    """Whether what begins like a read may write behind ``start``: quickly seen for most."""
    return _SUSPECT.search(sql, start) is not None and _is_suspect(sql[start:])


def _is_suspect(rest: str) -> bool:
    """Whether ``rest`` of a statement may write, looking past what is quoted or commented."""
    bare = _HARMLESS.sub(" ", rest)
    return _SUSPECT.search(bare) is not None or _AMBIGUOUS.search(bare) is not None
