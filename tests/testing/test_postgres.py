"""Primaries and replicas of PostgreSQL do what they promise. Real ones, on loopback."""

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

import psycopg
import pytest

from pinning.testing import family
from pinning.testing.ports import port_is_free
from pinning.testing.postgres import Postgres, Replica
from pinning.testing.processes import ServerError
from tests.services import service
from tests.testing.looks import (
    processes_of,
    read,
    write,
)

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def primary() -> Iterator[Postgres]:
    with service(Postgres.primary()) as server:
        server.execute("CREATE TABLE row (id int)")
        yield server


@pytest.fixture(scope="module")
def shared_replica(primary: Postgres) -> Iterator[Replica]:
    with primary.replica() as server:
        yield server


@pytest.fixture
def replica(primary: Postgres, shared_replica: Replica) -> Iterator[Replica]:
    primary.execute("TRUNCATE row")
    shared_replica.wait_until_caught_up()
    yield shared_replica
    shared_replica.set_delay(0)
    shared_replica.resume_replay()


class TestReplication:
    def test_a_row_written_on_the_primary_appears_on_the_replica(
        self, primary: Postgres, replica: Replica
    ) -> None:
        write(primary, 1)
        replica.wait_until_caught_up()
        assert read(replica) == [1]

    def test_a_replica_refuses_writes(self, replica: Replica) -> None:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            write(replica, 1)

    def test_a_paused_replica_shows_nothing_new_until_resumed(
        self, primary: Postgres, replica: Replica
    ) -> None:
        replica.pause_replay()
        write(primary, 1)
        with pytest.raises(ServerError, match="has not replayed"):
            replica.wait_until_caught_up(timeout_seconds=0.5)
        assert read(replica) == []
        replica.resume_replay()
        replica.wait_until_caught_up()
        assert read(replica) == [1]

    def test_a_delay_is_honoured(self, primary: Postgres, replica: Replica) -> None:
        replica.set_delay(1)
        write(primary, 1)
        written = time.monotonic()
        time.sleep(0.7)
        assert read(replica) == []
        replica.wait_until_caught_up()
        assert read(replica) == [1]
        assert 0.9 < time.monotonic() - written < 3

    def test_catching_up_is_noticed_at_every_offset_in_a_page(
        self, primary: Postgres, replica: Replica
    ) -> None:
        for length in range(0, 8192, 200):
            message = "SELECT pg_logical_emit_message(true, 'test', repeat('x', %s))"
            primary.execute(message, [length])
            replica.wait_until_caught_up(timeout_seconds=2)

    def test_a_promoted_replica_accepts_writes(self, own_primary: Postgres) -> None:
        with own_primary.replica() as replica:
            replica.promote()
            write(replica, 1)
            assert (read(replica), read(own_primary)) == ([1], [])

    def test_a_replica_follows_a_promoted_one(self, own_primary: Postgres) -> None:
        with own_primary.replica() as first, own_primary.replica() as second:
            own_primary.kill()
            first.promote()
            second.follow(first)
            write(first, 1)
            second.wait_until_caught_up()
            assert read(second) == [1]

    def test_a_followed_server_is_still_followed_after_a_restart(
        self, own_primary: Postgres
    ) -> None:
        with own_primary.replica() as first, own_primary.replica() as second:
            first.promote()
            second.follow(first)
            second.stop()
            second.start()
            write(first, 1)
            second.wait_until_caught_up()
            assert read(second) == [1]

    def test_a_replica_of_a_replica_gets_the_rows_too(
        self, primary: Postgres, replica: Replica
    ) -> None:
        with replica.replica() as cascaded:
            write(primary, 1)
            cascaded.wait_until_caught_up()
            assert read(cascaded) == [1]

    def test_a_replica_of_a_delayed_replica_is_not_delayed_itself(self, replica: Replica) -> None:
        replica.set_delay(5)
        with replica.replica() as cascaded:
            assert cascaded.execute("SHOW recovery_min_apply_delay") == [("0",)]


