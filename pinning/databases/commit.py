"""A commit that says where the primary is then, in one message, so that no round trip is added.

The database answers statement by statement: what a question after COMMIT comes to changes nothing
of whether it was committed. Not inside the transaction, where the commit is still to be written.
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
    """Whether ``error``, or what it was made of, says for sure that nothing was committed."""
    return getattr(error.__cause__, _REFUSED, False)


def can_ask_psycopg(raw: Any) -> bool:
    """Whether the driver is psycopg 3, in a plain transaction. psycopg2 would lose track of it.

    Not where somebody stands around the connection, nor in a block of psycopg's own, where it
    refuses to commit.
    """
    if Psycopg3 is None or getattr(type(raw), "commit", None) is not Psycopg3.commit:
        return False
    if getattr(raw, "_num_transactions", 1) or getattr(raw, "_tpc", True):
        return False
    is_plain = raw.pgconn.pipeline_status == pq.PipelineStatus.OFF
    return bool(is_plain and raw.pgconn.transaction_status == pq.TransactionStatus.INTRANS)


def commit_by_psycopg(raw: Any, questions: list[str]) -> Rows:
    """Commit; the only row of each question, as text, up to the first that failed.

    Raises what COMMIT raises.
    """
    with raw.lock:
        raw.pgconn.send_query(";".join(["COMMIT", *questions]).encode())
        first, *others = raw.wait(generators.execute(raw.pgconn))
    if first.status != pq.ExecStatus.COMMAND_OK:
        error = errors.error_from_result(first, encoding=raw.info.encoding)
        is_over = raw.pgconn.transaction_status == pq.TransactionStatus.IDLE
        setattr(error, _REFUSED, is_over)  # else the connection broke, and nobody knows
        raise error
    return [
        tuple((result.get_value(0, column) or b"").decode() for column in range(result.nfields))
        for result in others
        if result.status == pq.ExecStatus.TUPLES_OK and result.ntuples == 1
    ]


def can_ask_mysqlclient(raw: Any) -> bool:
    """Whether the driver is mysqlclient, which takes several statements unless told not to."""
    if MySQLdb is None or getattr(type(raw), "commit", None) is not MySQLdb.commit:
        return False
    return bool(getattr(raw, "client_flag", 0) & MULTI_STATEMENTS)


def commit_by_mysqlclient(raw: Any, question: str) -> Rows:
    """The same, of one question."""
    try:
        raw.query(f"COMMIT;{question}".encode())
        raw.store_result()
        try:
            raw.next_result()
            rows = raw.store_result().fetch_row()
        except (AttributeError, MySQLError):
            return []
    except BaseException:  # a signal, say, that came while it was committed
        _take_the_rest(raw)
        raise
    return [tuple(v.decode() if isinstance(v, bytes) else str(v) for v in row) for row in rows]


def _take_the_rest(raw: Any) -> None:
    """Leave no answer behind that the next question would take for its own."""
    with contextlib.suppress(MySQLError):
        while raw.next_result() == 0:
            raw.store_result()
