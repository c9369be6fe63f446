"""The demo, as a visitor and as whoever starts it sees it: real servers, real HTTP, 2 s of lag."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from pinning.testing import family
from pinning.testing.accounts import make_temporary_directory, unprivileged_account
from pinning.testing.ports import free_port, port_is_free
from pinning.testing.postgres_programs import find_programs
from pinning.testing.processes import MissingService
from tests.services import give_up

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
#: What is in the demo's folder while a first start is under way: initdb, migrate, pg_basebackup.
MID_START = [
    "servers-*/primary/data.unfinished",
    "servers-*/primary/data/postmaster.pid",
    "servers-*/replica/data.unfinished",
]


class Row(NamedTuple):
    """A query in the footer."""

    verb: str
    model: str
    alias: str
    reason: str
    words: str


class Demo:
    """The demo in a process of its own."""

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/"
        options = ["--port", str(port), "--directory", str(directory)]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "example_project.demo", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_ready(self) -> None:
        """It takes the port first, and keeps who asks waiting until it can answer."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                httpx.get(self.url, timeout=START_SECONDS).raise_for_status()
            except httpx.ConnectError:
                time.sleep(0.05)
            else:
                return
        pytest.fail(f"The demo did not start: {self.end()}")

    def wait_until_there_is(self, directory: Path, pattern: str) -> None:
        """Wait for a file that a step of the start makes."""
        until = time.monotonic() + START_SECONDS
        while not list(directory.glob(pattern)):
            assert time.monotonic() < until
            time.sleep(0.005)

    def end(self, with_signal: int = signal.SIGINT) -> str:
        """Send a signal, and return what the demo had to say once it has ended."""
        self.process.send_signal(with_signal)
        return self.process.communicate(timeout=30)[0]


class Visitor:
    """A browser with cookies of its own."""

    def __init__(self, demo: Demo) -> None:
        self._url = demo.url
        self._cookies = httpx.Cookies()
        self.look()

    def look(self) -> httpx.Response:
        return self._ask("GET", "")

    def post(self, text: str) -> httpx.Response:
        return self._submit("", text=text)

    def turn_pinning(self, position: str) -> httpx.Response:
        return self._submit("pinning/", turn=position)

    def _submit(self, path: str, **fields: str) -> httpx.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self._page)
        return self._ask("POST", path, csrfmiddlewaretoken=token[1], **fields)

    def _ask(self, method: str, path: str, **fields: str) -> httpx.Response:
        with httpx.Client(cookies=self._cookies, follow_redirects=True, timeout=30) as client:
            response = client.request(method, self._url + path, data=fields)
            self._cookies = client.cookies
        response.raise_for_status()
        self._page = response.text
        return response

    @property
    def notes(self) -> list[str]:
        return [unescape(text) for text in re.findall(r"<li>(.*?) <small>", self._page)]

    @property
    def status(self) -> str:
        text = re.search(r'role="status">(.*?)</p>', self._page, re.DOTALL)[1]
        return " ".join(unescape(re.sub(r"<[^>]+>", "", text)).split())

    @property
    def footer(self) -> list[Row]:
        rows = re.findall(r"<tr>((?:<td>.*?</td>)+)</tr>", self._page)
        return [Row(*map(unescape, re.findall(r"<td>(.*?)</td>", row))) for row in rows]

    @property
    def read_of_notes(self) -> Row:
        """The query that fetched the list, which comes before those that compare."""
        return next(row for row in self.footer if row.model == "board.Note")


