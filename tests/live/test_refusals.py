"""A role that may not ask for positions, as on some hosted servers: the clock decides."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import databases, scope
from pinning.databases import pin_now, positions_of
from pinning.pins.pin import Pin
from tests.live.site.pair import Pair
from tests.live.site.reaching import has_reached

#: What a hosted server may keep to itself: a question each is needed for.
OF_PRIMARY = ("pg_control_system()", "pg_current_wal_insert_lsn()")
OF_REPLICA = ("pg_control_system()", "pg_control_checkpoint()", "pg_last_wal_replay_lsn()")


@pytest.fixture(scope="module")
def plain(session_pair: Pair) -> Iterator[str]:
    """A database, and an ordinary role of the same name that owns nothing."""
    primary = session_pair.primary
    primary.create_database("plain_site")
    primary.create_role("plain_site")
    primary.execute("GRANT pg_read_all_stats TO plain_site")
    primary.execute("CREATE TABLE things (id int)", database="plain_site")
    primary.execute("GRANT ALL ON things TO plain_site", database="plain_site")
    session_pair.replica.wait_until_caught_up()
    yield "plain_site"
    primary.execute("DROP DATABASE plain_site WITH (FORCE)")
    primary.execute("DROP ROLE plain_site")


@pytest.fixture
def refuse(pair: Pair, plain: str) -> Iterator[Callable[[str], None]]:
    """Take the right to call a function from everybody but superusers."""

    def refuse(function: str) -> None:
        change("REVOKE", function, "FROM")

    def change(word: str, function: str, who: str) -> None:
        statement = f"{word} EXECUTE ON FUNCTION {function} {who} PUBLIC"
        pair.primary.execute(statement, database=plain)
        pair.replica.wait_until_caught_up()

    yield refuse
    for function in {*OF_PRIMARY, *OF_REPLICA}:
        change("GRANT", function, "TO")


@pytest.fixture
def primary(pair: Pair, plain: str, connect: Any) -> Iterator[BaseDatabaseWrapper]:
    """The connection "default", by the ordinary role."""
    before = connections["default"]
    connection = connect(pair.primary, NAME=plain, USER=plain)
    connection.alias = "default"
    connections["default"] = connection
    yield connection
    connections["default"] = before


def write(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO things VALUES (1)")


@pytest.mark.parametrize("function", OF_PRIMARY)
def test_a_write_keeps_its_connection_and_is_warned_of_once(primary, refuse, caplog, function):
    refuse(function)
    primary.ensure_connection()
    driver = primary.connection
    for _ in range(3):
        with scope() as work:
            write(primary)
            (pin,) = work.take_pins()
        assert (pin.timeline, pin.position) == ("", None)
    assert primary.connection is driver
    (record,) = caplog.records
    assert "'default'" in record.getMessage()
    assert "permission denied for function" in record.getMessage()


def test_it_is_asked_again_on_a_new_connection_alone(primary, refuse, pair, plain):
    refuse("pg_control_system()")
    assert databases.of_primary(primary) is None
    pair.primary.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC", database=plain)
    assert databases.of_primary(primary) is None
    primary.close()
    assert databases.of_primary(primary).places


def test_no_commit_asks_what_was_refused(primary, refuse, caplog):
    refuse("pg_control_system()")
    primary.ensure_connection()
    driver = primary.connection
    positions = positions_of(primary)
    for number in range(3):
        with scope() as work:
            primary.set_autocommit(False)
            write(primary)
            assert positions.can_commit(primary) is (number == 0)
            primary.commit()
            primary.set_autocommit(True)
            (pin,) = work.take_pins()
        assert pin.position is None
    assert primary.connection is driver
    assert len(caplog.records) == 1


@pytest.mark.parametrize("function", OF_REPLICA)
def test_a_replica_goes_by_the_clock_and_is_warned_of_once(
    pair, plain, connect, refuse, caplog, function
):
    replica = connect(pair.replica, NAME=plain, USER=plain)
    (told,) = databases.of_primary(connect(pair.primary)).places.items()
    now = databases.of_primary(connect(pair.primary)).clock
    recent = Pin(cluster="default", written_at=now, timeline=told[0], position=told[1])
    old = Pin(cluster="default", written_at=now - 6, timeline=told[0], position=told[1])
    refuse(function)
    replica.ensure_connection()
    driver = replica.connection
    for _ in range(3):
        assert not has_reached(replica, recent)
        assert has_reached(replica, old)
    assert replica.connection is driver
    (record,) = caplog.records
    assert "permission denied for function" in record.getMessage()


def test_an_error_that_is_no_refusal_is_no_reason_to_stop_asking(primary):
    primary.ensure_connection()
    with primary.cursor() as cursor:
        cursor.execute("SET statement_timeout = 1")
        cursor.execute("SET statement_timeout = 0")
    assert pin_now("default")
    assert databases.of_primary(primary).places
