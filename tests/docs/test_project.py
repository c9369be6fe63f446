"""docs/testing.md: its files make a test suite that passes, and that fails without pinning."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest

from pinning import Reason
from pinning.scopes import RequestScope, Scope
from pinning.testing.accounts import unprivileged_account
from pinning.testing.ports import free_port
from pinning.testing.postgres import Postgres
from pinning.testing.postgres_programs import find_programs
from pinning.testing.pretend import Change, StaleRead, Who
from pinning.testing.processes import MissingService, wait_until
from tests.docs.pages import ROOT, SNIPPETS
from tests.services import give_up, service

TESTING = ROOT / "docs" / "testing.md"
FILES = [snippet for snippet in SNIPPETS if snippet.page == TESTING and snippet.path]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the files of the page."""
    shutil.copytree(ROOT / "tests/docs/project", tmp_path, dirs_exist_ok=True)
    for snippet in FILES:
        path = tmp_path / snippet.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(snippet.text)
    return tmp_path


def run(project: Path, *arguments: str) -> str:
    """What pytest says at its end."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{project}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.stdout[-3000:] + done.stderr


def test_every_snippet_of_python_is_a_file():
    python = [snippet for snippet in SNIPPETS if snippet.page == TESTING]
    assert [snippet for snippet in python if snippet.language == "python"] == FILES


def test_routes(project):
    assert "8 passed" in run(project, "--ds=settings", "tests")


def test_with_replicas_switched_off_only_tests_of_routes_fail(project):
    report = run(project, "--ds=settings_of_tests", "tests")
    assert "2 failed, 6 passed" in report
    assert report.count("FAILED tests/test_routes.py::RouteTests") == 2


def test_the_message_of_a_stale_read():
    """The page shows it with other places."""
    writer, reader = (
        Who(frozenset(), "POST /notes/", RequestScope),
        Who(frozenset(), "one scope", Scope),
    )
    change = Change("notes.Note", frozenset({"notes_note"}), "INSERT", "shop/views.py:31", writer)
    read = StaleRead("notes.Note", "replica1", Reason.REPLICA, "shop/views.py:44", reader, change)
    assert str(read) in " ".join(TESTING.read_text().split())


RUNNER_TEST = """
from django.conf import settings
from django.test import Client, TransactionTestCase


class LagTests(TransactionTestCase):
    databases = {"default", "replica1"}

    def test_only_the_writer_sees_the_note(self):
        settings.REPLICA.wait_until_caught_up()
        settings.REPLICA.pause_replay()
        self.client.post("/notes/", {"text": "new"})
        self.assertEqual(self.client.get("/notes/").content, b"new")
        self.assertEqual(Client().get("/notes/").content, b"")
        settings.REPLICA.resume_replay()
"""


@pytest.fixture
def servers(tmp_path: Path) -> None:
    """Skips the test where the servers' programs are not installed."""
    try:
        find_programs(unprivileged_account(), tmp_path / "no such folder")
    except MissingService as missing:
        give_up(str(missing))


def started(project: Path, *arguments: str) -> subprocess.Popen[str]:
    """A process of the project's own, whose output is one text. Ctrl-C ends it, as in a shell."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{project}:{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.usefixtures("servers")
def test_a_replica_that_lags_by_django_s_runner(project):
    (project / "runner_test.py").write_text(RUNNER_TEST)
    (options,) = re.findall(r"`manage\.py (test --settings .+?)`", TESTING.read_text())
    report = started(project, "-m", "django", *options.split(), "runner_test").communicate()[0]
    assert "Ran 1 test" in report
    assert "\nOK\n" in report, report


@pytest.mark.usefixtures("servers")
def test_the_project_runs_on_a_late_replica(project):
    port = free_port()
    process = started(project, "late.py", f"127.0.0.1:{port}", "--noreload")
    try:
        url = f"http://127.0.0.1:{port}/notes/"
        until_a_visitor_sees(url, lambda seen: seen is not None, within_seconds=60)
        writer = build_opener(HTTPCookieProcessor())
        writer.open(url, b"text=new").close()
        assert writer.open(url).read() == b"new"
        assert answer(url) == b""
        until_a_visitor_sees(url, lambda seen: seen == b"new", within_seconds=10)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            report = process.communicate(timeout=60)[0]
        finally:
            process.kill()
    assert "KeyboardInterrupt" in report


def until_a_visitor_sees(
    url: str, is_it: Callable[[bytes | None], bool], *, within_seconds: float
) -> None:
    """Wait until a new visitor sees what is asked for."""
    wait_until(
        lambda: is_it(answer(url)),
        timeout_seconds=within_seconds,
        otherwise=lambda: f"A visitor saw {answer(url)!r}.",
    )


def answer(url: str) -> bytes | None:
    """What a new visitor sees; None while nothing answers."""
    try:
        return bytes(urlopen(url).read())
    except URLError:
        return None


@pytest.mark.usefixtures("servers")
def test_a_replica_that_lags_by_the_command_of_the_page(project):
    (command,) = re.findall(r"^    \$ pytest (.+)$", TESTING.read_text(), re.MULTILINE)
    assert "3 passed" in run(project, *command.split())


def test_sql_is_understood():
    with service(Postgres.primary()) as server:
        server.execute("CREATE ROLE django")
        statements = [snippet.text for snippet in SNIPPETS if snippet.language == "sql"]
        for statement in statements:
            server.execute(statement)
    assert len(statements) == 3
