"""The demo as whoever starts and ends it sees it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinning.testing import family
from pinning.testing.ports import free_port, port_is_free
from tests.example_project.conftest import ROOT, Demo, Visitor, running_demo

pytestmark = pytest.mark.live

#: What is in the demo's folder while a first start is under way: initdb, migrate, pg_basebackup.
MID_START = [
    "servers-*/primary/data.unfinished",
    "servers-*/primary/data/postmaster.pid",
    "servers-*/replica/data.unfinished",
]


@pytest.fixture
def other_directory(directory: Path) -> Iterator[Path]:
    """One in which nothing was started yet."""
    other = directory.parent / "other"
    yield other
    shutil.rmtree(other, ignore_errors=True)


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_all_that_it_started(directory, with_signal):
    with running_demo(directory) as demo:
        started = family.members_of(demo.process.pid)
        assert len(started) > 10
        output = demo.end(with_signal)
    assert demo.process.returncode == 0
    assert output.endswith("Stopped.\n")
    assert not family.alive(started)
    assert port_is_free(demo.port)


def test_it_says_what_it_started(directory):
    with running_demo(directory) as demo:
        output = demo.end()
    assert len(re.findall(r"psql -h .+ -p \d+ -U postgres board", output)) == 2
    assert demo.url in output


def _manage(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "example_project.manage", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_command_in_another_terminal_asks_its_servers(directory):
    with running_demo(directory) as demo:
        status = _manage("--directory", str(directory), "pinning_status")
        explained = _manage("--directory", str(directory), "pinning_explain", "/", "--user", "ada")
        (note,) = directory.glob("running")
        assert note.stat().st_mode & 0o077 == 0
        output = demo.end()
    assert "replica of default" in status.stdout
    assert (status.returncode, status.stderr) == (0, "")
    assert (explained.returncode, explained.stderr) == (0, "")
    assert "GET / answers 200" in explained.stdout
    assert "example_project/board/contents.py" in explained.stdout
    assert "example_project.manage --directory" in output
    gone = _manage("--directory", str(directory), "pinning_status")
    assert gone.returncode == 1
    assert "No demo runs" in gone.stderr


def test_without_redis_it_goes_on_and_says_so(directory):
    with running_demo(directory, PATH="/nonexistent") as demo:
        controls = Visitor(demo).page
        assert "No redis-server was found when the demo started." in controls
        output = demo.end()
    assert "Redis:        none, as there is no redis-server here" in output


def test_the_notes_are_there_at_the_next_start(directory):
    with running_demo(directory) as demo:
        Visitor(demo).post("kept")
    with running_demo(directory) as demo:
        visitor = Visitor(demo)
        visitor.post("and one more")
        assert visitor.notes[:2] == ["and one more", "kept"]
        assert "read from the primary" in visitor.verdict


def test_without_its_replica_the_page_goes_on(directory):
    with running_demo(directory) as demo:
        (lock,) = directory.glob("servers-*/replica/data/postmaster.pid")
        family.kill(int(lock.read_text().split()[0]))
        said = "The replica does not answer. This page was read from the primary: "
        assert Visitor(demo).verdict.startswith(f"{said}no replica is healthy")


def test_killed_while_it_serves_it_starts_again_with_all_notes(directory):
    with running_demo(directory) as demo:
        Visitor(demo).post("before the end")
        demo.end(signal.SIGKILL)
    with running_demo(directory) as demo:
        visitor = Visitor(demo)
        visitor.post("and after")
        assert visitor.notes[:2] == ["and after", "before the end"]


@pytest.mark.parametrize("step", MID_START)
def test_killed_in_mid_start_it_starts_again(other_directory, step):
    killed = Demo(other_directory, free_port())
    killed.wait_until_there_is(other_directory, step)
    started = family.members_of(killed.process.pid)
    killed.end(signal.SIGKILL)
    with running_demo(other_directory) as demo:
        assert Visitor(demo).notes
        assert not family.alive(started)
        assert len(list(other_directory.glob("servers-*"))) == 1


@pytest.mark.parametrize("step", MID_START)
def test_stopped_in_mid_start_it_leaves_nothing_half_done(other_directory, step):
    demo = Demo(other_directory, free_port())
    demo.wait_until_there_is(other_directory, step)
    started = family.members_of(demo.process.pid)
    assert demo.end().endswith("Stopped.\n")
    assert demo.process.returncode == 0
    assert not family.alive(started)
    assert [path.name for path in other_directory.iterdir()] == ["lock"]


def test_a_port_in_use_is_one_clear_sentence(directory):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        output, _ = (demo := Demo(directory, port)).process.communicate(timeout=30)
    assert demo.process.returncode == 1
    assert output == (
        f"Port {port} cannot be had (Address already in use): choose another one, as in "
        "PORT=8001 make demo.\n"
    )


def test_started_twice_is_one_clear_sentence(directory):
    with running_demo(directory):
        output, _ = (second := Demo(directory, free_port())).process.communicate(timeout=30)
    assert second.process.returncode == 1
    assert output == f"The demo is running already, on the data in {directory}.\n"


def test_a_machine_without_postgresql_is_one_clear_sentence(other_directory):
    """By a look-alike of the search for programs that finds none."""
    script = (
        "from pinning.testing import postgres_programs as programs\n"
        "programs.USUAL_FOLDERS, programs.WHEEL = (), 'no_such_wheel'\n"
        "import sys; from example_project.demo import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", script, "--port", str(free_port())]
    done = subprocess.run(
        [*command, "--directory", str(other_directory)],
        cwd=ROOT,
        env={**os.environ, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No folder has all of initdb, postgres, pg_basebackup")
    assert done.stderr.count("\n") == 1
    assert not list(other_directory.glob("servers-*"))


@pytest.mark.parametrize("replicas", ["127.0.0.1:1", "one:5432 two:5432"])
def test_the_settings_pass_the_system_checks(replicas):
    command = ["-m", "django", "check", "--fail-level", "WARNING"]
    servers = {"SERVERS": f"127.0.0.1:{free_port()} {replicas}", "DATABASE_PASSWORD": "none"}
    settings = {"DJANGO_SETTINGS_MODULE": "example_project.settings"}
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=ROOT,
        env={**os.environ, **servers, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
