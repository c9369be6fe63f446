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

# Statements that begin so change nothing, but for what is found in them.
_HARMLESS_WORDS = """
    select with values table show explain describe desc insert update delete replace merge copy
    commit end rollback abort savepoint release lock unlock fetch move close listen unlisten notify
    create alter drop truncate rename grant revoke reassign comment security refresh reindex cluster
    vacuum analyze analyse checkpoint checksum optimize repair check flush kill deallocate pragma
    """
_HARMLESS = frozenset(_HARMLESS_WORDS.split())
_ROWS = frozenset({"select", "with", "values", "table", "insert", "update", "delete", "replace"})

# These begin a transaction, a cursor, or a block that may do anything.
_BEGINNINGS = frozenset({"begin", "start", "declare"})

_TEMPORARY = frozenset({"temp", "temporary"})
_BEFORE_TEMPORARY = frozenset({"create", "replace", "global", "local", "into"})

# In these, INTO is followed by a table. In others it may be followed by a user variable.
_INTO_TABLES = frozenset({"insert", "replace", "merge"})

# Functions that set something, or run a text that they are given.
_HINTS = (
    "set_config",
    "query_to_xml",
    "cursor_to_xml",
    "ts_stat",
    "ts_rewrite",
    "crosstab",
    "connectby",
    "dblink",
)

# What makes a text doubtful that was not cut into tokens: a second statement, a comment.
_DOUBTS = (";", "@", "/*", "--", "#", ":=", 'u&"')

# Settings by which a session shows the same rows as before.
_NAMES = r"""(?: \w++(?<=_timeout) | max_execution_time | max_statement_time | work_mem | jit
      | maintenance_work_mem | application_name | foreign_key_checks | unique_checks
      | synchronous_commit | client_min_messages | pg(?:trigger|history)\.\w++ )"""
_VALUE = r"\s*+(?:'[^'\\]*+'|%s)\s*+"
_FUNCTION = r"(?:pg_catalog\.)?+set_config\("
_NAME = r'(?:\w++|"[^"]++")'
# What PostgreSQL alone takes between RETURNS and AS: elsewhere $ opens no string.
_HOW = r"""(?:\s++(?:language\s++\w++|immutable|stable|volatile|strict|leakproof
      |security\s++definer|parallel\s++\w++))*+"""
_SAME_ROWS = re.compile(
    rf"""(?:\s++|/\*[^*/!]*+\*/)*+
        (?: set\s++(?:session\s++)?+(?:characteristics\s++as\s++)?+transaction\s++
            (?!snapshot)[^;]*+
          | (?:set|reset)\s++(?:local\s++|session\s++)?+{_NAMES}
            \s*+(?:(?:=|to\b)\s*+(?:'[^'\\]*+'|[\w.]++|%s))?+
          | select\s++{_FUNCTION}\s*+'{_NAMES}'\s*+,\s*+(?:'[^'\\]*+'|%s|null)\s*+,
            \s*+(?:true|false)\s*+\)
          | create\s++(?:or\s++replace\s++)?+function\s++(?!"?pg_temp){_NAME}(?:\.{_NAME})?+\s*+
            \([^()'"$`#@/;\-]*+\)\s*+returns\s++(?:setof\s++)?+[\w.]++(?:\[\])?+{_HOW}
            \s++as\s++(\$(?:[a-z_]\w*+)?+\$)(?:(?!\1).)*+\1[^;$]*+
        )\s*+;?+\s*+""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

_CALL = rf"{_FUNCTION}{_VALUE},{_VALUE},\s*+{{}}\s*+\)"
_CALLS = r"select\s++{0}(?:\s*+,\s*+{0})*+\s*+"

# What has the same effect on each session that was told the same before. Words like CURRENT_USER,
# PREVIOUS VALUE and @@name stand for something else in each.
_OWN = "@@|pg_temp|curr|local|utc_|value|lastval"
_REPEATABLE = re.compile(
    rf"""\s*+(?: (?:set|reset|use|discard)\s++(?!.*(?:{_OWN}))[^;(]*+
              | {_CALLS.format(_CALL.format("false"))} )\s*+;?+\s*+""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

# What is over with the transaction.
_LOCAL = re.compile(
    rf"\s*+(?:set\s++local\s[^;]*+|{_CALLS.format(_CALL.format('true'))})\s*+;?+\s*+", re.IGNORECASE
)

_TOLD_ALONE = re.compile(
    rf"\s*+{_CALLS.format(_CALL.format('(?:true|false|%s)'))};?+\s*+", re.IGNORECASE
)


def changes_session(sql: str, tokens: Sequence[Token], *, writes: bool) -> bool:
    """Whether ``sql`` may change which rows its session shows. ``writes`` is whether it may write.

    It is no only if that is sure for each statement in the text.
    """
    if _SAME_ROWS.fullmatch(sql) is not None:
        return False
    if _is_hinted(sql.lower()) or any(_is_other(*pair) for pair in pairwise(tokens)):
        return True
    starts = [0, *(place for place, token in enumerate(tokens, 1) if token.is_sign(";"))]
    words = {_beginning(tokens[start : start + 3]) for start in starts} - {""}
    if "@" in sql and _assigns(tokens, words):
        return True
    return not (words <= _HARMLESS or (words <= _BEGINNINGS and not writes))


def may_change_session(sql: str, word: str) -> bool:
    """The same for a text that is too long to be looked at, and begins with ``word``."""
    text = sql.lower()
    return word not in _ROWS or _is_hinted(text) or any(doubt in text for doubt in _DOUBTS)


def is_local(sql: str) -> bool:
    """Whether all that ``sql`` changes in its session is over with the transaction."""
    return _LOCAL.fullmatch(sql) is not None


def is_told_alone(sql: str) -> bool:
    """Whether ``sql`` is nothing but calls of ``set_config`` with values that it is given."""
    return _TOLD_ALONE.fullmatch(sql) is not None


def is_repeatable(sql: str, params: Any) -> bool:
    """Whether ``sql`` has the same effect on two sessions that were told the same before."""
    is_plain = isinstance(params, list | tuple | None) and all(
        type(each) in {str, int, NoneType} for each in params or ()
    )
    return is_plain and _REPEATABLE.fullmatch(sql) is not None


def _assigns(tokens: Sequence[Token], words: set[str]) -> bool:
    """Whether a text with an @ may set a user variable."""
    if any(token.is_sign(":=") for token in tokens):
        return True
    return bool(words - _INTO_TABLES) and any(token.text == "into" for token in tokens)


def _beginning(tokens: Sequence[Token]) -> str:
    """The word with which a statement begins; empty where it has none, or defers constraints."""
    if not tokens or tokens[0].is_sign(";"):
        return ""
    words = [token.text for token in tokens[:2] if token.is_word]
    defers = words == ["set", "constraints"] and not tokens[-1].is_dotted
    return "" if defers else tokens[0].text


def _is_hinted(text: str) -> bool:
    """Whether a text in lower case may call what sets something, or sets it as a table's rows."""
    return any(hint in text for hint in _HINTS) or ("pg_settings" in text and "update" in text)


def _is_other(before: Token, token: Token) -> bool:
    """Whether ALTER SESSION stands here, or what is made is temporary and hides another table."""
    if before.text == "alter" and token.text == "session":
        return True
    if token.text.lower().startswith("pg_temp") or before.text.lower().startswith("pg_temp"):
        return True
    return token.is_word and token.text in _TEMPORARY and before.text in _BEFORE_TEMPORARY
