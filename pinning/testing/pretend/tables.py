"""Which tables a statement names. It is for a report: what is hidden in views and functions is not.

Django quotes what it names. Other SQL is read in the same way, and by its words alone.
"""

import functools
import re

_NAME = r"""(?:[\w$]+|"[^"]+"|`[^`]+`)"""
_TABLE = rf"""(?:{_NAME}\s*\.\s*)*{_NAME}"""
_ALIAS = rf"""(?:\s+(?:as\s+)?(?!(?:as|where|join|on|set|group|order|inner|left)\b){_NAME})?"""
_PLACE = re.compile(
    rf"""\b(?:from|join|into|update|table|truncate|view)\b[\s(]*+(?:only\s+|lateral\s+)?(?!select\b)
         (?P<tables>{_TABLE}{_ALIAS}(?:\s*,\s*{_TABLE}{_ALIAS})*)""",
    re.IGNORECASE | re.VERBOSE,
)
_FIRST = re.compile(_TABLE, re.VERBOSE)


@functools.lru_cache(1000)
def tables_in(sql: str) -> frozenset[str]:
    """The names in ``sql`` that stand where tables do, in lower case and without their schema."""
    lists = (match["tables"] for match in _PLACE.finditer(sql))
    found = (_FIRST.match(item.strip()) for each in lists for item in each.split(","))
    return frozenset(_last(match[0]) for match in found if match is not None)


def _last(name: str) -> str:
    return name.rpartition(".")[2].strip().strip('"`').lower()
