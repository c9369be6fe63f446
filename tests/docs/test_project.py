"""docs/testing.md: its files make a test suite that passes, and that fails without pinning."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pinning import Reason
from pinning.scopes import RequestScope, Scope
from pinning.testing.accounts import unprivileged_account
from pinning.testing.postgres import Postgres
from pinning.testing.postgres_programs import find_programs
from pinning.testing.pretend import Change, StaleRead, Who
from pinning.testing.processes import MissingService
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


def test_a_replica_that_lags_by_the_command_of_the_page(project, tmp_path):
    try:
        find_programs(unprivileged_account(), tmp_path / "no such folder")
    except MissingService as missing:
        give_up(str(missing))
    (command,) = re.findall(r"^    \$ pytest (.+)$", TESTING.read_text(), re.MULTILINE)
    assert "3 passed" in run(project, *command.split())


def test_sql_is_understood():
    with service(Postgres.primary()) as server:
        server.execute("CREATE ROLE django")
        statements = [snippet.text for snippet in SNIPPETS if snippet.language == "sql"]
        for statement in statements:
            server.execute(statement)
    assert len(statements) == 3
