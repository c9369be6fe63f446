"""What an error of a driver says about the server."""

import sys

from django.db import Error


def sqlstate_of(error: BaseException) -> str | None:
    """The SQLSTATE of a driver's error: psycopg 3 calls it ``sqlstate``, psycopg2 ``pgcode``."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _number_of(error: BaseException) -> object:
    """The number of a MySQL error. Of others their text."""
    return error.args[0] if error.args else None


# A server that says this is up. While it connects, libpq gives no SQLSTATE (53300); MySQL has
# numbers.
_FULL = (
    "too many connections",
    "too many clients",
    "connection slots",
    "no more connections allowed",  # PgBouncer
)
_FULL_NUMBERS = frozenset({1040, 1203, 1226})


def is_full(error: Error) -> bool:
    """Whether a server refused a connection because it has none left: it is up, and busy."""
    text = str(error).lower()
    return _number_of(error) in _FULL_NUMBERS or any(words in text for words in _FULL)


def is_without_connection(error: Error) -> bool:
    """Whether this process's pool had no connection to give in time.

    All may be in use. Or the server is dead, and the pool could make none: it does not tell.
    """
    pools = sys.modules.get("psycopg_pool")  # who has no pool need not load it
    return pools is not None and isinstance(
        error.__cause__, (pools.PoolTimeout, pools.TooManyRequests)
    )


# insufficient_privilege, undefined_function and others of their class; invalid_schema_name;
# feature_not_supported. In MySQL: a table, column, privilege or routine that is denied; a variable
# or function it has not.
_REFUSALS = ("42", "3F000", "0A")
_REFUSAL_NUMBERS = frozenset({1142, 1143, 1193, 1227, 1305, 1370})


def is_refused(error: Error) -> bool:
    """Whether a server refused a question and would refuse it again: no right, or not known."""
    return _number_of(error) in _REFUSAL_NUMBERS or (sqlstate_of(error) or "").startswith(_REFUSALS)


# The recovery conflicts that leave the connection open: serialization_failure, deadlock_detected.
# Other conflicts, and a server that is shut down, end the connection. lock_not_available: what is
# replayed locks the table, or waits for a query to do so, and lock_timeout is over. In MySQL that
# is lock_wait_timeout.
_CONFLICTS = frozenset({"40001", "40P01", "55P03"})
_CONFLICT_NUMBERS = frozenset({1205})


def is_conflict(error: Error) -> bool:
    """Whether a standby cancelled a query because the query conflicted with the replay."""
    return _number_of(error) in _CONFLICT_NUMBERS or sqlstate_of(error) in _CONFLICTS


# feature_not_supported: rows of an UNLOGGED table are on the primary alone. undefined_column,
# undefined_function (an operator, too), undefined_table, undefined_object, invalid_schema_name: a
# migration has made it, and the standby has not replayed that. Also what no server has, whose error
# comes again there. In MySQL: a column, a table, a function.
_NOT_ON_STANDBY = frozenset({"0A000", "42703", "42883", "42P01", "42704", "3F000"})
_NOT_ON_STANDBY_NUMBERS = frozenset({1054, 1146, 1305})


def is_not_on_standby(error: Error) -> bool:
    """Whether a standby refused a query because it cannot have, or lacks yet, what that reads."""
    return _number_of(error) in _NOT_ON_STANDBY_NUMBERS or sqlstate_of(error) in _NOT_ON_STANDBY
