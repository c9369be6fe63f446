"""Bugs as applications have them. The detector finds each one in an ordinary TestCase."""

import contextvars

from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.management import BaseCommand, call_command
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Value
from django.db.models.functions import Concat
from django.db.models.signals import post_save
from django.test import Client, TestCase, override_settings
from freezegun import freeze_time

from pinning import carried, read_connection, scope
from pinning.testing.pretend import detect_stale_reads, pretended_replica
from tests.notes.models import Attachment, Comment, Note, Tag
from tests.shop.models import Order
from tests.testing.pretend.pages import run_in_thread, write

URLS = override_settings(ROOT_URLCONF="tests.testing.pretend.pages")


class Found(TestCase):
    """What each planted bug is tested with."""

    def setUp(self):
        self.note = Note.objects.create(text="old")
        self.found = self.enterContext(detect_stale_reads("report"))

    def assert_found(self, *models):
        assert [read.model for read in self.found.stale] == list(models), str(self.found)
        for read in self.found.stale:
            file, _, line = read.line.rpartition(":")
            assert file.startswith("tests/testing/pretend/")
            assert int(line)
            assert read.change.line.startswith("tests/testing/pretend/")


class ScopeTests(Found):
    def test_another_scope_without_identity(self):
        with scope():
            Note.objects.create(text="new")
        with scope():
            list(Note.objects.all())
        self.assert_found("notes.Note")

    def test_a_thread_without_a_scope(self):
        with scope():
            run_in_thread(write)
        with scope():
            Note.objects.count()
        self.assert_found("notes.Note")

    def test_a_replica_that_is_named_after_a_write(self):
        with scope():
            Note.objects.create(text="new")
            Note.objects.using("replica1").count()
        self.assert_found("notes.Note")
        assert "Leave" not in str(self.found)
        assert "has named the replica" in str(self.found)

    @override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}, "TASKS": "replica"})
    def test_a_task_that_is_queued_before_the_commit(self):
        with freeze_time("2026-01-01") as clock:
            with scope(), transaction.atomic():
                Note.objects.create(text="new")
                message = carried()
            clock.tick(6)
            with scope(carried=message):
                Note.objects.get(text="new")
        self.assert_found("notes.Note")
        assert "after the commit" in str(self.found)

    def test_a_cache_that_is_filled_from_a_replica(self):
        def fill():
            cache.set("notes", [note.text for note in Note.objects.all()])

        with scope():
            Note.objects.create(text="new")
        scope()(fill)()
        self.assert_found("notes.Note")

    def test_a_command_with_a_scope_for_each_step(self):
        class Command(BaseCommand):
            def handle(self, **_):
                with scope():
                    Note.objects.bulk_create([Note(text="new")])
                with scope():
                    Note.objects.aggregate(Count("pk"))

        call_command(Command())
        self.assert_found("notes.Note")

    def test_a_row_that_was_deleted(self):
        with scope():
            Note.objects.filter(pk=self.note.pk).delete()
        with scope():
            Note.objects.exists()
        self.assert_found("notes.Note")

    def test_an_update_by_an_expression(self):
        with scope():
            Note.objects.update(text=Concat(F("text"), Value("!")))
        with scope():
            Note.objects.values_list("text").first()
        self.assert_found("notes.Note")

    def test_a_generic_foreign_key(self):
        with scope():
            comment = Comment.objects.create(target=self.note, text="new")
        with scope():
            list(Note.objects.get(pk=self.note.pk).comments.all())
        self.assert_found("notes.Comment")
        with scope():
            Note.objects.filter(pk=self.note.pk).update(text="new")
        with scope():
            assert Comment.objects.get(pk=comment.pk).target == self.note
        assert {read.model for read in self.found.stale} == {"notes.Comment", "notes.Note"}

    def test_a_prefetch(self):
        with scope():
            Attachment.objects.create(note=self.note, name="new")
        with scope():
            list(Note.objects.prefetch_related("attachment_set"))
        self.assert_found("notes.Attachment")

    def test_a_join(self):
        with scope():
            Note.objects.update(text="new")
        Attachment.objects.create(note=self.note, name="old")
        with scope():
            Attachment.objects.select_related("note").get()
        self.assert_found("notes.Note")

    def test_a_subquery(self):
        with scope():
            Attachment.objects.create(note=self.note, name="new")
        with scope():
            list(Note.objects.filter(Exists(Attachment.objects.filter(note=OuterRef("pk")))))
        self.assert_found("notes.Attachment")

    def test_what_stands_between_two_models(self):
        tag = Tag.objects.create(name="old")
        with scope():
            self.note.tags.add(tag)
        with scope():
            list(Note.objects.get(pk=self.note.pk).tags.all())
        self.assert_found("notes.Note_tags")

    def test_raw_sql(self):
        with scope(), transaction.atomic(), transaction.atomic():
            Note.objects.create(text="new")
        with scope(), read_connection().cursor() as cursor:
            cursor.execute("select count(*) from notes_tag t, notes_note")
        with scope():
            list(Note.objects.raw("SELECT * FROM notes_note"))
        self.assert_found("notes.Note", "notes.Note")


