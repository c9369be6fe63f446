"""Nothing outlives who started it, and what is missing is said."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pinning.testing import family, postgres_programs
from pinning.testing.memcached import Memcached
from pinning.testing.postgres import Postgres
from pinning.testing.processes import MissingService, Server
from pinning.testing.redis import Redis
from tests.services import service
from tests.testing.looks import (
    processes_of,
    shared_memory_creators,
    wait_for_end_of,
    wait_for_removal_of,
)

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

    @pytest.mark.parametrize(
        ("server", "variable"),
        [(Postgres.primary, "PINNING_TEST_POSTGRES"), (Redis, "PINNING_TEST_REDIS")],
    )
    def test_a_folder_that_was_chosen_is_the_only_one(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        server: Callable[[], Server],
        variable: str,
    ) -> None:
        monkeypatch.setenv(variable, str(tmp_path))
        with pytest.raises(MissingService, match=f"{variable}={tmp_path}"), server():
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
    for product in ("POSTGRES", "REDIS"):
        monkeypatch.delenv(f"PINNING_TEST_{product}", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(postgres_programs, "USUAL_FOLDERS", ())
    monkeypatch.setattr(postgres_programs, "WHEEL", "no_such_wheel")
