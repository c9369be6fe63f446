"""Which table a plain INSERT, UPDATE or DELETE writes to."""

import re
from collections.abc import Sequence

from pinning.databases.suspects import is_write
from pinning.databases.tokens import Token

_NAME = r"""(?:[\w$]+|"[^"]+"|`[^`]+`)"""
_TARGET = re.compile(
    rf"""\s*+(?:insert\s++into\s++(?P<into>{_NAME})(?=[\s(])
         | update\s++(?P<update>{_NAME})(?=\s++set\b)
         | delete\s++from\s++(?P<from>{_NAME})(?=\s++where\b|\s*+\Z))""",
    re.IGNORECASE | re.VERBOSE,
)


def table_of(sql: str, tokens: Sequence[Token]) -> str | None:
    """The table that ``sql`` writes to, if it surely writes to no other."""
    target = _TARGET.match(sql)
    if target is None:
        return None
    rest = (place for place, token in enumerate(tokens) if token.start >= target.end())
    if any(is_write(tokens, place) for place in rest):
        return None
    name: str = target["into"] or target["update"] or target["from"]
    return name.strip('"`')
