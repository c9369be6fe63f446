"""Tells which locks a statement takes, and how long they are held."""

import contextlib
import math
import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from pinning.databases.connections import is_server_side
from pinning.databases.state import state_of

# The arguments of a call. They call nothing but what makes a number of a name.
_ARGUMENTS = r"\s*+\((?:hashtext(?:extended)?\s*+\([^();]*+\)|[^();])*+\)"
_FUNCTION = r"\s*+select\s++(?:pg_catalog\.)?+"
_END = r"(?:\s++as\s++\w++)?+\s*+;?+\s*+"

# pg_advisory_xact_lock, with try and shared too, and PostgreSQL's LOCK of one table. MySQL's LOCK
# TABLES, which the session holds, always has READ or WRITE after the name.
_TRANSACTION_LOCK = re.compile(
    rf"""(?: {_FUNCTION}pg_(?:try_)?advisory_xact_lock(?:_shared)?{_ARGUMENTS}
           | \s*+lock\s++(?:table\s++)?+[\w."]++(?:\s++in\s++[\w\s]{{5,30}}\smode)?+
             (?:\s++nowait)?+ ){_END}""",
    re.IGNORECASE | re.VERBOSE,
)

_TAKES = r"pg_(?:try_)?advisory_lock(?:_shared)?|get_lock"
_RELEASES = r"pg_advisory_unlock(?:_shared)?|release_lock"
_ONE_LOCK = re.compile(
    rf"{_FUNCTION}(?:(?P<takes>{_TAKES})|(?:{_RELEASES})){_ARGUMENTS}{_END}", re.IGNORECASE
)
_NO_LOCKS = re.compile(
    rf"""(?: {_FUNCTION}(?:pg_advisory_unlock_all|release_all_locks)\s*+\(\s*+\)
           | \s*+discard\s++all ){_END}""",
    re.IGNORECASE | re.VERBOSE,
)
# These search long texts, in lower case. A search is fast if it is for letters first.
_MAY_TAKE = ("get_lock", "pg_advisory_lock", "pg_try_advisory_lock")

# MySQL's, which hold all tables or some until UNLOCK TABLES.
_HOLDS_TABLES = (
    re.compile(r"lock(?<=\block)\s++tables?\b"),
    re.compile(r"with(?<=\bwith)\s++read\s++lock\b"),
    re.compile(r"for(?<=\bfor)\s++export\b"),
)
_UNLOCKS_TABLES = re.compile(r"\s*+unlock\s++tables?\s*+;?+\s*+", re.IGNORECASE)


def note_held(
    connection: BaseDatabaseWrapper, sql: str, cursor: CursorWrapper, *, many: bool
) -> None:
    """Note what the session of ``connection`` holds after ``sql``, which has run on ``cursor``."""
    state = state_of(connection)
    state.locks = held_after(state.locks, sql, cursor, many=many)
    if connection.vendor == "mysql":
        state.holds_tables = holds_tables_after(sql, is_held=state.holds_tables)


def note_held_after_error(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Note what it holds after an error of ``sql``, of which a part may have run."""
    state = state_of(connection)
    state.locks = held_after_error(state.locks, sql)
    if connection.vendor == "mysql" and ";" in sql.rstrip("; \n"):
        state.holds_tables = state.holds_tables or holds_tables_after(sql, is_held=False)


def holds_for_transaction(sql: str) -> bool:
    """Whether ``sql`` takes a lock until the transaction ends, and certainly does nothing else."""
    return _TRANSACTION_LOCK.fullmatch(sql) is not None


def held_after(held: float, sql: str, cursor: CursorWrapper, *, many: bool = False) -> float:
    """How many locks by name a session holds after ``sql``, which has just run on ``cursor``.

    ``held`` is how many it held before. A session has to unlock as often as it has locked. Infinite
    if it cannot be told: one query may lock once for each row, or for each of ``many`` sets.
    """
    if many and _may_take(sql):
        return math.inf
    if _NO_LOCKS.fullmatch(sql):
        return 0
    one = _ONE_LOCK.fullmatch(sql)
    if one is None:
        return math.inf if _may_take(sql) else held
    answer = _answer_on(cursor)
    if one["takes"]:
        return held if answer in {0, None} else held + 1  # somebody else has it
    return max(held - 1, 0) if answer == 1 else held


def holds_tables_after(sql: str, *, is_held: bool) -> bool:
    """Whether a session of MySQL holds tables after ``sql``, if it did before (``is_held``) or not.

    A transaction that SQL begins gives them back, but not those of FLUSH, so that tells nothing.
    """
    if _UNLOCKS_TABLES.fullmatch(sql):
        return False
    text = sql.lower()
    return is_held or any(each.search(text) for each in _HOLDS_TABLES)


def held_after_error(held: float, sql: str) -> float:
    """How many it holds after an error of ``sql``: an error gives back no lock of the session."""
    may_hold = _ONE_LOCK.fullmatch(sql) is None and _may_take(sql)
    return math.inf if may_hold else held


def _may_take(sql: str) -> bool:
    text = sql.lower()
    return any(name in text for name in _MAY_TAKE)


def _answer_on(cursor: Any) -> Any:
    """The only value of the only row, which the project can still fetch; "" if that is not known.

    A driver that has all rows in memory goes back to the first one.
    """
    row = ("",)
    with contextlib.suppress(Exception):  # each driver has its own errors
        if cursor.rowcount == 1 and hasattr(cursor, "scroll") and not is_server_side(cursor):
            row = cursor.fetchone()
            cursor.scroll(0, "absolute")
    return row[0] if type(row) is tuple else ""
