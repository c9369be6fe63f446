"""Tells from the text of an SQL statement alone what it may do. If unsure, it does all of it."""

import functools
from typing import Any

from pinning.databases.calls import calls_an_unknown
from pinning.databases.pragmas import Pragma, pragma_of
from pinning.databases.rules import (
    UNSURE,
    Statement,
    opens_of_several,
    rule_of,
    words_of_several,
)
from pinning.databases.session_changes import changes_session, may_change_session
from pinning.databases.tables import table_of
from pinning.databases.tokens import Reading, Token, first_word_of, readings_of, without_comments

# The ORM repeats its texts, with the values apart. Long texts have long lists of values.
_KNOWN = 512
_LONGEST_KNOWN = 4096


def statement_of(sql: str, vendor: str = "") -> Statement:
    """What the statement ``sql`` may do on a server of ``vendor``: Django's name for it.

    A function that any server has counts as known if no vendor is named. The last short texts are
    remembered.
    """
    return _known(sql, vendor) if len(sql) <= _LONGEST_KNOWN else _look(sql, vendor)


def as_text(sql: Any, driver_connection: Any) -> str:
    """A statement as text: psycopg takes bytes and composed statements as well.

    It has no comments around it, in which tracers tell of the request: the same statement is the
    same text, and each rule sees where it begins and ends.
    """
    if isinstance(sql, str):
        return without_comments(sql)
    if isinstance(sql, bytes):
        return without_comments(sql.decode(errors="replace"))
    as_string = getattr(sql, "as_string", None)
    return without_comments(str(as_string(driver_connection)) if as_string else str(sql))


@functools.lru_cache(_KNOWN)
def _known(sql: str, vendor: str) -> Statement:
    return _look(sql, vendor)


def _look(sql: str, vendor: str) -> Statement:
    """The worst of what the text does in all ways of reading it."""
    readings = readings_of(sql)
    found = [_read(sql, each, vendor) for each in readings if not _is_refused(sql, each)]
    if len(found) == 1 and len(readings) == 1:
        return found[0]
    if not found:
        word = first_word_of(sql)
        changes = may_change_session(sql, word)
        return UNSURE._replace(
            word=word,
            words=frozenset({word, ""} if ";" in sql else ()),
            changes_session=changes,
            sets_autocommit=changes,
        )
    writes, marks, locks, changes = (any(each) for each in list(zip(*found, strict=True))[:4])
    words = {each.word for each in found}
    all_words = frozenset(words).union(*(each.words for each in found))
    return Statement(
        writes,
        marks,
        locks,
        changes,
        word=words.pop() if len(words) == 1 else "",
        opens=_worst_opens({each.opens for each in found}),
        names_lock=any(each.names_lock for each in found),
        sets_autocommit=any(each.sets_autocommit for each in found),
        words=all_words if len(all_words) > 1 else frozenset(),
    )


def _worst_opens(told: set[bool | None]) -> bool | None:
    """A transaction may be open if one way of reading begins it, or one does not end it."""
    return True if True in told else None if None in told else False


def _is_refused(sql: str, reading: Reading) -> bool:
    """Whether a server that reads so runs none of the text.

    No statement begins with a hyphen, which others take for that of a comment. A text that ends
    within a string or a comment is refused from its last semicolon on.
    """
    if sql.startswith("-", reading.front):
        return True
    return reading.is_broken and not any(token.is_sign(";") for token in reading.tokens)


def _read(sql: str, reading: Reading, vendor: str) -> Statement:
    """What a text does that is read so."""
    tokens = reading.tokens
    if not tokens or tokens[0].start != reading.front or not tokens[0].is_word:
        return Statement() if reading.front == len(sql) else UNSURE
    statement = _rule(sql, tokens)
    if calls_an_unknown(sql, tokens, vendor):
        statement = _as_unknown(statement, tokens[0].text)
    changes = changes_session(sql, tokens, writes=statement.writes)
    return statement._replace(
        word=tokens[0].text,
        marks=statement.marks or changes,
        changes_session=changes,
        sets_autocommit=changes and (statement.writes or "autocommit" in sql.lower()),
    )


def _as_unknown(statement: Statement, word: str) -> Statement:
    """What it does if it calls a function that is not known. SET may then do anything."""
    return UNSURE if word == "set" else statement._replace(marks=True, locks=True)


def _rule(sql: str, tokens: tuple[Token, ...]) -> Statement:
    """What a text does by its first word. Several statements in one text may do anything."""
    ends = (place for place, token in enumerate(tokens) if token.is_sign(";"))
    last = next(ends, len(tokens))
    if not all(token.is_sign(";") for token in tokens[last:]):
        opens, words = opens_of_several(tokens), words_of_several(tokens)
        return UNSURE._replace(opens=opens, words=words)
    if tokens[0].text == "pragma":
        kind = pragma_of(sql)
        return Statement(writes=kind is Pragma.WRITES, marks=kind is not Pragma.ASKS)
    statement = rule_of(tokens[0].text)(tokens[:last])
    return statement._replace(table=table_of(sql, tokens) if statement.writes else None)
