"""The old primary comes back as a standby, and the alias still leads to it."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, InternalError, OperationalError, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from pinning import scope
from pinning.exceptions import NotAPrimaryError
from pinning.testing.postgres import Postgres, Replica
from tests.services import service

INSERT = "INSERT INTO note VALUES ('new')"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Replica]]:
    with ExitStack() as stack:
        primary = stack.enter_context(service(Postgres.primary()))
        primary.execute("CREATE TABLE note (text text)")
        standby = stack.enter_context(primary.replica())
        standby.wait_until_caught_up()
        yield primary, standby


@pytest.fixture(params=["psycopg", "pooler"])
def default(
    request: pytest.FixtureRequest,
    servers: tuple[Postgres, Replica],
    django_db_blocker: Any,
    monkeypatch,
) -> Iterator[DatabaseWrapper]:
    """The alias "default", which leads to the standby; a pooler does not say that it does."""
    if request.param == "pooler":
        monkeypatch.setattr(
            "pinning.databases.postgresql._reported_standby", lambda connection: None
        )
    before = connections["default"]
    settings = {**before.settings_dict, "TEST": {}, "CONN_MAX_AGE": None}
    connection = DatabaseWrapper({**settings, **servers[1].settings("postgres")}, alias="default")
    connections["default"] = connection
    with django_db_blocker.unblock():
        yield connection
        connection.close()
    connections["default"] = before


def write(connection: DatabaseWrapper, statement: str = INSERT) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = (record.getMessage() for record in caplog.records if record.name == "pinning")
    return [message.split(" leads to ")[1].split(". ")[0] for message in messages]


@pytest.mark.parametrize(
    "statement", [INSERT, "CREATE TABLE other (text text)", "SELECT * FROM note FOR UPDATE"]
)
@pytest.mark.parametrize("kind", [OperationalError, InternalError, DatabaseError, NotAPrimaryError])
def test_a_write_to_a_standby_is_a_clear_error_and_pins_nobody(default, statement, kind):
    with scope() as work:
        with pytest.raises(kind, match="'default' leads to a server that takes no writes"):
            write(default, statement)
        assert not work.has_written("default")
        with pytest.raises(kind), transaction.atomic():
            write(default, statement)
        assert not work.has_written("default")


def test_a_write_that_is_known_to_fail_is_not_sent(default, request):
    with pytest.raises(NotAPrimaryError) as caught:
        write(default)
    was_sent = isinstance(caught.value.__cause__, InternalError)
    assert was_sent is ("pooler" in request.node.name)


def test_a_standby_is_named_once_and_a_primary_once(default, servers, caplog):
    for _ in range(2):
        for _ in range(2):
            with pytest.raises(NotAPrimaryError):
                write(default)
        default.close()
    assert texts(caplog) == ["a server that takes no writes"]
    default.settings_dict["PORT"] = str(servers[0].port)
    for _ in range(2):
        with scope() as work:
            write(default)
            assert work.has_written("default")
    assert texts(caplog)[1:] == ["a primary again."]


def test_the_connection_is_renewed_after_the_request(default, servers):
    """The name of the primary may lead elsewhere by then."""
    with pytest.raises(NotAPrimaryError):
        write(default)
    default.settings_dict["PORT"] = str(servers[0].port)
    default.close_if_unusable_or_obsolete()
    write(default)


def test_reads_alone_let_it_be_known(default, request, caplog):
    with default.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM note")
    assert len(texts(caplog)) == ("pooler" not in request.node.name)


def test_a_transaction_that_reads_only_is_no_standby(default, servers, request):
    """Its own error says it. Behind a pooler the two cannot be told apart."""
    if "pooler" in request.node.name:
        pytest.skip("cannot be told apart")
    default.settings_dict["PORT"] = str(servers[0].port)
    with pytest.raises(InternalError) as caught, transaction.atomic():
        write(default, "SET TRANSACTION READ ONLY")
        write(default)
    assert isinstance(caught.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)


def test_a_connection_from_before_the_promotion_may_write_after_it(django_db_blocker, caplog):
    """It hears of the promotion with its next answer."""
    with ExitStack() as stack:
        primary = stack.enter_context(service(Postgres.primary()))
        primary.execute("CREATE TABLE note (text text)")
        standby = stack.enter_context(primary.replica())
        standby.wait_until_caught_up()
        before = connections["default"]
        settings = {**before.settings_dict, "TEST": {}, **standby.settings("postgres")}
        connections["default"] = connection = DatabaseWrapper(settings, alias="default")
        stack.callback(connections.__setitem__, "default", before)
        with django_db_blocker.unblock():
            stack.callback(connection.close)
            with pytest.raises(NotAPrimaryError):
                write(connection)
            standby.promote()
            write(connection)
    assert texts(caplog)[1:] == ["a primary again."]
