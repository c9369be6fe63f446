"""Tells whether all that a statement does to its session is over with the transaction."""

import re

# pg_advisory_xact_lock, with try and shared too, and PostgreSQL's LOCK of one table. MySQL's LOCK
# TABLES, which the session holds, always has READ or WRITE after the name.
_TRANSACTION_LOCK = re.compile(
    r"""\s*+(?: select\s++pg_(?:try_)?advisory_xact_lock(?:_shared)?\s*+\([^()]*+\)
              | lock\s++(?:table\s++)?+[\w."]++(?:\s++in\s++[\w\s]{5,30}\smode)?+
                (?:\s++nowait)?+ )\s*+;?+\s*+""",
    re.IGNORECASE | re.VERBOSE,
)


def holds_for_transaction(sql: str) -> bool:
    """Whether ``sql`` takes a lock until the transaction ends, and certainly does nothing else."""
    return _TRANSACTION_LOCK.fullmatch(sql) is not None
