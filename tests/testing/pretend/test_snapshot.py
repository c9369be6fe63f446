"""A paused replica that really shows old rows, where the database can."""

import pytest
from django.db import NotSupportedError, connection
from django.test import Client, TestCase, TransactionTestCase, override_settings

from pinning.testing.pretend import pretended_replica
from tests.notes.models import Note


@override_settings(ROOT_URLCONF="tests.testing.pretend.pages")
class SnapshotTests(TransactionTestCase):
    def setUp(self):
        if connection.vendor == "sqlite":
            self.skipTest("test_servers.py runs it on servers.")

    def test_old_rows_are_shown_until_it_has_caught_up(self):
        Note.objects.create(text="old")
        with pretended_replica(shows_old_rows=True) as replica:
            replica.pause()
            self.client.post("/notes/")
            assert Client().get("/notes/").content == b"old"
            assert self.client.get("/notes/").content == b"old new"
            replica.catch_up()
            assert Client().get("/notes/").content == b"old new"
            self.client.post("/notes/")
            assert Client().get("/notes/").content == b"old new"
            replica.resume()
            assert Client().get("/notes/").content == b"old new new"

    def test_a_dead_one_shows_nothing(self):
        with pretended_replica(shows_old_rows=True) as replica:
            replica.pause()
            Note.objects.create(text="new")
            replica.kill()
            assert Client().get("/notes/").content == b"new"
            replica.start()
            assert Client().get("/notes/").content == b""


class RefusalTests(TestCase):
    def test_what_is_not_committed_cannot_be_hidden(self):
        with pytest.raises(NotSupportedError), pretended_replica(shows_old_rows=True):
            pass
