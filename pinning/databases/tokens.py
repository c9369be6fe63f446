r"""Cuts the text of an SQL statement into tokens, in each way that a server may read it.

Servers differ, and so do their settings. A backslash escapes a quote in MySQL, unless
``NO_BACKSLASH_ESCAPES`` is on, and in PostgreSQL if ``standard_conforming_strings`` is off. ``#``
opens a comment in MySQL and is an operator in PostgreSQL. ``$a$`` opens a string in PostgreSQL
alone, ``[`` a name in SQLite alone. So what one server takes for a string another one runs.

Every pattern goes through the text once. Its repetitions are possessive: they never give back what
they took, so they need neither time nor memory to go back.
"""

import re
from typing import NamedTuple

#: Longer texts are not looked at. Statements with long values pass these apart.
LONGEST = 1_000_000

#: Nor are texts of more pieces. Those of all ways in which a text is read count together.
MOST_PIECES = 6_000
LONGEST_AMBIGUOUS = 60_000


class Token(NamedTuple):
    """A name, a keyword, ``;`` or ``:=``. Everything else lies between two tokens."""

    #: Without its quotes; in lower case if it has none.
    text: str
    is_quoted: bool
    #: Whether an opening parenthesis follows.
    is_called: bool
    #: Whether a dot stands in front, and whether a closing parenthesis stands before the dot.
    is_dotted: bool
    is_attribute: bool
    #: Whether nothing but blanks and comments is between it and the token before.
    is_next: bool
    start: int

    @property
    def is_word(self) -> bool:
        """Whether it may be a keyword."""
        return not (self.is_quoted or self.is_dotted)

    def is_sign(self, sign: str) -> bool:
        """Whether it is this sign, and no name that looks like it."""
        return self.text == sign and not self.is_quoted


class Reading(NamedTuple):
    """One way to read a text."""

    #: Where it begins, behind blanks, comments, parentheses and semicolons; and what comes then.
    front: int
    tokens: tuple[Token, ...]
    #: Whether the text ends within a string or a comment, so that this server refuses its end.
    is_broken: bool


def readings_of(sql: str) -> list[Reading]:
    """All ways in which a server may read ``sql``: one for most texts. None at all if unsure."""
    if len(sql) > LONGEST or "\ufffd" in sql:  # which stands for bytes that were not decoded
        return []
    reading = _read(sql, _COMMON, MOST_PIECES)
    if reading is None or not reading.is_broken:
        return [reading] if reading else []
    if len(sql) > LONGEST_AMBIGUOUS:
        return []
    most = MOST_PIECES // len(_DIALECTS)
    readings = [_read(sql, dialect, most) for dialect in _DIALECTS]
    return [reading for reading in readings if reading] if all(readings) else []


def first_word_of(sql: str) -> str:
    """The first word, also of a text that is unsure; "" if there is none."""
    start = _COMMON.front.match(sql, 0, LONGEST).end()  # type: ignore[union-attr]  # may be empty
    found = re.compile("[A-Za-z]*+").match(sql, start)
    return found[0].lower() if found else ""


def without_comments(sql: str) -> str:
    """``sql`` without the comments in front of it and behind, if every server takes them for such.

    Those behind stay if the text before them may be read in more than one way.
    """
    if sql[:1] in _BEFORE_COMMENTS:
        sql = sql[_COMMENTS.match(sql).end() :]  # type: ignore[union-attr]  # may be empty
    return _without_those_behind(sql) if sql.endswith("*/") else sql


def _without_those_behind(sql: str) -> str:
    for _ in range(_MOST_BEHIND):
        if not sql.endswith("*/"):
            break
        start = sql.rfind("/*")
        if start <= 0 or not (_COMMENTS.fullmatch(sql, start) and _PLAIN.fullmatch(sql, 0, start)):
            break
        sql = sql[:start].rstrip(_BLANKS)
    return sql


