"""The pretended replica: reads go where they would go in production."""

from unittest import mock

import pytest
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.test import Client, TestCase, TransactionTestCase, override_settings
from django.urls import path
from freezegun import freeze_time

from pinning import Read, Reason, carried, scope, traced, use_primary
from pinning.testing.pretend import pretended_replica
from tests.notes.models import Note


def notes(request):
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    return HttpResponse(" ".join(note.text for note in Note.objects.all()))


urlpatterns = [path("notes/", notes), path("atomic/", transaction.atomic(notes))]


@override_settings(ROOT_URLCONF=__name__)
class CommittedTests(TransactionTestCase):
    def post(self):
        return self.client.post("/atomic/", {"text": "new"})

    def test_a_connection_that_was_opened_again_is_watched_as_before(self):
        with pretended_replica() as replica, traced() as trace:
            replica.pause()
            connection.close()
            self.post()
            self.client.get("/notes/")
        assert [read.reason for read in trace if isinstance(read, Read)] == [
            Reason.TRANSACTION,
            Reason.PINNED,
        ]

    @override_settings(PINNING={})
    def test_it_leaves_nothing_behind(self):
        with pretended_replica():
            assert self.post().cookies
        self.client.cookies.clear()
        assert not self.post().cookies


@override_settings(ROOT_URLCONF=__name__)
class RouteTests(TestCase):
    def reasons(self, client=None):
        with traced() as trace:
            (client or self.client).get("/notes/")
        return [(read.alias, read.reason) for read in trace]

    def setUp(self):
        self.replica = self.enterContext(pretended_replica())

    def test_a_visitor_reads_from_the_replica(self):
        Note.objects.create(text="old")
        assert self.reasons() == [("replica1", Reason.REPLICA)]
        assert self.client.get("/notes/").content == b"old"

    def test_the_writer_reads_from_the_primary_until_it_has_caught_up(self):
        self.replica.pause()
        self.client.post("/notes/", {"text": "new"})
        assert self.reasons() == [("default", Reason.PINNED)]
        assert self.reasons(Client()) == [("replica1", Reason.REPLICA)]
        self.replica.catch_up()
        assert self.reasons() == [("replica1", Reason.CAUGHT_UP)]

    def test_a_rolled_back_write_pins_nobody(self):
        with scope() as work:
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                Note.objects.create(text="new")
                raise ZeroDivisionError
            Note.objects.count()
        assert work.writes == {}
        assert work.reads["default"][Reason.REPLICA] == 1

    def test_a_block_without_a_savepoint_is_a_transaction(self):
        with scope() as work:
            with transaction.atomic(savepoint=False):
                Note.objects.create(text="new")
                assert not work.has_written("default")
            assert work.has_written("default")

    def test_a_transaction_reads_from_the_primary(self):
        with scope(), transaction.atomic(), traced() as trace:
            Note.objects.count()
        assert [read.reason for read in trace] == [Reason.TRANSACTION]

    def test_what_an_inner_block_wrote_counts_with_the_outer_one(self):
        with scope() as work, transaction.atomic():
            with transaction.atomic():
                Note.objects.create(text="new")
            assert not work.has_written("default")

    def test_a_late_replica_has_it_later(self):
        self.replica.lag = 3
        with freeze_time("2026-01-01") as clock:
            self.client.post("/notes/", {"text": "new"})
            clock.tick(2)
            assert self.reasons() == [("default", Reason.PINNED)]
            clock.tick(1)
            assert self.reasons() == [("replica1", Reason.CAUGHT_UP)]

    def test_nobody_guesses_how_far_a_replica_is_that_has_moved(self):
        self.replica.pause()
        with freeze_time("2026-01-01") as clock:
            self.client.post("/notes/", {"text": "new"})
            clock.tick(5)
            assert self.reasons() == [("default", Reason.PINNED)]
            self.client.post("/notes/", {"text": "newer"})
            self.replica.catch_up()
            assert self.reasons() == [("replica1", Reason.CAUGHT_UP)]

    def test_a_dead_replica_serves_nothing_until_it_is_started(self):
        self.replica.kill()
        assert self.reasons() == [("default", Reason.NO_REPLICA)]
        self.replica.start()
        assert self.reasons() == [("replica1", Reason.REPLICA)]

    def test_queries_are_counted_by_alias(self):
        with self.assertNumQueries(0), self.assertNumQueries(1, using="replica1"):
            self.client.get("/notes/")

    def test_a_block_inside_has_the_same_replica(self):
        with pretended_replica() as replica:
            assert replica is self.replica

    def test_a_cursor_on_the_server_reads_from_it(self):
        Note.objects.create(text="old")
        Note.objects.create(text="older")
        with scope():
            notes = Note.objects.order_by("pk").iterator(chunk_size=1)
            assert next(notes).text == "old"
            with use_primary():  # another cursor on the same connection of the driver's
                assert next(Note.objects.iterator(chunk_size=1)).text == "old"
            assert next(notes).text == "older"

    def test_a_transaction_on_the_replica_leaves_the_test_s_alone(self):
        with transaction.atomic(using="replica1"):
            assert Note.objects.using("replica1").count() == 0
        assert connection.in_atomic_block

    def test_the_transaction_of_a_view_is_no_reason_to_stay_on_the_primary(self):
        with mock.patch.dict(connections.settings["default"], ATOMIC_REQUESTS=True):
            assert self.reasons() == [("replica1", Reason.REPLICA)]
            self.replica.pause()
            with traced() as trace:
                self.client.post("/notes/", {"text": "new"})
            assert trace[-1].reason == Reason.WRITTEN
            assert self.reasons() == [("default", Reason.PINNED)]

    def test_a_pause_ends(self):
        self.replica.pause()
        self.client.post("/notes/", {"text": "new"})
        self.replica.resume()
        assert self.reasons() == [("replica1", Reason.CAUGHT_UP)]


@pytest.mark.django_db
def test_a_function_of_pytest(client):
    with pretended_replica() as replica, override_settings(ROOT_URLCONF=__name__):
        replica.pause()
        with traced() as trace:
            client.post("/notes/", {"text": "new"})
            client.get("/notes/")
            Client().get("/notes/")
    reasons = [read.reason for read in trace if isinstance(read, Read)]
    assert reasons == [Reason.WRITTEN, Reason.PINNED, Reason.REPLICA]


@pytest.mark.django_db(transaction=True)
def test_a_test_that_commits():
    with pretended_replica() as replica:
        replica.pause()
        with scope() as work, pytest.raises(ZeroDivisionError), transaction.atomic():
            Note.objects.create(text="never")
            raise ZeroDivisionError
        assert not work.writes
        with scope(), transaction.atomic():
            Note.objects.create(text="new")
            message = carried()
        assert replica.writes["default"].log.place == 1
        with scope(carried=message) as work:
            assert Note.objects.count() == 1
        assert work.reads == {"default": {Reason.PINNED: 1}}


class AfterwardsTests(TestCase):
    def test_all_is_as_before(self):
        with pretended_replica():
            pretended = connections["replica1"]
        assert connections["replica1"] is not pretended
        assert connection.execute_wrappers == []
        with scope(), traced() as trace:
            Note.objects.count()
        assert [read.reason for read in trace] == [Reason.TRANSACTION]

    @override_settings(PINNING={"USE_REPLICAS": False})
    def test_settings_without_a_replica_get_one(self):
        with pretended_replica(), scope(), traced() as trace:
            Note.objects.count()
        assert [(read.alias, read.reason) for read in trace] == [("pretended", Reason.REPLICA)]
        assert "pretended" not in connections
