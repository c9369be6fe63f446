"""Whether a statement changes its session, in what decides which rows that shows.

That is the tenant of row-level security, the role, the schema, a temporary table that hides another
table. A function of the project's may do the same, and its name does not show it.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from types import NoneType
from typing import Any

from pinning.databases.tokens import Token

# Statements that begin so change nothing, but for what `_HINT` finds in them.
_HARMLESS_WORDS = """
    select with values table show explain describe desc insert update delete replace merge copy
    commit end rollback abort savepoint release lock unlock fetch move close listen unlisten notify
    create alter drop truncate rename grant revoke comment security refresh reindex cluster vacuum
    analyze analyse checkpoint optimize repair check flush kill deallocate pragma
    """
_HARMLESS = frozenset(_HARMLESS_WORDS.split())

# These begin a transaction, a cursor, or a block that may do anything.
_BEGINNINGS = frozenset({"begin", "start", "declare"})

_TEMPORARY = frozenset({"temp", "temporary"})
_BEFORE_TEMPORARY = frozenset({"create", "replace", "global", "local", "into"})
_HINT = re.compile(r"set_config|pg_settings|:=", re.IGNORECASE)

# In these, INTO is followed by a table. In others it may be followed by a user variable.
_INTO_TABLES = frozenset({"insert", "replace", "merge"})

# Settings by which a session shows the same rows as before.
_SAME_ROWS = re.compile(
    r"""\s*+(?: set\s++constraints\b[^;]*+
              | set\s++(?:session\s++)?+transaction\s++(?!snapshot)[^;]*+
              | (?:set|reset)\s++(?:local\s++|session\s++)?+
                (?: \w++(?<=_timeout) | max_execution_time | max_statement_time | work_mem
                  | maintenance_work_mem | application_name | foreign_key_checks | unique_checks
                  | synchronous_commit | client_min_messages )
                \s*+(?:(?:=|to\b)\s*+(?:'[^'\\]*+'|[\w.]++|%s))?+
            )\s*+;?+\s*+""",
    re.IGNORECASE | re.VERBOSE,
)

_VALUE = r"\s*+(?:'[^'\\]*+'|%s)\s*+"
_CALL = rf"(?:pg_catalog\.)?+set_config\({_VALUE},{_VALUE},\s*+{{}}\s*+\)"
_CALLS = r"select\s++{0}(?:\s*+,\s*+{0})*+\s*+"

# What has the same effect on each session that was told the same before.
_REPEATABLE = re.compile(
    rf"""\s*+(?: (?:set|reset|use|discard)\s++(?!.*@@)[^;(]*+
              | {_CALLS.format(_CALL.format("false"))} )\s*+;?+\s*+""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

# What is over with the transaction.
_LOCAL = re.compile(r"\s*+set\s++local\s[^;]*+;?+\s*+", re.IGNORECASE)
_LOCAL_CALLS = re.compile(rf"{_CALLS.format(_CALL.format('true'))}(?:;|\Z)", re.IGNORECASE)

_SEARCH_PATH = re.compile(r"\s*+set\s++search_path\s*+(?:=|to\b)[^;]*+;?+\s*+", re.IGNORECASE)


def changes_session(sql: str, tokens: Sequence[Token], *, writes: bool) -> bool:
    """Whether ``sql`` may change which rows its session shows. ``writes`` is whether it may write.

    It is no only if that is sure for each statement in the text.
    """
    if _HINT.search(sql) or any(_is_temporary(*pair) for pair in pairwise(tokens)):
        return True
    first = [tokens[0], *(after for sign, after in pairwise(tokens) if sign.is_sign(";"))]
    words = {token.text for token in first if not token.is_sign(";")}
    if "@" in sql and words - _INTO_TABLES and any(token.text == "into" for token in tokens):
        return True
    if words <= _HARMLESS or (words <= _BEGINNINGS and not writes):
        return False
    return _SAME_ROWS.fullmatch(sql) is None


def without_local_changes(sql: str) -> str:
    """The rest of ``sql``, without what changes its session until the transaction ends."""
    return "" if _LOCAL.fullmatch(sql) else _LOCAL_CALLS.sub("SELECT 1;", sql)


def is_search_path(sql: str) -> bool:
    """Whether ``sql`` sets the search path, and nothing else."""
    return _SEARCH_PATH.fullmatch(sql) is not None


def is_repeatable(sql: str, params: Any) -> bool:
    """Whether ``sql`` has the same effect on two sessions that were told the same before."""
    is_plain = isinstance(params, list | tuple | None) and all(
        type(each) in {str, int, NoneType} for each in params or ()
    )
    return is_plain and _REPEATABLE.fullmatch(sql) is not None


def _is_temporary(before: Token, token: Token) -> bool:
    """Whether what is made here is temporary, and stands before others of its name."""
    if token.text.lower().startswith("pg_temp") or before.text.lower().startswith("pg_temp"):
        return True
    return token.is_word and token.text in _TEMPORARY and before.text in _BEFORE_TEMPORARY
