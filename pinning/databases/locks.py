"""Tells whether a statement takes a lock that its session holds until it gives it back."""

import re

# pg_advisory_lock, pg_advisory_lock_shared, and the same with try; not pg_advisory_xact_lock, which
# the end of the transaction gives back. GET_LOCK, LOCK TABLES and FLUSH ... WITH READ LOCK are
# MySQL's.
_SESSION_LOCK = re.compile(
    r"""\bpg_(?:try_)?advisory_lock(?:_shared)?\b | \bget_lock\b | \bwith\s++read\s++lock\b""",
    re.IGNORECASE | re.VERBOSE,
)
_LOCK_TABLES = re.compile(r"\block\s++tables?\b", re.IGNORECASE)
_MODE = re.compile(r"\b(?:read|write)\b", re.IGNORECASE)


def takes_session_lock(sql: str) -> bool:
    """Whether ``sql`` names such a lock. What a function of the project's does is not known."""
    if _SESSION_LOCK.search(sql) is not None:
        return True
    tables = _LOCK_TABLES.search(sql)  # PostgreSQL has other modes, and locks for a transaction
    return tables is not None and _MODE.search(sql, tables.end()) is not None
