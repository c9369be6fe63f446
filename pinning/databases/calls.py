"""Whether a statement calls by a name that only other servers know, or have for a keyword.

Such a function is the project's own, and may do anything with its session.
"""

from collections.abc import Sequence

from pinning.databases.functions import HARMLESS_ON, RESERVED_ON
from pinning.databases.suspects import follows, is_target
from pinning.databases.tokens import Token

# Words that are syntax behind these, with a parenthesis behind them. PostgreSQL lets functions have
# their names, and one that is called never stands there.
_BEHIND = {
    "by": (("group",), ("order",), ("partition",)),
    "conflict": (("on",),),
    "cube": (("group", "by"),),
    "join": (("inner",), ("left",), ("right",), ("full",), ("outer",), ("cross",), ("natural",)),
    "materialized": (("as",), ("as", "not")),
    "rollup": (("group", "by"),),
    "set": (("update",),),
    "sets": (("grouping",),),
    "varying": (("character",), ("char",), ("bit",)),
    "zone": (("at", "time"),),
}

# Words that are syntax if these follow.
_BEFORE = {
    "filter": ("where",),
    "operator": ("pg_catalog",),
    "over": ("partition", "by"),
}

# The name of a table, of two words at most with that of its alias, and ONLY and AS.
_LONGEST_UPDATE = 6


def calls_an_unknown(sql: str, tokens: Sequence[Token], vendor: str) -> bool:
    """Whether ``sql`` calls a function by a name that a server of ``vendor`` may not have.

    Of a ``vendor`` that is not known it is no: it has the names of all.
    """
    names = HARMLESS_ON.get(vendor)
    if names is None:
        return False
    reserved = RESERVED_ON[vendor]
    return any(
        not (token.text in names or (token.text in reserved and not token.is_quoted))
        and _may_be_a_function(sql, tokens, place)
        for place, token in enumerate(tokens)
        if place and (token.is_attribute or (token.is_called and not token.is_dotted))
    )


def _may_be_a_function(sql: str, tokens: Sequence[Token], place: int) -> bool:
    token = tokens[place]
    if token.is_attribute:
        return True
    return not (
        is_target(tokens, place) or (not token.is_quoted and _is_syntax(sql, tokens, place))
    )


def _is_syntax(sql: str, tokens: Sequence[Token], place: int) -> bool:
    """Whether the word is one of the statement's own, by what stands before it and behind."""
    word = tokens[place].text
    if any(follows(tokens, place, *words) for words in _BEHIND.get(word, ())):
        return True
    if word in _BEFORE and _precedes(tokens, place, *_BEFORE[word]):
        return True
    if word == "over":
        return _is_behind(")", sql, tokens[place])
    if word == "set":
        return _begins_update(tokens, place)
    return word in {"join", "ilike"} and _is_infix(sql, tokens, place)


def _precedes(tokens: Sequence[Token], place: int, *words: str) -> bool:
    """Whether just these words come next."""
    after = tokens[place + 1 : place + 1 + len(words)]
    return tuple(token.text for token in after if not token.is_quoted) == words


def _is_behind(sign: str, sql: str, token: Token) -> bool:
    """Whether the sign stands before, and at most one space between. So it is in no comment."""
    return sql[max(token.start - 2, 0) : token.start].removesuffix(" ").endswith(sign)


def _is_infix(sql: str, tokens: Sequence[Token], place: int) -> bool:
    """Whether a name stands before, with no comma and no operator between."""
    before = tokens[place - 1]
    is_name = before.is_quoted or before.text not in RESERVED_ON["postgresql"]
    return _is_behind('"', sql, tokens[place]) or (tokens[place].is_next and is_name)


def _begins_update(tokens: Sequence[Token], place: int) -> bool:
    """Whether the word is the SET of an UPDATE: the first there is."""
    before = [token.text for token in tokens[:place]] if place <= _LONGEST_UPDATE else []
    return before[:1] == ["update"] and "set" not in before