class TestLifeOfPostgres:
    def test_settings_and_a_created_database_fit_together(self, primary: Postgres) -> None:
        primary.create_database("app")
        entry = primary.settings("app")
        assert entry["ENGINE"] == "django.db.backends.postgresql"
        with psycopg.connect(
            dbname=entry["NAME"],
            user=entry["USER"],
            password=entry["PASSWORD"],
            host=entry["HOST"],
            port=entry["PORT"],
        ) as connection:
            assert connection.info.dbname == "app"

    def test_it_listens_on_a_socket_in_its_directory(self, primary: Postgres) -> None:
        with psycopg.connect(
            dbname="postgres", user=primary.user, host=str(primary.directory), port=primary.port
        ) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    def test_killed_and_started_it_has_the_same_port_and_rows(self, own_primary: Postgres) -> None:
        port = own_primary.port
        write(own_primary, 1)
        processes = processes_of(own_primary)
        own_primary.kill()
        assert port_is_free(port)
        assert not family.alive(processes)
        own_primary.start()
        assert own_primary.port == port
        assert read(own_primary) == [1]

    def test_stopped_and_started_it_has_the_same_port_and_rows(self, own_primary: Postgres) -> None:
        port = own_primary.port
        write(own_primary, 1)
        own_primary.stop()
        assert not own_primary.running
        own_primary.start()
        assert (own_primary.port, read(own_primary)) == (port, [1])

    def test_a_replica_streams_again_after_its_primary_was_killed(
        self, own_primary: Postgres
    ) -> None:
        with own_primary.replica() as replica:
            own_primary.kill()
            assert read(replica) == []
            own_primary.start()
            write(own_primary, 1)
            replica.wait_until_caught_up()
            assert read(replica) == [1]

    def test_a_frozen_server_hangs_new_connections_until_thawed(self, primary: Postgres) -> None:
        primary.freeze()
        try:
            with pytest.raises(psycopg.OperationalError, match="timeout"):
                primary.connect(timeout_seconds=2)
        finally:
            primary.thaw()
        assert primary.execute("SELECT 1") == [(1,)]

    def test_a_frozen_server_hangs_open_connections_until_thawed(self, primary: Postgres) -> None:
        with primary.connect() as connection, ThreadPoolExecutor(1) as thread:
            connection.execute("SELECT 1")
            primary.freeze()
            try:
                answer = thread.submit(lambda: connection.execute("SELECT 2").fetchone())
                with pytest.raises(FutureTimeoutError):
                    answer.result(timeout=0.5)
            finally:
                primary.thaw()
            assert answer.result(timeout=5) == (2,)

    def test_a_frozen_server_can_be_stopped(self, own_primary: Postgres) -> None:
        processes = processes_of(own_primary)
        own_primary.freeze()
        own_primary.stop()
        assert not family.alive(processes)

    def test_it_is_out_of_reach_of_the_terminal(self, primary: Postgres) -> None:
        assert os.getsid(primary.pid) == primary.pid != os.getsid(0)

    def test_it_does_not_run_as_root(self, primary: Postgres) -> None:
        assert primary.account is None or primary.account.user_id != 0
        assert os.geteuid() != 0 or primary.account is not None

    def test_a_taken_port_is_an_error_with_the_log(self) -> None:
        server = Postgres.primary()
        with socket.socket() as listener:
            listener.bind((server.host, server.port))
            with pytest.raises(ServerError, match="already in use"), service(server):
                pass
        assert not server.running


class TestKeptDirectory:
    def test_a_second_start_finds_the_rows(self, folder: Path) -> None:
        with service(Postgres.primary(folder / "primary")) as primary:
            primary.execute("CREATE TABLE row (id int)")
            write(primary, 1)
        started = time.monotonic()
        with Postgres.primary(folder / "primary") as primary:
            assert time.monotonic() - started < 5
            assert read(primary) == [1]

    def test_a_kept_replica_goes_on_from_a_primary_on_another_port(self, folder: Path) -> None:
        for number in (1, 2):
            with (
                service(Postgres.primary(folder / "primary")) as primary,
                primary.replica(folder / "replica") as replica,
            ):
                primary.execute("CREATE TABLE IF NOT EXISTS row (id int)")
                write(primary, number)
                replica.wait_until_caught_up()
                (replica.directory / "data" / "mark").touch()
        assert read_back(folder) == ([1, 2], True)

    def test_a_second_server_on_kept_data_fails_and_harms_nothing(self, folder: Path) -> None:
        with service(Postgres.primary(folder / "primary")) as primary:
            lock = primary.directory / "data" / "postmaster.pid"
            with (
                pytest.raises(ServerError, match="lock file"),
                Postgres.primary(folder / "primary"),
            ):
                pass
            assert lock.read_text().split()[0] == str(primary.pid)
            assert primary.execute("SELECT 1") == [(1,)]

    def test_a_promoted_replica_is_replaced(self, folder: Path) -> None:
        with (
            service(Postgres.primary(folder / "primary")) as primary,
            primary.replica(folder / "replica") as replica,
        ):
            primary.execute("CREATE TABLE row (id int)")
            replica.wait_until_caught_up()
            replica.promote()
            write(replica, 1)
            (replica.directory / "data" / "mark").touch()
        assert read_back(folder) == ([], False)

    def test_a_replica_of_another_cluster_is_replaced(self, folder: Path) -> None:
        with (
            service(Postgres.primary(folder / "other")) as other,
            other.replica(folder / "replica") as replica,
        ):
            (replica.directory / "data" / "mark").touch()
        with Postgres.primary(folder / "primary") as primary:
            primary.execute("CREATE TABLE row (id int)")
        assert read_back(folder) == ([], False)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as somebody else")
    def test_a_directory_out_of_reach_is_an_error_that_says_so(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        reason = "cannot be reached by the user"
        with pytest.raises(ServerError, match=reason), service(Postgres.primary(tmp_path / "new")):
            pass


def read_back(folder: Path) -> tuple[list[int], bool]:
    """The replica's rows, and if it still has the file `mark`."""
    with (
        Postgres.primary(folder / "primary") as primary,
        primary.replica(folder / "replica") as replica,
    ):
        replica.wait_until_caught_up()
        return read(replica), (replica.directory / "data" / "mark").exists()
