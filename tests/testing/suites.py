"""A project with one stale read in three tests, and what runs its suite."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETTINGS = {"DJANGO_SETTINGS_MODULE": "settings"}

TESTS = '''
from django.test import Client, TestCase

from notes.models import Note
from pinning import scope


def lose(text):
    """The bug: two pieces of work for one person, and nothing tells that they are."""
    with scope():
        Note.objects.create(text=text)
    with scope():
        return Note.objects.count()


class Cases(TestCase):
    def test_stale(self):
        lose("new")

    def test_right(self):
        self.client.post("/notes/", {"text": "new"})
        self.assertContains(self.client.get("/notes/"), "new")

    def test_of_two_people(self):
        self.client.post("/notes/", {"text": "new"})
        Client().get("/notes/")


class Quiet(TestCase):
    stale_reads = None

    def test_nobody_looks(self):
        lose("new")
'''

MIXED = """
from contextlib import suppress
from unittest import skip

from django.test import TestCase

from notes.models import Note
from pinning.testing.cases import DetectStaleReads
from test_cases import lose


class Mixed(DetectStaleReads, TestCase):
    def test_stale(self):
        lose("new")

    def test_it_is_told_at_the_end_too(self):
        with suppress(AssertionError):
            lose("new")

    def test_right(self):
        Note.objects.count()

    @skip("for no reason")
    def test_skipped(self):
        lose("new")


class Silent(DetectStaleReads, TestCase):
    stale_reads = None

    def test_nobody_looks(self):
        lose("new")
"""

FUNCTIONS = """
import pytest

from pinning import Reason
from test_cases import lose

pytestmark = pytest.mark.django_db


def test_stale():
    lose("new")


@pytest.mark.pinning_detect("report")
def test_in_another_way():
    lose("new")


@pytest.mark.pinning_detect(None)
def test_nobody_looks():
    lose("new")


def test_routes(client, replica, pinning_reads):
    replica.pause()
    client.post("/notes/", {"text": "new"})
    client.get("/notes/")
    assert pinning_reads.of("notes.Note")[-1] == ("default", Reason.PINNED)
    assert pinning_reads.aliases == {"default": 2}
    pinning_reads.clear()
    replica.catch_up()
    client.get("/notes/")
    assert pinning_reads.reasons == {Reason.CAUGHT_UP: 1}


def test_without_a_replica(client, pinning_reads):
    client.get("/notes/")
"""

LAGGING = """
from django.test import Client


def test_the_writer_alone_sees_the_note(lagging_replica):
    lagging_replica.pause_replay()
    writer = Client()
    writer.post("/notes/", {"text": "new"})
    assert writer.get("/notes/").content == b"new"
    assert Client().get("/notes/").content == b""
    lagging_replica.resume_replay()
    lagging_replica.wait_until_caught_up()
    assert Client().get("/notes/").content == b"new"


def test_the_next_begins_without_notes(lagging_replica):
    assert Client().get("/notes/").content == b""


def test_others_have_the_database_of_the_project(db, django_assert_num_queries):
    from django.db import connection

    assert connection.vendor == "sqlite"
"""

MANAGE = """
import os, sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""


def make_project(folder: Path) -> Path:
    """The project of docs/testing.md, with these tests."""
    shutil.copytree(ROOT / "tests/docs/project", folder, dirs_exist_ok=True)
    for name, text in {
        "test_cases.py": TESTS,
        "test_mixed.py": MIXED,
        "functions.py": FUNCTIONS,
        "lagging.py": LAGGING,
        "manage.py": MANAGE,
    }.items():
        (folder / name).write_text(text)
    return folder


def pytest_in(folder: Path, *arguments: str, **environment: str) -> str:
    """What pytest says."""
    options = ["-q", "--ds=settings", "-p", "no:cacheprovider", "--strict-markers"]
    return _run(folder, "-m", "pytest", *options, *arguments, **environment)


def manage_in(folder: Path, *arguments: str) -> str:
    """What Django's runner says."""
    return _run(folder, "manage.py", "test", *arguments)


def _run(folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", **SETTINGS, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.stdout + done.stderr