def _read(sql: str, dialect: "_Dialect", most: int) -> Reading | None:
    """None if the text is unsure for every server, or has more than ``most`` pieces."""
    tokens: list[Token] = []
    front = end = dialect.front.match(sql).end()  # type: ignore[union-attr]  # may be empty
    for number, piece in enumerate(dialect.pieces.finditer(sql, front)):
        kind = piece.lastgroup
        if kind == "unsure" or number > most:
            return None
        if kind == "broken":
            return Reading(front, tuple(tokens), is_broken=True)
        if not _BLANKS_OF_CHARSETS.isdisjoint(piece["bare"] or ""):
            return None
        if kind in _TOKENS:
            tokens.append(_token(piece, is_next=piece.start() == end))
            end = -1 if piece["call"] else piece.end()
    return Reading(front, tuple(tokens), is_broken=False)


def _token(piece: re.Match[str], *, is_next: bool) -> Token:
    attribute, dot, bare, quoted, sign, call = piece.group(*_GROUPS)
    return Token(
        quoted[1:-1] if quoted else _lower(bare or sign),
        is_quoted=quoted is not None,
        is_called=bool(call),
        is_dotted=dot is not None,
        is_attribute=attribute is not None,
        is_next=is_next,
        start=piece.start(),
    )


def _lower(text: str) -> str:
    """In lower case. The sign for Kelvin stays what it is, and becomes no k."""
    return text.lower() if text.isascii() else text


_GROUPS = ("attribute", "dot", "bare", "quoted", "sign", "call")
_TOKENS = frozenset({"call", "sign"})

# What MySQL may take for a blank, if the charset of its client says so; others for a letter.
_BLANKS_OF_CHARSETS = frozenset(map(chr, (0x85, 0xA0, *range(0x2000, 0x2010), 0x2028, 0x2029))) | {
    *map(chr, (0x1680, 0x180E, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF))
}

# All servers take what else is beyond ASCII for letters of a name. Sets are told by their
# characters of ASCII: to compile one that has others takes milliseconds.
_FIRST = r"[^\x00-@\[-^`{-\x7f]"
_LETTER = r"[^\x00-/:-@\[-^`{-\x7f]"
_LETTER_OR_DOLLAR = r"[^\x00-#%-/:-@\[-^`{-\x7f]"
_TAG = rf"\$(?:{_FIRST}{_LETTER}*+)?+\$"

# A comment that opens another is nested in PostgreSQL alone. A lone carriage return ends a comment
# in PostgreSQL alone. MySQL executes what stands in /*! and /*M!.
_INSIDE = r"(?:[^*/]++|\*+(?!/)|/+(?!\*))*+"
_BLOCK = rf"/\*(?!M?!){_INSIDE}\*/"
# A number needs no blank behind it: 1e1INTO is two tokens.
_EXPONENT = rf"(?:(?<=[0-9.])[eE][0-9]++(?={_FIRST}))?+"
# Quoted names of functions that a dot may call, and of the schema of temporary tables. All others
# say nothing, unless they are called.
_BY_A_DOT = r"""["`](?:nextval|currval|set|lo_|dblink|crosstab|ts_|pg_|brin_|gin_)"""
_UNSURE = rf"""/\*M?! | /\*{_INSIDE}/\* | --[^\r\n]*+\r(?!\n) | [uU]&" """


_BLANKS = " \t\n\r\f\v"
_COMMENT_LINE = r"--(?=[ \t\r\n]|\Z)[^\r\n]*+(?:\r?\n|\Z)"
_COMMENTS = re.compile(rf"(?:[{_BLANKS}]++|{_BLOCK}|{_COMMENT_LINE})*+")
_MOST_BEHIND = 3  # each takes a look through the text
_BEFORE_COMMENTS = frozenset(f"{_BLANKS}/-")

# No string or comment is open at its end, whoever reads it.
_PLAIN = re.compile(rf"""(?:[^'"`\\$\#/\-\[]++|'[^'\\]*+'|"[^"\\]*+"|-(?!-)|/(?!\*)|{_BLOCK})*+""")


class _Dialect(NamedTuple):
    """How one server reads."""

    front: re.Pattern[str]
    pieces: re.Pattern[str]


