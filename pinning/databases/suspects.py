"""Whether one token of a statement makes it write, leave a mark on its session, or lock."""

from collections.abc import Sequence

from pinning.databases.functions import (
    HARMLESS,
    KEYWORDS,
    LOCKING,
    MARKING_BY_A_DOT,
    WRITING,
)
from pinning.databases.tokens import Token

_SUSPECTS = frozenset(
    {"insert", "delete", "merge", "into", "nextval", "setval", "update", "value", "replace"}
)

# A name with a list of columns follows these: that of a common table, of an alias, of a table.
_BEFORE_COLUMNS = frozenset({"with", "recursive", "as", "into", "ordinality"})

_AFTER_FOR, _AFTER_LOCK = frozenset({"update", "share", "no", "key"}), frozenset({"in"})


def is_write(tokens: Sequence[Token], place: int) -> bool:
    """Whether the token may make the statement write."""
    token = tokens[place]
    if (token.is_called or token.is_dotted) and WRITING.fullmatch(token.text.lower()):
        return True
    return not token.is_quoted and _changes(tokens, place)


def is_mark(tokens: Sequence[Token], place: int) -> bool:
    """Whether the token may leave a mark: it assigns, or calls a function that is not known.

    PREVIOUS VALUE FOR tells of what the session did before.
    """
    token = tokens[place]
    if token.is_sign(":=") or (token.text == "value" and follows(tokens, place, "previous")):
        return True
    if token.is_attribute:
        return token.is_called or token.text not in HARMLESS
    if token.is_dotted and MARKING_BY_A_DOT.fullmatch(token.text.lower()):
        return True
    return token.is_called and not _is_known(tokens, place)


def is_lock(tokens: Sequence[Token], place: int) -> bool:
    """Whether the token begins what locks: FOR UPDATE, LOCK IN SHARE MODE, a lock by name."""
    token = tokens[place]
    if (token.is_called or token.is_dotted) and LOCKING.fullmatch(token.text.lower()):
        return True
    if place + 1 == len(tokens) or token.is_quoted:
        return False
    word, following = token.text, tokens[place + 1]
    wanted = _AFTER_FOR if word == "for" else _AFTER_LOCK if word == "lock" else ()
    return following.is_next and following.text in wanted


def _changes(tokens: Sequence[Token], place: int) -> bool:
    word = tokens[place].text
    if word not in _SUSPECTS:
        return False
    if word == "update":
        locks = follows(tokens, place, "for") or follows(tokens, place, "for", "no", "key")
        return not locks
    if word == "value":
        return follows(tokens, place, "next")
    return word != "replace" or not tokens[place].is_called


def follows(tokens: Sequence[Token], place: int, *words: str) -> bool:
    """Whether just these words stand before the token, with nothing in between."""
    before = tokens[max(place - len(words), 0) : place]
    found = tuple(token.text for token in before if not token.is_quoted)
    return found == words and all(
        token.is_next for token in tokens[place - len(words) + 1 : place + 1]
    )


def _is_known(tokens: Sequence[Token], place: int) -> bool:
    """Whether what stands before a parenthesis is no function, or one that is known."""
    token = tokens[place]
    before = tokens[place - 1] if place and token.is_next else None
    if token.is_dotted:
        is_builtin = before is not None and not before.is_dotted and before.text == "pg_catalog"
        return (is_builtin and token.text in HARMLESS) or is_target(tokens, place)
    if token.text in HARMLESS or (not token.is_quoted and token.text in KEYWORDS):
        return True
    return is_target(tokens, place)


def is_target(tokens: Sequence[Token], place: int) -> bool:
    """Whether a list of columns may follow the name."""
    while place > 0 and tokens[place].is_dotted and tokens[place].is_next:
        place -= 1
    before = tokens[place - 1] if place > 0 and tokens[place].is_next else None
    return before is not None and before.is_word and before.text in _BEFORE_COLUMNS