@URLS
class RequestTests(Found):
    def test_a_job_for_the_user_in_a_scope_of_nobody_s(self):
        self.client.get("/job/")
        self.client.get("/notes/")
        self.assert_found("notes.Note")

    def test_a_thread_without_a_scope(self):
        self.client.post("/thread/")
        self.client.get("/notes/")
        self.assert_found("notes.Note")
        assert "in_scope()" in str(self.found)

    def test_a_context_without_a_scope(self):
        self.client.post("/lost/")
        self.client.get("/notes/")
        self.assert_found("notes.Note")

    def test_a_get_whose_body_writes(self):
        assert b"".join(self.client.get("/streamed/")) == b"done"
        self.client.get("/notes/")
        self.assert_found("notes.Note")

    def test_a_write_when_the_response_is_closed(self):
        self.client.post("/late/")
        self.client.get("/notes/")
        self.assert_found("notes.Note")

    def test_a_session_that_is_read_on_a_replica(self):
        with scope():
            session = SessionStore()
            session["name"] = "new"
            session.create()
        self.client.cookies["sessionid"] = session.session_key
        self.client.get("/session/")
        self.assert_found("sessions.Session")

    def test_another_browser_of_the_user_with_cookies_alone(self):
        user = User.objects.create(username="u")
        phone, laptop = Client(), Client()
        phone.force_login(user)
        laptop.force_login(user)
        phone.post("/own/")
        laptop.get("/own/")
        self.assert_found("notes.Note")
        assert "STORES" in str(self.found)

    def test_a_client_with_a_token_that_keeps_no_cookies(self):
        headers = {"Authorization": "Token secret"}
        Client(headers=headers).post("/notes/")
        Client(headers=headers).get("/notes/")
        self.assert_found("notes.Note")

    @override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}, "STORES": ["cache"]})
    def test_a_websocket_that_outlives_its_scope(self):
        user = User.objects.create(username="u")
        with detect_stale_reads("report") as self.found:
            socket, block = contextvars.copy_context(), scope(identity=user)
            socket.run(block.__enter__)
            socket.run(Note.objects.count)
            self.client.force_login(user)
            self.client.post("/own/")
            socket.run(Note.objects.count)
            socket.run(block.__exit__)
        self.assert_found("notes.Note")
        assert "for each message" in str(self.found)


@URLS
class ClockTests(TestCase):
    def test_a_pin_that_ends_before_the_replica_has_the_write(self):
        with (
            pretended_replica(tells_position=False) as replica,
            detect_stale_reads("report") as found,
            freeze_time("2026-01-01") as clock,
        ):
            replica.lag = 20
            self.client.post("/notes/")
            clock.tick(4)
            self.client.get("/notes/")
            assert not found.stale
            clock.tick(2)
            self.client.get("/notes/")
            assert [(read.model, read.reason) for read in found.stale] == [
                ("notes.Note", "replica")
            ]
            clock.tick(15)
            self.client.get("/notes/")
            assert sum(found.stale.values()) == 1


@override_settings(
    PINNING={
        "REPLICAS": {"default": ["replica1"], "orders": ["orders1"]},
        "MODELS": {"shop": "orders"},
    }
)
class ClusterTests(TestCase):
    databases = {"default", "orders"}

    def test_a_signal_handler_on_a_second_alias(self):
        def count(**_):
            Order.objects.using("orders1").count()

        post_save.connect(count, sender=Note)
        try:
            with detect_stale_reads("report") as found:
                with scope():
                    Order.objects.create(text="new")
                with scope():
                    Note.objects.create(text="new")
        finally:
            post_save.disconnect(count, sender=Note)
        assert [(read.model, read.alias) for read in found.stale] == [("shop.Order", "orders1")]
