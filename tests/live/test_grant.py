"""A plain role sees a standby's timeline by a function, and nothing else of what others do."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import databases
from pinning.checks.databases import check_databases
from pinning.databases import postgresql, system
from tests.live.site.pair import DATABASE, Pair

UNKNOWN = "?"


@pytest.fixture
def aliases(connect: Callable[..., BaseDatabaseWrapper]) -> Iterator[Callable[..., None]]:
    """Puts a connection of a role to a server in the place of an alias."""
    before = {alias: connections[alias] for alias in ("default", "replica1")}

    def put(alias: str, server: Any, role: str) -> None:
        connections[alias] = connect(server, USER=role)

    yield put
    for alias, connection in before.items():
        connections[alias] = connection


@pytest.fixture
def plain(pair: Pair) -> Iterator[str]:
    """A role that may do nothing but connect."""
    pair.primary.create_role("plain")
    pair.replica.wait_until_caught_up()
    yield "plain"
    pair.execute("DROP SCHEMA IF EXISTS pinning CASCADE; DROP OWNED BY plain; DROP ROLE plain")


@pytest.fixture
def install(pair: Pair, aliases: Callable[..., None]) -> Callable[..., None]:
    """Runs the command with ``--apply``."""

    def install(to: str = "plain", by: str = "postgres") -> None:
        aliases("default", pair.primary, by)
        call_command("pinning_grant", roles=[to], apply=True)
        pair.replica.wait_until_caught_up()

    return install


def timeline_of(connection: BaseDatabaseWrapper) -> str:
    (key,) = databases.of_replica(connection).places
    return key.partition(".")[2]


def test_a_plain_role_sees_the_timeline_and_no_other_query(pair, plain, install, connect):
    assert timeline_of(connect(pair.replica, USER=plain)) == UNKNOWN
    install()
    replica = connect(pair.replica, USER=plain)
    assert timeline_of(replica) == "1"
    assert databases.of_replica(replica).server  # with the receiver's process
    other = connect(pair.replica)
    with other.cursor() as cursor:
        cursor.execute("SELECT 'a secret'")
    with replica.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE usename = 'postgres'")
        assert {query for (query,) in cursor.fetchall()} == {"<insufficient privilege>"}
        cursor.execute("SELECT count(conninfo) FROM pg_stat_wal_receiver")
        assert cursor.fetchall() == [(0,)]
        cursor.execute("SELECT * FROM pinning.wal_receiver()")
        assert [column.name for column in cursor.description] == ["received_tli", "pid"]


def test_the_function_looks_its_names_up_in_pg_catalog_whatever_its_caller_has_set(
    pair, plain, install
):
    install()
    told = "SELECT prosecdef, proconfig FROM pg_proc WHERE proname = 'wal_receiver'"
    path = "search_path=pg_catalog, pg_temp"
    assert pair.primary.execute(told, database=DATABASE) == [(True, [path])]


def test_it_may_be_run_again_and_for_another_role(pair, plain, install, connect):
    install()
    install(to="postgres")
    assert timeline_of(connect(pair.replica, USER=plain)) == "1"


def test_the_printed_sql_does_the_same(pair, plain, aliases, connect, capsys):
    aliases("default", pair.primary, plain)  # it asks the server nothing
    call_command("pinning_grant", roles=[plain])
    pair.execute(capsys.readouterr().out)
    pair.replica.wait_until_caught_up()
    assert timeline_of(connect(pair.replica, USER=plain)) == "1"


def test_nobody_else_may_call_it(pair, plain, install, connect):
    install(to="postgres")
    replica = connect(pair.replica, USER=plain)
    assert timeline_of(replica) == UNKNOWN
    told = "SELECT pg_catalog.has_function_privilege('plain', 'pinning.wal_receiver()', 'EXECUTE')"
    assert pair.primary.execute(told, database=DATABASE) == [(False,)]


def test_what_is_asked_raises_no_error_where_there_is_no_function(pair, plain, connect):
    replica = connect(pair.replica, USER=plain)
    log = pair.replica.directory / "log"
    before = len(log.read_text())
    for _ in range(2):
        assert timeline_of(replica) == UNKNOWN
        replica.close()
    assert "ERROR" not in log.read_text()[before:]


def test_nor_is_it_asked_more_often(pair, plain, install, connect, monkeypatch):
    asked = []
    fetch = postgresql.fetch_row
    for module in (postgresql, system):
        monkeypatch.setattr(module, "fetch_row", lambda *args: asked.append(args) or fetch(*args))
    install()
    replica = connect(pair.replica, USER=plain)
    databases.of_replica(replica)
    assert len(asked) == 2
    databases.of_replica(replica)
    assert len(asked) == 3


def test_a_function_that_is_taken_away_is_no_error(pair, plain, install, connect):
    install()
    replica = connect(pair.replica, USER=plain)
    assert timeline_of(replica) == "1"
    pair.execute("DROP SCHEMA pinning CASCADE")
    pair.replica.wait_until_caught_up()
    assert databases.of_replica(replica) is None  # pins hold for WINDOW
    replica.close()
    assert timeline_of(replica) == UNKNOWN


def test_the_check_names_the_function_first_and_takes_either(
    pair, plain, install, aliases, connect
):
    aliases("replica1", pair.replica, plain)
    (message,) = check_databases(["replica1"])
    assert message.id == "pinning.W016"
    command = message.hint.index("pinning_grant --database default --role plain")
    assert command < message.hint.index('GRANT pg_read_all_stats TO "plain";')
    install()
    aliases("replica1", pair.replica, plain)
    assert check_databases(["replica1"]) == []


def test_a_role_without_create_is_told_what_to_do(pair, plain, install):
    with pytest.raises(CommandError) as told:
        install(by=plain)
    assert "permission denied for database" in str(told.value)
    assert "Without --apply the SQL is printed, for an administrator" in str(told.value)


def test_so_is_one_whose_function_would_see_nothing(pair, plain, install):
    pair.execute(f"GRANT CREATE ON DATABASE {DATABASE} TO plain")
    with pytest.raises(CommandError, match="has no pg_read_all_stats"):
        install(by=plain)
    schemas = "SELECT 1 FROM pg_namespace WHERE nspname = 'pinning'"
    assert pair.primary.execute(schemas, database=DATABASE) == []


def test_one_with_both_rights_needs_no_superuser(pair, plain, install, connect):
    """As the first role of a hosted server has them."""
    pair.execute(f"GRANT CREATE ON DATABASE {DATABASE} TO plain; GRANT pg_monitor TO plain")
    pair.primary.create_role("reader")
    try:
        install(to="reader", by=plain)
        assert timeline_of(connect(pair.replica, USER="reader")) == "1"
    finally:
        pair.execute("DROP OWNED BY reader; DROP ROLE reader")


LIE = "RETURNS TABLE (received_tli int, pid int) LANGUAGE sql AS $$ SELECT 66, 66 $$"


@pytest.mark.parametrize("rights", ["SECURITY INVOKER", "SECURITY DEFINER"])
def test_what_somebody_has_planted_is_neither_called_nor_kept(
    pair, plain, install, connect, rights
):
    """They may create schemas, and came first."""
    pair.execute(f"GRANT CREATE ON DATABASE {DATABASE} TO plain")
    pair.execute("SET ROLE plain; CREATE SCHEMA pinning; GRANT USAGE ON SCHEMA pinning TO PUBLIC")
    pair.execute(f"SET ROLE plain; CREATE FUNCTION pinning.wal_receiver() {LIE} {rights}")
    pair.replica.wait_until_caught_up()
    assert timeline_of(connect(pair.replica)) == "1"
    with pytest.raises(CommandError, match='The schema "pinning" belongs to a role without'):
        install()
    assert timeline_of(connect(pair.replica)) == "1"


def test_nor_in_a_schema_that_is_ours(pair, plain, install, connect):
    """Somebody let them create in it."""
    pair.execute("CREATE SCHEMA pinning; GRANT ALL ON SCHEMA pinning TO plain")
    pair.execute(f"SET ROLE plain; CREATE FUNCTION pinning.wal_receiver() {LIE} SECURITY DEFINER")
    pair.replica.wait_until_caught_up()
    assert timeline_of(connect(pair.replica)) == "1"
    install()  # takes it over
    assert timeline_of(connect(pair.replica, USER=plain)) == "1"
    with pytest.raises(Exception, match="must be owner"):
        pair.execute(f"SET ROLE plain; CREATE OR REPLACE FUNCTION pinning.wal_receiver() {LIE}")


def test_a_promotion_is_noticed(fresh_pair, connect, aliases):
    pair = fresh_pair
    pair.primary.create_role("plain")
    aliases("default", pair.primary, "postgres")
    call_command("pinning_grant", roles=["plain"], apply=True)
    with pair.replica.replica() as second:
        second.wait_until_caught_up()
        cascaded = connect(second, USER="plain")
        assert timeline_of(cascaded) == "1"
        pair.replica.wait_until_caught_up()
        pair.primary.kill()
        pair.replica.promote()
        pair.replica.execute("CREATE TABLE later ()", database=DATABASE)
        second.wait_until_caught_up()
        assert timeline_of(cascaded) == "2"
