"""What errors of drivers say about the server."""

import pytest
from django.db import Error, NotSupportedError, OperationalError, ProgrammingError
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from pinning.databases.errors import (
    is_conflict,
    is_not_on_standby,
    is_refused,
    is_without_connection,
)


def of_psycopg(cause: Exception) -> Error:
    error = ProgrammingError(*cause.args)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (of_psycopg(errors.InsufficientPrivilege("permission denied for function")), True),
        (of_psycopg(errors.UndefinedFunction("no such function")), True),
        (of_psycopg(errors.FeatureNotSupported("not here")), True),
        (of_psycopg(errors.ObjectNotInPrerequisiteState("recovery is in progress")), False),
        (of_psycopg(errors.QueryCanceled("statement timeout")), False),
        (of_psycopg(errors.AdminShutdown("terminating connection")), False),
        (OperationalError("server closed the connection unexpectedly"), False),
        (OperationalError(1193, "Unknown system variable 'gtid_executed'"), True),
        (OperationalError(1227, "Access denied; you need the SUPER privilege"), True),
        (OperationalError(2006, "Server has gone away"), False),
        (OperationalError(), False),
    ],
)
def test_a_refusal_is_an_answer_that_would_come_again(error: Error, refused: bool):
    assert is_refused(error) is refused


@pytest.mark.parametrize(
    ("cause", "is_busy"),
    [
        (PoolTimeout("couldn't get a connection after 1.00 sec"), True),
        (TooManyRequests("the pool has already 9 requests waiting"), True),
        (PoolClosed("the pool is not open yet"), False),
        (errors.AdminShutdown("terminating connection"), False),
    ],
)
def test_a_pool_that_had_no_connection_says_nothing_of_the_server(cause, is_busy):
    assert is_without_connection(of_psycopg(cause)) is is_busy


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (of_psycopg(errors.FeatureNotSupported("cannot access temporary or unlogged")), True),
        (of_psycopg(errors.UndefinedTable("relation does not exist")), True),
        (of_psycopg(errors.InsufficientPrivilege("permission denied")), False),
        (of_psycopg(errors.SyntaxError("syntax error")), False),
        (OperationalError(1054, "Unknown column"), True),
        (ProgrammingError(1142, "SELECT command denied"), False),
        (of_psycopg(errors.ReadOnlySqlTransaction("cannot execute UPDATE")), False),
        (NotSupportedError("refused by Django itself"), False),
    ],
)
def test_what_a_standby_cannot_have_is_told_by_the_state(error: Error, answer: bool):
    assert is_not_on_standby(error) is answer


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (of_psycopg(errors.LockNotAvailable("canceling statement due to lock timeout")), True),
        (OperationalError(1205, "Lock wait timeout exceeded"), True),
        (of_psycopg(errors.QueryCanceled("canceling statement due to statement timeout")), False),
        (OperationalError(1969, "Query execution was interrupted (max_statement_time)"), False),
    ],
)
def test_a_wait_for_a_lock_on_a_standby_is_a_conflict_with_the_replay(error: Error, answer: bool):
    assert is_conflict(error) is answer