def _dialect(
    *,
    single: str,
    double: str,
    line: str = r"--[^\r\n]*+(?:\r?\n|\Z)",
    backtick: str = "`(?:[^`]++|``)*+`",
    more_names: str = "",
    boring: str = "",
    unsure: str = "",
    broken: str = "",
) -> _Dialect:
    """What finds the pieces: tokens, what lies between two, and what makes a text unsure.

    ``single`` is a string in single quotes. ``double`` and ``backtick`` are names in theirs.
    """
    name = rf"(?:{double}|{backtick})"
    names = rf"{name}(?:\.(?!{_BY_A_DOT}){name})*+"
    gap = rf"(?:[ \t\n\r\f\v]++|{_BLOCK}|{line})*+"
    front = rf"(?:[ \t\n\r\f\v(;]++|{_BLOCK}|{line})*+"
    pieces = rf"""
        (?: [\x00-!&(*-,0-9<-@\]^{{-\x7f]++ | {single} | {_BLOCK} | {line} {boring}
          | (?!["`]pg_temp){names}(?!{gap}[(.])
          | \)+(?!{gap}\.) | \.(?!{gap}(?:["`\[]|{_FIRST})) | :(?!=) | -(?!-) | /(?!\*)
          | %s(?=[,)]) | %\(\w++\)s(?![\w$]) | %(?!s[,)])(?!\() | (?!{_TAG})\$ )++
        | (?P<unsure> {_UNSURE} {unsure} )
        | (?P<dot>(?P<attribute>\){gap})?+\.{gap})?+
          (?: {_EXPONENT}(?P<bare>{_FIRST}{_LETTER_OR_DOLLAR}*+)
            | (?P<quoted>{double}|{backtick}{more_names}) )
          {gap}(?P<call>\(?)
        | (?P<sign>;|:=)
        | (?P<broken> ['"`] | /\* {broken} )
        | .
        """
    return _Dialect(re.compile(front), re.compile(pieces, re.VERBOSE | re.DOTALL))


_STRING, _ESCAPED_STRING = "'[^']*+'", r"'(?:[^'\\]++|\\.)*+'"
_NAME, _ESCAPED_NAME = '"(?:[^"]++|"")*+"', r'"(?:[^"\\]++|""|\\.)*+"'

# What all servers read alike; the rest of this text is for the others.
_COMMON = _dialect(
    single=r"'[^'\\]*+'",
    double=r'"(?:[^"\\]++|"")*+"',
    backtick=r"`[\w$ .\-]*+`(?!`)",
    line=_COMMENT_LINE,
    boring=r"""| \[(?=[^\[\]'"`;/\-\#\\$]*+\])""",
    broken=rf"| \\ | \# | {_TAG} | \[ | --",
)

# A string goes on after a blank with a line's end, with escapes if it began with an E.
_E_STRING = r"[eE]'(?:[^'\\]++|''|\\.)*+'(?!(?:[ \t\r\n\f\v]++|--[^\r\n]*+)*+')"
_DOLLAR_STRING = rf"\$(?P<tag>(?:{_FIRST}{_LETTER}*+)?+)\$.*?\$(?P=tag)\$"
_POSTGRESQL = {
    "double": _NAME,
    "backtick": "(?!)",
    "boring": rf"| {_E_STRING} | {_DOLLAR_STRING} | [`\\\#\[]",
    "unsure": "| [eE]'",
    "broken": f"| {_TAG}",
}
_MYSQL = {
    "line": r"(?:--(?=[\x00-\x20\x7f]|\Z)|\#)[^\n]*+(?:\n|\Z)",
    "boring": r"| -(?!-(?:[\x00-\x20\x7f]|\Z)) | [\\$\[]",
}
_SQLITE = {"more_names": r"|\[[^\]]*+\]", "boring": r"| [\\$\#]", "broken": r"| \["}

_DIALECTS = (
    _dialect(single=_STRING, **_POSTGRESQL),
    _dialect(single=_ESCAPED_STRING, **_POSTGRESQL),  # standard_conforming_strings = off
    _dialect(single=_ESCAPED_STRING, double=_ESCAPED_NAME, **_MYSQL),
    _dialect(single=_ESCAPED_STRING, double=_NAME, **_MYSQL),  # ANSI_QUOTES
    _dialect(single=_STRING, double=_NAME, **_MYSQL),  # NO_BACKSLASH_ESCAPES
    _dialect(single=_STRING, double=_NAME, **_SQLITE),
)
