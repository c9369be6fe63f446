"""Tells whether a statement takes a lock that its session holds until it gives it back."""

import re

# pg_advisory_lock, pg_advisory_lock_shared, and the same with try; not pg_advisory_xact_lock, which
# the end of the transaction gives back. GET_LOCK, LOCK TABLES and FLUSH ... WITH READ LOCK are
# MySQL's.
_SESSION_LOCK = re.compile(
    r"""\bpg_(?:try_)?advisory_lock(?:_shared)?\b | \bget_lock\b
      | \block\s+tables?\b.*\b(?:read|write)\b | \bwith\s+read\s+lock\b""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def takes_session_lock(sql: str) -> bool:
    """Whether ``sql`` names such a lock. What a function of the project's does is not known."""
    return _SESSION_LOCK.search(sql) is not None
