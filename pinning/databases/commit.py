"""Commits and asks where the primary is then, in one message, so that no round trip is added.

The database answers each statement by itself, so a question after COMMIT may fail and the commit
still stands. Inside the transaction is too early to ask: the commit is not in the log yet.
"""

import contextlib
from typing import Any

try:
    from psycopg import Connection as Psycopg3
    from psycopg import errors, generators, pq
except ImportError:
    Psycopg3 = None  # type: ignore[assignment,misc]

try:
    from MySQLdb import Error as MySQLError
    from MySQLdb.connections import Connection as MySQLdb
    from MySQLdb.constants.CLIENT import MULTI_STATEMENTS
except ImportError:
    MySQLdb = None

Rows = list[tuple[str, ...]]

_REFUSED = "_pinning_refused"


def was_commit_refused(error: BaseException) -> bool:
    """Whether the driver's error behind ``error`` says for certain that nothing was committed."""
    return getattr(error.__cause__, _REFUSED, False)


def can_ask_psycopg(raw: Any) -> bool:
    """Whether the driver is psycopg 3, in a plain transaction. psycopg2 would lose track of it.

    False if another package has wrapped the connection, and in a ``transaction()`` block of psycopg
    or a two-phase commit, where psycopg refuses to commit.
    """
    if Psycopg3 is None or getattr(type(raw), "commit", None) is not Psycopg3.commit:
        return False
    if getattr(raw, "_num_transactions", 1) or getattr(raw, "_tpc", True):
        return False
    is_plain = raw.pgconn.pipeline_status == pq.PipelineStatus.OFF
    return bool(is_plain and raw.pgconn.transaction_status == pq.TransactionStatus.INTRANS)


def commit_by_psycopg(raw: Any, questions: list[str]) -> Rows:
    """Commit and return the only row of each question, as text.

    The rows end before the first question that failed. Raises what COMMIT raises.
    """
    with raw.lock:
        raw.pgconn.send_query(";".join(["COMMIT", *questions]).encode())
        first, *others = raw.wait(generators.execute(raw.pgconn))
    if first.status != pq.ExecStatus.COMMAND_OK:
        error = errors.error_from_result(first, encoding=raw.info.encoding)
        is_over = raw.pgconn.transaction_status == pq.TransactionStatus.IDLE
        setattr(error, _REFUSED, is_over)  # else the connection broke, and it may be committed
        raise error
    return [
        tuple((result.get_value(0, column) or b"").decode() for column in range(result.nfields))
        for result in others
        if result.status == pq.ExecStatus.TUPLES_OK and result.ntuples == 1
    ]


def can_ask_mysqlclient(raw: Any) -> bool:
    """Whether the driver is mysqlclient and may send several statements, which is its default."""
    if MySQLdb is None or getattr(type(raw), "commit", None) is not MySQLdb.commit:
        return False
    return bool(getattr(raw, "client_flag", 0) & MULTI_STATEMENTS)


def commit_by_mysqlclient(raw: Any, question: str) -> Rows:
    """Commit and return the row of one question, as text; none if it failed. Raises as COMMIT."""
    try:
        raw.query(f"COMMIT;{question}".encode())
        raw.store_result()
        try:
            raw.next_result()
            rows = raw.store_result().fetch_row()
        except (AttributeError, MySQLError):
            return []
    except BaseException:  # for example from a signal that arrived during the commit
        _take_the_rest(raw)
        raise
    return [tuple(v.decode() if isinstance(v, bytes) else str(v) for v in row) for row in rows]


def _take_the_rest(raw: Any) -> None:
    """Read the answers that are left: the next query would take them for its own."""
    with contextlib.suppress(MySQLError):
        while raw.next_result() == 0:
            raw.store_result()
