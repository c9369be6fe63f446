"""Tells from an SQL statement what it tells its session, of what decides which rows that sees.

That is the tenant of row-level security, the role, the schema. A time zone decides how a row looks.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

# A setting with a dot in its name is the project's own, and so is a variable of MySQL: "@tenant".
_DECIDING = frozenset({"role", "row_security", "schema", "search_path", "session authorization"})

_LONGEST_SET = 100_000
_SETS = frozenset({"set", "reset"})
_QUERIES = frozenset({"select", "values", "with"})
_BLOCKS = frozenset({"", "begin", "declare", "do", "execute"})

#: A name that the text does not tell. It stands for any.
UNKNOWN = "?"

# Repetitions are possessive, so that no text takes longer than its length asks for. What begins
# with a comment in a comment, or with one that a server may execute, begins with no word.
_COMMENT = r"/\*(?!M?!)(?:[^*/]++|\*++(?!/)|/++(?!\*))*+\*/|(?:--|\#)[^\r\n]*+\r?\n"
_FRONT = re.compile(rf"(?:[\s;(]++|{_COMMENT})*+(\w++)")
_LATER = re.compile(r";\s*+(?:set\b|reset\b|/\*|--|\#)", re.IGNORECASE)
_SET = re.compile(
    r"""\b(?:set|reset)\s++(?:(?:local|session)\s++(?!authorization\b))?+
        (session\s++authorization\b|[\w."$]++)""",
    re.IGNORECASE | re.VERBOSE,
)
# Words with blanks between them alone, up to where the value begins.
_PLAIN_SET = re.compile(r"""\w++(?:\s++(?!\.)[\w."$@]++(?<![.@]))++\s*+(?:[=,;:'%+]|-(?!-)|\Z)""")
_CONFIG = re.compile(r"\bset_config\b(?:[\"\s]*+\(\s*+(?:'([^']*+)'|(%s))?+)?+", re.IGNORECASE)
_VARIABLE = re.compile(r"(?<![@\w])@(?:[\w.$]++|`[^`]*+`|'[^']*+'|\"[^\"]*+\")")
_QUOTES = re.compile("[\"'`]")
_ASSIGNS = re.compile(r":=|\binto\s++@", re.IGNORECASE)

# What lasts until the session ends, and does nothing else, can be told to another session.
_VALUE = r"\s*+(?:'[^']*+'|%s)\s*+"
_CALL = rf"(?:pg_catalog\.)?+set_config\({_VALUE},{_VALUE},\s*+{{}}\s*+\)"
_CALLS = r"\s*+select\s++{0}(?:\s*+,\s*+{0})*+\s*+;?+\s*+\Z"
_REPEATABLE = re.compile(
    rf"{_CALLS.format(_CALL.format('false'))}"
    r"|\s*+(?:use|(?:set|reset)\s++(?!local\b|statement\b))"
    r"(?![^;]*\b(?:global|persist)\b)[^;(]*+;?+\s*+\Z",
    re.IGNORECASE,
)
_LOCAL = re.compile(rf"\s*+set\s++local\b|{_CALLS.format(_CALL.format('true'))}", re.IGNORECASE)
_FORGET = re.compile(r"\s*+(?:discard|reset)\s++all\b", re.IGNORECASE)


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

    "%s" is a name that comes as a parameter. What a function of the project's tells is not known.
    """
    front = _FRONT.match(sql)
    word = front[1].lower() if front else ""
    if word == "use":
        return ("use",)
    if front and word in _SETS and not _is_plain_set(sql, front.start(1)):
        return (UNKNOWN,)
    plain = (" ".join(_QUOTES.sub("", name).lower().split()) for name in _found(sql, word))
    return tuple(dict.fromkeys(name for name in plain if _decides(name)))


def _is_plain_set(sql: str, start: int) -> bool:
    return len(sql) <= _LONGEST_SET and _PLAIN_SET.match(sql, start) is not None


def _found(sql: str, word: str) -> Iterator[str]:
    """All names in ``sql``, as they stand there. A block may do what any statement does."""
    for name, param in _CONFIG.findall(sql):
        yield name or param or UNKNOWN
    if word in _SETS | _BLOCKS or (";" in sql and _LATER.search(sql)):
        yield from _SET.findall(sql)
    is_searched = word in _QUERIES | _BLOCKS and "@" in sql and _ASSIGNS.search(sql)
    if word == "set" or is_searched:
        yield from _VARIABLE.findall(sql)


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
