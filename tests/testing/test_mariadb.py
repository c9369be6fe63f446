"""The MariaDB and MySQL servers of `pinning.testing` do what they promise, beside what all do."""

import shutil
import time
from collections.abc import Iterator

import pytest

from pinning.testing import mariadb
from pinning.testing.accounts import make_temporary_directory, unprivileged_account
from pinning.testing.mariadb import MariaDB, MariaDBReplica
from pinning.testing.mysql import CHOSEN_BY, MySQL, is_chosen
from pinning.testing.processes import MissingService, ServerError
from tests.services import give_up, service

pytestmark = pytest.mark.live


KINDS = {"mariadb": MariaDB, **({"mysql": MySQL} if is_chosen() else {})}


@pytest.fixture(scope="module", params=KINDS)
def primary(request: pytest.FixtureRequest) -> Iterator[MariaDB]:
    with service(KINDS[request.param].primary()) as server:
        server.create_database("app")
        server.execute("CREATE TABLE app.numbers (number int PRIMARY KEY)")
        yield server


@pytest.fixture(scope="module")
def shared_replica(primary: MariaDB) -> Iterator[MariaDBReplica]:
    with primary.replica() as server:
        yield server


@pytest.fixture
def replica(primary: MariaDB, shared_replica: MariaDBReplica) -> MariaDBReplica:
    shared_replica.set_delay(0)
    primary.execute("DELETE FROM app.numbers")
    shared_replica.wait_until_caught_up()
    return shared_replica


def write(server: MariaDB, number: int) -> None:
    server.execute("INSERT INTO app.numbers VALUES (%s)", [number])


def read(server: MariaDB) -> list[int]:
    return [row[0] for row in server.execute("SELECT number FROM app.numbers ORDER BY number")]


def test_a_paused_replica_shows_nothing_new_until_it_is_resumed(primary, replica):
    replica.pause_replay()
    write(primary, 1)
    with pytest.raises(ServerError, match="has not replayed"):
        replica.wait_until_caught_up(timeout_seconds=0.3)
    assert read(replica) == []
    replica.resume_replay()
    replica.wait_until_caught_up()
    assert read(replica) == [1]


def test_a_delayed_replica_shows_a_write_after_the_delay(primary, replica):
    replica.set_delay(2)
    start = time.monotonic()
    write(primary, 1)
    replica.wait_until_caught_up()
    assert time.monotonic() - start > 0.5
    replica.set_delay(0)
    write(primary, 2)
    replica.wait_until_caught_up(timeout_seconds=1)


def test_a_killed_server_keeps_its_data_and_its_role(primary, replica):
    write(primary, 1)
    primary.kill()
    replica.kill()
    primary.start()
    write(primary, 2)
    replica.start()
    replica.wait_until_caught_up()
    assert read(replica) == [1, 2]
    assert replica.execute("SELECT @@read_only") == [(1,)]


def test_a_promoted_replica_is_a_primary_for_good_and_others_follow_it(primary):
    primary.execute("DELETE FROM app.numbers")
    with primary.replica() as promoted, primary.replica() as other:
        write(primary, 1)
        promoted.wait_until_caught_up()
        other.wait_until_caught_up()
        promoted.promote()
        promoted.kill()
        promoted.start()
        assert promoted.execute("SELECT @@read_only") == [(0,)]
        write(promoted, 2)
        other.follow(promoted)
        other.wait_until_caught_up()
        assert read(other) == [1, 2]
        assert read(primary) == [1]


def test_the_sites_user_may_write_on_the_primary_alone(primary, replica):
    for server, may in ((primary, True), (replica, False)):
        with server.connect("app", user=server.site_user) as connection:
            try:
                connection.cursor().execute("INSERT INTO numbers VALUES (7)")
            except mariadb.MySQLdb.OperationalError:
                assert not may
            else:
                assert may


def test_kept_data_are_found_again():
    folder = make_temporary_directory(unprivileged_account(), prefix="pinning-kept-")
    try:
        with service(MariaDB.primary(folder)) as server:
            server.create_database("app")
            server.execute("CREATE TABLE app.numbers (number int)")
            write(server, 1)
        with MariaDB.primary(folder) as server:
            assert read(server) == [1]
    finally:
        shutil.rmtree(folder)


def test_nothing_is_left_of_a_closed_server():
    with service(MariaDB.primary()) as server:
        directory = server.directory
        assert server.running
    assert not server.running
    assert not directory.exists()


def test_a_server_of_mariadbs_is_not_taken_for_mysqls(tmp_path, monkeypatch):
    """Debian has a link of that name."""
    (tmp_path / "mariadbd").touch(mode=0o755)
    (tmp_path / "mysqld").symlink_to("mariadbd")
    monkeypatch.setenv(CHOSEN_BY, str(tmp_path))
    with pytest.raises(MissingService, match="is MariaDB's"):
        MySQL.primary().__enter__()


@pytest.mark.parametrize("what", ["package", "program"])
def test_what_is_missing_is_said(monkeypatch, what: str):
    if what == "package":
        monkeypatch.setattr(mariadb, "MySQLdb", None)
    else:
        if mariadb.MySQLdb is None:
            give_up("The Python package mysqlclient is not installed.")
        monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(
        MissingService, match={"package": "mysqlclient", "program": "mariadbd"}[what]
    ):
        MariaDB.primary().__enter__()
