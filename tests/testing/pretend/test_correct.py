"""Correct programs beside the bugs: the detector says nothing about them."""

import contextvars

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command
from django.db import connection, transaction
from django.test import AsyncClient, Client, TestCase, override_settings

from pinning import carried, mark_written, scope, take_carried, use_primary, use_replica
from pinning.testing.pretend import detect_stale_reads, pretended_replica
from tests.notes.models import Attachment, Audit, Note

URLS = override_settings(ROOT_URLCONF="tests.testing.pretend.pages")
SERVER = override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}, "STORES": ["cache"]})
PRIMARY = override_settings(
    PINNING={"REPLICAS": {"default": ["replica1"]}, "PRIMARY_MODELS": ["notes.Note"]}
)
UNPINNED = override_settings(
    PINNING={"REPLICAS": {"default": ["replica1"]}, "UNPINNED_MODELS": ["notes.Audit"]}
)


class Silent(TestCase):
    """What each correct program is tested with."""

    @classmethod
    def setUpTestData(cls):
        cls.user = User.objects.create(username="u")
        cls.other = User.objects.create(username="v")

    def setUp(self):
        Note.objects.create(text="old")
        self.found = self.enterContext(detect_stale_reads())

    def a_client(self, user, **headers):
        client = Client(**headers)
        client.force_login(user)
        return client

    def assert_reads(self, eventual=0):
        """That something was read on the replica: else the test proves nothing."""
        assert self.found.reads
        assert sum(self.found.eventual.values()) == eventual


class ScopeTests(Silent):
    def test_one_scope(self):
        with scope():
            Note.objects.count()
            Note.objects.create(text="new")
            Note.objects.count()
        self.assert_reads()

    def test_what_the_test_writes(self):
        Note.objects.create(text="new")
        with scope():
            Note.objects.count()
        self.assert_reads()

    def test_another_table(self):
        with scope():
            Audit.objects.create(text="new")
        with scope():
            Note.objects.count()
        self.assert_reads()

    def test_a_write_that_is_rolled_back(self):
        with scope(), transaction.atomic():
            Note.objects.create(text="new")
            transaction.set_rollback(True)
        with scope(), transaction.atomic():
            savepoint = connection.savepoint()
            Note.objects.create(text="new")
            connection.savepoint_rollback(savepoint)
        with scope():
            Note.objects.count()
        self.assert_reads()

    def test_the_primary_is_asked_for(self):
        with scope():
            Note.objects.create(text="new")
        with scope():
            Audit.objects.count()
            with use_primary():
                Note.objects.count()
            Note.objects.using("default").count()
        self.assert_reads()

    def test_old_rows_are_declared_to_be_fine(self):
        with scope():
            Note.objects.create(text="new")
        with scope(), use_replica():
            Note.objects.count()
            Note.objects.using("replica1").count()
        self.assert_reads()
        assert self.found.allowed == 2

    def test_a_task_that_brings_its_pins(self):
        with scope():
            with transaction.atomic():
                Note.objects.create(text="new")
            message = carried()
        with scope(carried=message):
            Note.objects.count()
            back = carried()
        with scope():
            Audit.objects.count()
            take_carried(back)
            Note.objects.count()
        self.assert_reads()

    def test_a_command_with_one_scope_for_all(self):
        class Command(BaseCommand):
            @scope()
            def handle(self, **_):
                Note.objects.count()
                Note.objects.bulk_create([Note(text="new")])
                Note.objects.count()

        call_command(Command())
        self.assert_reads()

    def test_a_replica_that_has_it(self):
        with pretended_replica() as replica:
            with scope():
                Note.objects.create(text="new")
            replica.catch_up()
            with scope():
                Note.objects.count()
        self.assert_reads()

    @SERVER
    def test_a_scope_for_the_same_user(self):
        with detect_stale_reads() as self.found:
            with scope(identity=self.user):
                Note.objects.create(text="new")
            with scope(identity=self.user):
                Audit.objects.count()
                Note.objects.count()
            with scope(identity=self.other):
                Note.objects.count()
        self.assert_reads(eventual=1)

    @PRIMARY
    def test_a_model_that_is_read_from_the_primary(self):
        with detect_stale_reads() as self.found:
            with scope():
                Note.objects.create(text="new")
            with scope():
                Note.objects.count()
                Audit.objects.count()
        self.assert_reads()

    @UNPINNED
    def test_a_model_that_pins_nobody(self):
        with detect_stale_reads() as self.found:
            with scope():
                Audit.objects.create(text="new")
            with scope():
                Audit.objects.count()
        self.assert_reads()

    def test_what_no_wrapper_sees(self):
        with scope():
            Audit.objects.count()
            mark_written()
            Note.objects.count()
        self.assert_reads()