@contextmanager
def running_demo(directory: Path, port: int | None = None) -> Iterator[Demo]:
    demo = Demo(directory, port or free_port())
    try:
        demo.wait_until_ready()
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.end()


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A folder that PostgreSQL's account can reach; pytest's own is private to root."""
    directory = make_temporary_directory(unprivileged_account(), prefix="pinning demo ")
    try:
        find_programs(unprivileged_account(), directory / "programs")
    except MissingService as missing:
        shutil.rmtree(directory)
        give_up(str(missing))
    yield directory / "data"
    shutil.rmtree(directory)


@pytest.fixture
def other_directory(directory: Path) -> Iterator[Path]:
    """One in which nothing was started yet."""
    other = directory.parent / "other"
    yield other
    shutil.rmtree(other, ignore_errors=True)


@pytest.fixture(scope="class")
def demo(directory: Path) -> Iterator[Demo]:
    with running_demo(directory) as demo:
        yield demo


@pytest.fixture
def visitor(demo: Demo) -> Visitor:
    """Somebody who comes while the replica has everything."""
    visitor = Visitor(demo)
    until = time.monotonic() + 20
    while "The replica has every note" not in visitor.status and time.monotonic() < until:
        time.sleep(0.1)
        visitor.look()
    return visitor


class TestBoard:
    def test_whoever_posted_a_note_sees_it_at_once(self, visitor):
        response = visitor.post("seen at once")
        assert [(hop.status_code, hop.request.method) for hop in response.history] == [
            (302, "POST")
        ]
        assert visitor.notes[0] == "seen at once"
        assert visitor.status.startswith("1 note on the primary is not on the replica yet.")

    def test_the_footer_names_the_primary_and_the_reason(self, visitor):
        visitor.post("explained")
        words = "the user has written and no replica asked has it yet"
        assert visitor.read_of_notes == Row("SELECT", "board.Note", "default", "pinned", words)
        assert f"from default, because {words}." in visitor.status

    def test_the_footer_lists_the_databases_that_are_compared(self, visitor):
        compared = [(row.alias, row.reason) for row in visitor.footer[-2:]]
        assert compared == [("default", "using"), ("replica1", "using")]

    def test_the_pin_ends_when_the_replica_has_the_note(self, visitor):
        visitor.post("replayed later")
        assert visitor.read_of_notes.alias == "default"
        time.sleep(2.5)
        visitor.look()
        assert visitor.notes[0] == "replayed later"
        assert visitor.read_of_notes[2:4] == ("replica1", "caught_up")

    def test_with_pinning_off_the_note_is_missing(self, visitor):
        visitor.turn_pinning("off")
        visitor.post("missing at first")
        assert "missing at first" not in visitor.notes
        assert visitor.read_of_notes[2:4] == ("replica1", "pinning_off")
        assert visitor.status.startswith("1 note on the primary is not on the replica yet.")
        assert "This page does not show it" in visitor.status

    def test_turned_on_again_the_note_is_there(self, visitor):
        visitor.turn_pinning("off")
        visitor.post("there again")
        assert "there again" not in visitor.notes
        visitor.turn_pinning("on")
        assert visitor.notes[0] == "there again"

    def test_another_visitor_reads_from_the_replica(self, demo, visitor):
        visitor.post("not for others yet")
        other = Visitor(demo)
        assert other.read_of_notes[2:4] == ("replica1", "replica")
        assert "not for others yet" not in other.notes

    def test_what_visitors_write_is_escaped(self, visitor):
        response = visitor.post("<script>alert(1)</script>")
        assert "<script>" not in response.text
        assert visitor.notes[0] == "<script>alert(1)</script>"

    def test_a_note_that_does_not_validate_is_explained_and_pins_nobody(self, visitor):
        response = visitor.post("")
        assert "This field is required." in response.text
        visitor.look()
        assert visitor.read_of_notes.alias == "replica1"

    def test_a_post_from_elsewhere_is_refused(self, demo):
        assert httpx.post(demo.url, data={"text": "forged"}).status_code == 403


class TestLife:
    @pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
    def test_it_ends_with_all_that_it_started(self, directory, with_signal):
        with running_demo(directory) as demo:
            started = family.members_of(demo.process.pid)
            assert len(started) > 10
            output = demo.end(with_signal)
        assert demo.process.returncode == 0
        assert output.endswith("Stopped.\n")
        assert not family.alive(started)
        assert port_is_free(demo.port)

    def test_it_says_what_it_started(self, directory):
        with running_demo(directory) as demo:
            output = demo.end()
        assert len(re.findall(r"psql -h 127\.0\.0\.1 -p \d+ -U postgres board", output)) == 2
        assert demo.url in output

    def test_the_notes_are_there_at_the_next_start(self, directory):
        with running_demo(directory) as demo:
            Visitor(demo).post("kept")
        with running_demo(directory) as demo:
            visitor = Visitor(demo)
            visitor.post("and one more")
            assert visitor.notes[:2] == ["and one more", "kept"]
            assert visitor.read_of_notes.reason == "pinned"

    def test_without_its_replica_the_page_goes_on(self, directory):
        with running_demo(directory) as demo:
            (lock,) = directory.glob("servers-*/replica/data/postmaster.pid")
            family.kill(int(lock.read_text().split()[0]))
            visitor = Visitor(demo)
            assert visitor.status.startswith("The replica does not answer.")
            assert visitor.read_of_notes[2:4] == ("default", "no_replica")

    def test_killed_while_it_serves_it_starts_again_with_all_notes(self, directory):
        with running_demo(directory) as demo:
            Visitor(demo).post("before the end")
            demo.end(signal.SIGKILL)
        with running_demo(directory) as demo:
            visitor = Visitor(demo)
            visitor.post("and after")
            assert visitor.notes[:2] == ["and after", "before the end"]

    @pytest.mark.parametrize("step", MID_START)
    def test_killed_in_mid_start_it_starts_again(self, other_directory, step):
        killed = Demo(other_directory, free_port())
        killed.wait_until_there_is(other_directory, step)
        started = family.members_of(killed.process.pid)
        killed.end(signal.SIGKILL)
        with running_demo(other_directory) as demo:
            assert Visitor(demo).notes
            assert not family.alive(started)
            assert len(list(other_directory.glob("servers-*"))) == 1

    @pytest.mark.parametrize("step", MID_START)
    def test_stopped_in_mid_start_it_leaves_nothing_half_done(self, other_directory, step):
        demo = Demo(other_directory, free_port())
        demo.wait_until_there_is(other_directory, step)
        started = family.members_of(demo.process.pid)
        assert demo.end().endswith("Stopped.\n")
        assert demo.process.returncode == 0
        assert not family.alive(started)
        assert [path.name for path in other_directory.iterdir()] == ["lock"]

    def test_a_port_in_use_is_one_clear_sentence(self, directory):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            output, _ = (demo := Demo(directory, port)).process.communicate(timeout=30)
        assert demo.process.returncode == 1
        assert output == (
            f"Port {port} cannot be had (Address already in use): choose another one, as in "
            "PORT=8001 make demo.\n"
        )

    def test_started_twice_is_one_clear_sentence(self, directory):
        with running_demo(directory):
            output, _ = (second := Demo(directory, free_port())).process.communicate(timeout=30)
        assert second.process.returncode == 1
        assert output == f"The demo is running already, on the data in {directory}.\n"

    def test_a_machine_without_postgresql_is_one_clear_sentence(self, other_directory):
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


def test_the_settings_pass_the_system_checks():
    command = ["-m", "django", "check", "--fail-level", "WARNING"]
    ports = {"PRIMARY_PORT": str(free_port()), "REPLICA_PORT": str(free_port())}
    settings = {"DJANGO_SETTINGS_MODULE": "example_project.settings"}
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=ROOT,
        env={**os.environ, **ports, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
