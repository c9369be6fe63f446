"""Tells from an SQL statement what it tells its session, of what decides which rows that sees.

That is the tenant of row-level security, the role, the schema. A time zone decides how a row looks.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

# A setting with a dot in its name is the project's own, and so is a variable of MySQL: "@tenant".
_DECIDING = frozenset({"role", "row_security", "schema", "search_path", "session authorization"})

_LONGEST_SET = 100_000
_SEARCHED = frozenset({"set", "reset", "select", "values", "with"})

#: A name that the text does not tell. It stands for any.
UNKNOWN = "?"

_FRONT = re.compile(r"(?:[\s;(]++|/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*+/|--[^\n]*+\n)*+(\w{1,9})\b")
_LATER = re.compile(r";\s*(?:set|reset)\s", re.IGNORECASE)
_SET = re.compile(
    r"""\b(?:set|reset)\s+(?:(?:local|session)\s+(?!authorization\b))?
        (session\s+authorization\b|[\w."$]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_CONFIG = re.compile(r"\bset_config\b[\"\s]*\(\s*(?:'([^']*)'|(%s))?", re.IGNORECASE)
_VARIABLE = re.compile(r"(?<![@\w])@[\w.$]+")
_ASSIGNS = re.compile(r":=|\binto\s+@", re.IGNORECASE)

# What lasts until the session ends, and does nothing else, can be told to another session.
_CALL = r"(?:pg_catalog\.)?set_config\(\s*(?:'[^']*'|%s)\s*,\s*(?:'[^']*'|%s)\s*,\s*{}\s*\)"
_CALLS = r"\s*select\s+{0}(?:\s*,\s*{0})*\s*;?\s*\Z"
_REPEATABLE = re.compile(
    rf"{_CALLS.format(_CALL.format('false'))}"
    r"|\s*(?:use|(?:set|reset)\s+(?!local\b|statement\b))(?![^;]*\b(?:global|persist)\b)[^;(]*;?\s*\Z",
    re.IGNORECASE,
)
_LOCAL = re.compile(rf"\s*set\s+local\b|{_CALLS.format(_CALL.format('true'))}", re.IGNORECASE)
_FORGET = re.compile(r"\s*(?:discard|reset)\s+all\b", re.IGNORECASE)


class Told(NamedTuple):
    """A statement that told a session something."""

    sql: str
    params: Any = None
    #: Whether another session can be told the same, to the same effect.
    is_repeatable: bool = False
    #: Whether it holds until its transaction ends.
    is_local: bool = False
    #: Any object that stands for the work that it was a part of.
    work: object = None

    def is_like(self, other: "Told") -> bool:
        """Whether both told the same."""
        return bool(self.sql) and self[:2] == other[:2]

    @classmethod
    def unsure(cls) -> "Told":
        """What is like nothing else: it is not known what holds."""
        return cls("")


def tells(sql: str) -> bool:
    """Whether ``sql`` tells its session something that decides which rows it sees."""
    return forgets(sql) or bool(names_in(sql))


def forgets(sql: str) -> bool:
    """Whether ``sql`` lets its session forget all that it was told."""
    return _FORGET.match(sql) is not None


def names_in(sql: str) -> tuple[str, ...]:
    """Which settings ``sql`` changes, of those that decide which rows are seen. Most change none.

    "%s" is a name that comes as a parameter. A statement that writes is not searched.
    """
    front = _FRONT.match(sql)
    word = front[1].lower() if front else ""
    if word == "use":
        return ("use",)
    if word in {"set", "reset"} and len(sql) > _LONGEST_SET:
        return (UNKNOWN,)
    names: list[str] = []
    if word in _SEARCHED:
        names = [name or param or UNKNOWN for name, param in _CONFIG.findall(sql)]
    if word in {"set", "reset"} or (";" in sql and _LATER.search(sql)):
        names += _SET.findall(sql)
    if word == "set" or (word in _SEARCHED and "@" in sql and _ASSIGNS.search(sql)):
        names += _VARIABLE.findall(sql)
    plain = (" ".join(name.replace('"', "").lower().split()) for name in names)
    return tuple(dict.fromkeys(name for name in plain if _decides(name)))


def told_by(sql: str, params: Any, many: bool, work: object = None) -> dict[str, Told]:
    """What a statement has told its session, by the names of the settings."""
    names = names_in(sql)
    if "%s" in names:
        is_only = len(names) == len(_CONFIG.findall(sql)) == 1
        names = (_first(params),) if is_only and not many else (UNKNOWN,)
    is_repeatable = not many and UNKNOWN not in names and _REPEATABLE.match(sql) is not None
    if isinstance(params, Sequence) and not isinstance(params, str):
        params = tuple(params)  # the caller may change a list
    told = Told(sql, params, is_repeatable, _LOCAL.match(sql) is not None, work)
    return dict.fromkeys(names, told)


def _decides(name: str) -> bool:
    return name in _DECIDING or "." in name or name[:1] in {"@", "%", UNKNOWN}


def _first(params: Any) -> str:
    is_list = isinstance(params, Sequence) and not isinstance(params, str | bytes)
    name = params[0] if is_list and params else UNKNOWN
    return name.lower() if isinstance(name, str) else UNKNOWN
