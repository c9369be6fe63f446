"""The servers of `pinning.testing` do what they promise. Real ones, on the loopback interface."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest

from pinning.testing import family, postgres_programs
from pinning.testing.accounts import make_temporary_directory, unprivileged_account
from pinning.testing.memcached import Memcached
from pinning.testing.ports import port_is_free, reply
from pinning.testing.postgres import Postgres, Replica
from pinning.testing.processes import MissingService, Server, ServerError
from pinning.testing.redis import Redis
from tests.services import service

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
# Starts a primary and a replica, says what it started, and waits to be killed.
ORPHANING_SCRIPT = """
import sys, time
from pinning.testing.postgres import Postgres
primary = Postgres.primary().__enter__()
replica = primary.replica().__enter__()
if "freeze" in sys.argv:
    primary.freeze()
print(primary.pid, replica.pid, primary.directory, replica.directory, flush=True)
if "stop" in sys.argv:
    primary.stop()
    sys.exit()
time.sleep(60)
"""
# Is gone before the guard has begun.
HASTY_SCRIPT = """
import os, signal, subprocess
from pinning.testing.guard import Guard
server = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, start_new_session=True)
print(server.pid, flush=True)
Guard(signal.SIGTERM, remove=None).watch(server.pid)
os.kill(os.getpid(), signal.SIGKILL)
"""


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


@pytest.fixture
def own_primary() -> Iterator[Postgres]:
    """A primary that the test may break."""
    with service(Postgres.primary()) as server:
        server.execute("CREATE TABLE row (id int)")
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' user can reach; pytest's own is private to root."""
    directory = make_temporary_directory(unprivileged_account(), prefix="pinning-kept-")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(params=[Redis, Memcached])
def store(request: pytest.FixtureRequest) -> Iterator[Server]:
    with service(request.param()) as server:
        yield server


def write(server: Postgres, number: int) -> None:
    server.execute("INSERT INTO row VALUES (%s)", [number])


def read(server: Postgres) -> list[int]:
    return [row[0] for row in server.execute("SELECT id FROM row ORDER BY id")]


def processes_of(*servers: Server) -> set[psutil.Process]:
    return set().union(*(family.members_of(server.pid) for server in servers))


def shared_memory_creators() -> list[str]:
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()
    return [line.split()[4] for line in lines]


def wait_for_end_of(processes: set[psutil.Process]) -> bool:
    return becomes_true(lambda: not family.alive(processes))


def wait_for_removal_of(directories: list[str]) -> bool:
    return becomes_true(lambda: not any(Path(directory).exists() for directory in directories))


