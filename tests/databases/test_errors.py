"""What errors of drivers say about the server."""

import pytest
from django.db import Error, OperationalError, ProgrammingError
from psycopg import errors

from pinning.databases.errors import is_refused


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