@URLS
class RequestTests(Silent):
    def test_a_visitor_who_writes_and_reads(self):
        self.client.get("/notes/")
        self.client.post("/notes/")
        assert self.client.get("/notes/").content == b"old new"
        self.assert_reads()

    def test_queries_are_counted_as_without_a_replica(self):
        with self.assertNumQueries(1):
            self.client.get("/notes/")
        with self.assertNumQueries(1), pretended_replica():
            self.client.get("/notes/")
        self.assert_reads()

    def test_another_visitor(self):
        self.client.post("/notes/")
        Client().get("/notes/")
        self.assert_reads(eventual=1)

    def test_a_client_without_the_cookies_that_it_had_is_another_visitor(self):
        self.client.post("/notes/")
        self.client.logout()
        self.client.get("/notes/")
        self.assert_reads(eventual=1)

    def test_another_user(self):
        self.a_client(self.user).post("/own/")
        self.a_client(self.other).get("/own/")
        self.assert_reads(eventual=1)

    def test_what_the_test_writes_between_requests(self):
        self.client.get("/notes/")
        Attachment.objects.create(note=Note.objects.create(text="more"), name="more")
        self.client.get("/notes/")
        self.assert_reads()

    def test_a_sign_in(self):
        client = self.a_client(self.user)
        client.get("/own/")
        client.logout()
        client.force_login(self.other)
        client.get("/own/")
        self.assert_reads()

    def test_a_get_that_writes(self):
        self.client.get("/notes/")
        self.client.get("/visit/")
        self.client.get("/notes/")
        self.assert_reads()

    def test_a_counter_that_pins_nobody(self):
        self.client.get("/counted/")
        with scope():
            Audit.objects.count()
        self.assert_reads()

    def test_a_thread_with_the_scope_of_its_caller(self):
        self.client.get("/notes/")
        self.client.post("/own_thread/")
        self.client.get("/notes/")
        self.assert_reads()

    def test_a_transaction(self):
        self.client.get("/notes/")
        assert self.client.get("/atomic/").content == b"old new"
        self.client.get("/notes/")
        self.assert_reads()

    def test_an_asynchronous_client(self):
        async def visit():
            client = AsyncClient()
            await client.get("/asynchronous/")
            await client.post("/asynchronous/")
            assert (await client.get("/asynchronous/")).content == b"2"
            await AsyncClient().get("/asynchronous/")

        async_to_sync(visit)()
        self.assert_reads(eventual=1)

    @SERVER
    def test_another_browser_of_the_user_with_a_store_on_a_server(self):
        with detect_stale_reads() as self.found:
            phone, laptop = self.a_client(self.user), self.a_client(self.user)
            laptop.get("/own/")
            phone.post("/own/")
            laptop.get("/own/")
        self.assert_reads()

    @SERVER
    def test_a_token_with_a_store_on_a_server(self):
        headers = {"headers": {"Authorization": "Token secret"}}
        with detect_stale_reads() as self.found:
            Client(**headers).get("/notes/")
            Client(**headers).post("/notes/")
            Client(**headers).get("/notes/")
        self.assert_reads()

    @SERVER
    def test_a_websocket_with_a_scope_for_each_message(self):
        with detect_stale_reads() as self.found:
            socket = contextvars.copy_context()
            message = scope(identity=self.user)(Note.objects.count)
            client = self.a_client(self.user)
            socket.run(message)
            client.post("/own/")
            socket.run(message)
        self.assert_reads()