def becomes_true(question: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not question() and time.monotonic() < until:
        time.sleep(0.05)
    return question()


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
            dbname=entry["NAME"], user=entry["USER"], host=entry["HOST"], port=entry["PORT"]
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


class TestNothingIsLeftBehind:
    def test_after_the_block(self) -> None:
        with service(Postgres.primary()) as primary, primary.replica() as replica:
            processes = processes_of(primary, replica)
            directories = [primary.directory, replica.directory]
        assert len(processes) > 8
        assert not family.alive(processes)
        assert not any(directory.exists() for directory in directories)

    def test_after_a_block_that_raises(self) -> None:
        processes: set[psutil.Process] = set()
        directories: list[Path] = []

        def start_both_and_raise() -> None:
            with service(Postgres.primary()) as primary, primary.replica() as replica:
                processes.update(processes_of(primary, replica))
                directories.extend([primary.directory, replica.directory])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            start_both_and_raise()
        assert len(processes) > 8
        assert not family.alive(processes)
        assert not any(directory.exists() for directory in directories)

    def test_after_a_kill(self, own_primary: Postgres) -> None:
        directory = own_primary.directory
        own_primary.kill()
        own_primary.close()
        assert not directory.exists()

    @pytest.mark.skipif(not Path("/proc/sysvipc/shm").exists(), reason="no list of the segments")
    def test_not_even_shared_memory_after_a_kill(self, own_primary: Postgres) -> None:
        creator = str(own_primary.pid)
        assert creator in shared_memory_creators()
        own_primary.kill()
        assert creator not in shared_memory_creators()

    def test_not_even_a_guard(self) -> None:
        before = family.members_of(os.getpid())
        with service(Postgres.primary()) as primary:
            primary.stop()
            primary.start()
            started = family.members_of(os.getpid()) - before
            assert started - processes_of(primary)
        assert wait_for_end_of(started)

    @pytest.mark.usefixtures("own_primary")
    def test_after_an_exit_without_close(self) -> None:
        command = [sys.executable, "-c", ORPHANING_SCRIPT, "stop"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        primary, replica, *directories = done.stdout.split()
        assert wait_for_end_of(family.members_of(int(primary)) | family.members_of(int(replica)))
        assert wait_for_removal_of(directories)

    @pytest.mark.usefixtures("own_primary")  # skips where there is no PostgreSQL
    @pytest.mark.parametrize("how", ["run", "freeze"])
    def test_after_our_own_process_was_killed(self, how: str) -> None:
        parent = subprocess.Popen(
            [sys.executable, "-c", ORPHANING_SCRIPT, how],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        with parent:
            assert parent.stdout is not None
            primary, replica, *directories = parent.stdout.readline().split()
            processes = family.members_of(int(primary)) | family.members_of(int(replica))
            parent.send_signal(signal.SIGKILL)
        assert len(processes) > 8
        assert wait_for_end_of(processes)
        assert wait_for_removal_of(directories)

    def test_after_our_own_process_was_killed_before_the_guard_has_begun(self) -> None:
        command = [sys.executable, "-c", HASTY_SCRIPT]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == -signal.SIGKILL
        assert wait_for_end_of(family.members_of(int(done.stdout)))


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


class TestStores:
    def test_a_redis_client_finds_it(self) -> None:
        redis = pytest.importorskip("redis")
        with service(Redis()) as server, redis.Redis.from_url(server.url) as client:
            client.set("name", "value")
            assert client.get("name") == b"value"

    def test_a_memcached_client_finds_it(self) -> None:
        pymemcache = pytest.importorskip("pymemcache")
        with service(Memcached()) as server, closing(pymemcache.Client(server.url)) as client:
            client.set("name", b"value")
            assert client.get("name") == b"value"

    def test_a_redis_server_forgets_when_it_stops(self) -> None:
        with service(Redis()) as server:
            assert reply(server.port, b"SET name value\r\n") == b"+OK\r\n"
            server.stop()
            server.start()
            assert reply(server.port, b"GET name\r\n") == b"$-1\r\n"

    def test_killed_and_started_it_has_the_same_port(self, store: Server) -> None:
        port, processes = store.port, processes_of(store)
        store.kill()
        assert port_is_free(port)
        assert not family.alive(processes)
        store.start()
        assert store.port == port
        assert not port_is_free(port)

    def test_frozen_it_does_not_answer_until_thawed(self, store: Server) -> None:
        question = b"version\r\n" if isinstance(store, Memcached) else b"PING\r\n"
        store.freeze()
        assert reply(store.port, question) == b""
        store.thaw()
        assert reply(store.port, question)

    def test_nothing_is_left_behind(self, store: Server) -> None:
        processes, directory = processes_of(store), store.directory
        store.close()
        assert not family.alive(processes)
        assert not directory.exists()


class TestMissingService:
    @pytest.mark.parametrize(
        ("server", "reason"),
        [
            (Postgres.primary, "No folder has all of initdb, postgres, pg_basebackup"),
            (Redis, "redis-server or valkey-server is not on the PATH"),
            (Memcached, "memcached is not on the PATH"),
        ],
    )
    def test_the_reason_is_given(
        self, monkeypatch: pytest.MonkeyPatch, server: Callable[[], Server], reason: str
    ) -> None:
        hide_programs(monkeypatch)
        with pytest.raises(MissingService, match=reason), server():
            pass

    def test_a_test_is_skipped_with_the_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hide_programs(monkeypatch)
        monkeypatch.delenv("PINNING_REQUIRE_SERVICES", raising=False)
        with pytest.raises(pytest.skip.Exception, match="on the PATH"), service(Redis()):
            pass

    def test_a_test_fails_where_services_are_required(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide_programs(monkeypatch)
        monkeypatch.setenv("PINNING_REQUIRE_SERVICES", "1")
        with pytest.raises(pytest.fail.Exception, match="on the PATH"), service(Redis()):
            pass

    def test_without_psutil_the_extra_is_named(self) -> None:
        program = "import sys; sys.modules['psutil'] = None; import pinning.testing.redis"
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
        assert done.stderr.endswith("needs psutil: pip install django-pinning[testing]\n")


def hide_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(postgres_programs, "USUAL_FOLDERS", ())
    monkeypatch.setattr(postgres_programs, "WHEEL", "no_such_wheel")
