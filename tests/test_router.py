"""Where reads go, and why."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.cache.backends.db import BaseDatabaseCache
from django.db import OperationalError, connections, models, router, transaction
from django.test import TestCase, TransactionTestCase

from pinning import Reason, read_only, scope, source_of, use_primary, use_replica
from pinning.conf.clusters import Cluster, clusters
from pinning.health import status
from pinning.reads.decision import decide
from pinning.router import PinningRouter
from pinning.scopes.scope import Scope, current_scope, inside
from tests.notes.models import Attachment, Audit, Comment, Note, Tag

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

CLUSTER = Cluster("default", ("replica1",))
ALL_NOTES = "SELECT * FROM notes_note"


def route(model: object, instance: models.Model | None = None) -> tuple[str, Reason]:
    return decide(clusters().named("default"), model, instance, current_scope())


def test_a_read_in_a_scope_goes_to_the_replica():
    with scope():
        assert route(Note) == ("replica1", Reason.REPLICA)


def test_a_read_outside_any_scope_goes_to_the_primary():
    assert route(Note) == ("default", Reason.NO_SCOPE)


def test_a_read_in_a_closed_scope_goes_to_the_primary():
    with scope() as closed:
        pass
    assert decide(CLUSTER, Note, None, current_scope()) == ("default", Reason.NO_SCOPE)
    assert closed.is_closed


def test_a_read_after_a_write_goes_to_the_primary():
    with scope():
        Note.objects.create(text="new")
        assert route(Note) == ("default", Reason.WRITTEN)


def test_a_read_in_a_transaction_goes_to_the_primary():
    with scope(), transaction.atomic():
        assert route(Note) == ("default", Reason.TRANSACTION)


def test_a_read_after_a_transaction_that_only_read_goes_to_the_replica():
    with scope():
        with transaction.atomic():
            list(Note.objects.all())
        assert route(Note) == ("replica1", Reason.REPLICA)


def test_a_read_under_manual_transactions_goes_to_the_primary():
    with scope():
        transaction.set_autocommit(False)
        try:
            assert route(Note) == ("default", Reason.TRANSACTION)
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)
        assert route(Note) == ("replica1", Reason.REPLICA)


def test_finding_out_about_transactions_opens_no_connection_to_the_primary():
    connections["default"].close()
    with scope():
        assert route(Note) == ("replica1", Reason.REPLICA)
        list(Note.objects.all())
    assert connections["default"].connection is None


def test_an_object_from_the_primary_keeps_its_relations_there():
    note = Note.objects.create(text="new")
    with scope():
        assert list(note.attachment_set.all()) == []
        assert route(Attachment, note) == ("default", Reason.FOLLOWS_PRIMARY)


def test_an_object_from_a_replica_keeps_its_relations_there():
    Note.objects.create(text="new")
    with scope():
        note = Note.objects.get()
        assert source_of(note) == "replica1"
        assert route(Attachment, note) == ("replica1", Reason.REPLICA)


def test_prefetches_follow_an_object_from_the_primary():
    tag = Tag.objects.create(name="red")
    Note.objects.create(text="new").tags.add(tag)
    with scope():
        note = Note.objects.using("default").prefetch_related("tags").get()
        assert [source_of(tag) for tag in note.tags.all()] == ["default"]


def test_deferred_fields_follow_the_object():
    Note.objects.create(text="new")
    with scope():
        note = Note.objects.defer("text").get()
        assert source_of(note) == "replica1"
        Note.objects.using("default").filter(pk=note.pk).update(text="newer")
        note.refresh_from_db(fields=["text"])
        assert source_of(note) == "default"


def test_an_object_from_another_database_is_left_to_django():
    note = Note(text="elsewhere")
    note._state.db = "elsewhere"
    with scope():
        assert PinningRouter().db_for_read(Attachment, instance=note) is None
        assert PinningRouter().db_for_write(Note, instance=note) is None
        assert router.db_for_write(Note, instance=note) == "elsewhere"


def test_a_generic_relation_is_read_like_any_other():
    Note.objects.create(text="new").comments.create(text="one")
    with scope():
        note = Note.objects.get()
        assert route(Comment, note) == ("replica1", Reason.REPLICA)
        assert [source_of(comment) for comment in note.comments.all()] == ["replica1"]


@pytest.mark.parametrize(
    "write",
    [
        lambda comments: comments.update(text="new"),
        lambda comments: comments.filter(text="old").update(text="new"),
        lambda comments: comments.filter(text="old").delete(),
        lambda comments: comments.bulk_create(
            [Comment(text="new", content_type=ContentType.objects.get_for_model(Note), object_id=1)]
        ),
        lambda comments: comments.clear(),
        lambda comments: comments.create(text="new"),
        lambda comments: comments.get_or_create(text="new"),
        lambda comments: comments.update_or_create(text="old", defaults={"text": "new"}),
        lambda comments: comments.set([]),
    ],
)
def test_no_write_of_a_generic_relation_reaches_a_replica(write):
    Note.objects.create(text="note").comments.create(text="old")
    writes = []

    def notice(execute, sql, *args):
        if sql.split()[0] in {"UPDATE", "DELETE", "INSERT"}:
            writes.append(sql)
        return execute(sql, *args)

    with scope() as work, connections["replica1"].execute_wrapper(notice):
        note = Note.objects.get()
        assert source_of(note) == "replica1"
        write(note.comments)
        assert work.has_written("default")
    assert writes == []


def test_select_for_update_reads_from_the_primary():
    with scope(), transaction.atomic():
        assert Note.objects.select_for_update().db == "default"


def test_get_or_create_reads_from_the_primary_and_a_hit_is_no_write():
    Tag.objects.create(name="red")
    with scope() as work:
        tag, created = Tag.objects.get_or_create(name="red")
        assert not created
        assert source_of(tag) == "default"
        assert not work.has_written("default")
        assert route(Note) == ("replica1", Reason.REPLICA)


def test_writes_always_go_to_the_primary():
    Note.objects.create(text="new")
    with scope():
        note = Note.objects.get()
        assert source_of(note) == "replica1"
        note.save()
        assert source_of(note) == "default"
        with use_replica():
            assert router.db_for_write(Note, instance=note) == "default"


def test_raw_queries_read_from_the_replica():
    Note.objects.create(text="new")
    with scope():
        assert [source_of(note) for note in Note.objects.raw(ALL_NOTES)] == ["replica1"]


def test_a_raw_query_that_writes_is_noticed_on_the_primary():
    Note.objects.create(text="new")
    with scope() as work:
        sql = "UPDATE notes_note SET text = 'newer' RETURNING *"
        assert [note.text for note in Note.objects.using("default").raw(sql)] == ["newer"]
        assert work.has_written("default")


@pytest.fixture
def cache_model():
    """The class with which Django's database cache asks the router."""
    return BaseDatabaseCache("cache_table", {}).cache_model_class


def test_the_database_cache_is_read_and_written_on_the_primary(cache_model):
    with scope() as work:
        assert router.db_for_read(cache_model) == "default"
        assert router.db_for_write(cache_model) == "default"
        assert work.reads == {"default": {Reason.PRIMARY_MODEL: 1}}


def test_the_database_cache_is_read_from_the_primary_in_use_replica_too(cache_model):
    with use_replica():
        assert router.db_for_read(cache_model) == "default"


def test_the_database_cache_of_another_cluster_is_read_from_its_primary(settings, cache_model):
    settings.PINNING = {
        "REPLICAS": {"default": ["replica1"], "orders": ["orders1"]},
        "MODELS": {"django_cache": "orders"},
    }
    with scope():
        assert router.db_for_read(cache_model) == "orders"


@pytest.mark.parametrize(
    ("engine", "alias"),
    [
        ("django.contrib.sessions.backends.cached_db", "default"),
        ("tests.notes.sessions", "default"),
        ("django.contrib.sessions.backends.db", "replica1"),
    ],
)
def test_sessions_that_a_cache_keeps_are_read_from_the_primary(settings, engine, alias):
    settings.SESSION_ENGINE = engine
    with scope():
        assert router.db_for_read(Session) == alias
        assert router.db_for_read(Note) == "replica1"
    with use_replica():
        assert router.db_for_read(Session) == alias


def test_an_automatic_through_model_is_routed_too():
    with scope():
        assert router.db_for_read(Note.tags.through) == "replica1"


@pytest.mark.parametrize("label", ["notes.Audit", "notes.audit"])
def test_a_primary_model_is_read_from_the_primary(settings, label):
    settings.PINNING = {**settings.PINNING, "PRIMARY_MODELS": [label]}
    with scope():
        assert route(Audit) == ("default", Reason.PRIMARY_MODEL)
        assert route(Note) == ("replica1", Reason.REPLICA)


def test_so_is_what_follows_its_objects_and_not_what_asks_for_their_key(settings):
    settings.PINNING = {**settings.PINNING, "PRIMARY_MODELS": ["auth.User"]}
    Note.objects.create(text="new", author=User.objects.create())
    with scope():
        user = User.objects.get()
        assert route(Note, user) == ("default", Reason.FOLLOWS_PRIMARY)
        assert source_of(user.note_set.get()) == "default"
        assert source_of(Note.objects.get(author=user)) == "replica1"


def test_a_proxy_of_a_primary_model_is_read_from_the_primary(settings):
    class AuditProxy(Audit):
        class Meta:
            proxy = True
            app_label = "notes"

    try:
        settings.PINNING = {**settings.PINNING, "PRIMARY_MODELS": ["notes.Audit"]}
        with scope():
            assert route(AuditProxy) == ("default", Reason.PRIMARY_MODEL)
    finally:
        del apps.all_models["notes"]["auditproxy"]
        apps.clear_cache()


def test_use_primary_sends_reads_to_the_primary():
    with scope(), use_primary():
        assert route(Note) == ("default", Reason.USE_PRIMARY)


def test_use_replica_sends_reads_to_a_replica_even_after_a_write():
    with scope():
        Note.objects.create(text="new")
        with use_replica():
            assert route(Note) == ("replica1", Reason.USE_REPLICA)


def test_use_replica_needs_no_scope():
    with use_replica():
        assert route(Note) == ("replica1", Reason.USE_REPLICA)


def test_use_replica_in_a_transaction_does_what_it_says():
    with scope(), transaction.atomic(), use_replica():
        assert route(Note) == ("replica1", Reason.USE_REPLICA)


def test_the_switch_sends_every_read_to_the_primary(settings):
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": False}
    with use_replica():
        assert route(Note) == ("default", Reason.SWITCHED_OFF)
        with scope():
            assert route(Note) == ("default", Reason.SWITCHED_OFF)
    with scope():
        assert route(Note) == ("default", Reason.SWITCHED_OFF)


def test_wrong_settings_route_nothing(settings, caplog):
    settings.PINNING = {"REPLICAS": {"default": ["nowhere"]}}
    with scope():
        assert PinningRouter().db_for_read(Note) is None
        assert PinningRouter().allow_migrate("default", "notes") is None
    assert "'nowhere'" in caplog.text


class UnsafeScope(Scope):
    def __init__(self):
        super().__init__()
        self.is_unsafe = True


def test_an_unsafe_request_reads_from_the_primary_until_declared_to_read_only():
    with inside(UnsafeScope()):
        assert route(Note) == ("default", Reason.UNSAFE_METHOD)
        with read_only():
            assert route(Note) == ("replica1", Reason.REPLICA)
        assert route(Note) == ("default", Reason.UNSAFE_METHOD)


def test_a_scope_stays_with_its_replica(settings):
    settings.PINNING = {**settings.PINNING, "REPLICAS": {"default": ["replica1", "replica2"]}}
    seen = set()
    for _ in range(20):
        with scope():
            aliases = {route(Note)[0] for _ in range(5)}
        assert len(aliases) == 1
        seen |= aliases
    assert seen == {"replica1", "replica2"}


def test_a_replica_that_cannot_be_reached_is_passed_over():
    connections["replica1"].close()
    settings_dict = connections["replica1"].settings_dict
    name, settings_dict["NAME"] = settings_dict["NAME"], "/nowhere/at/all"
    try:
        with scope():
            assert route(Note) == ("default", Reason.NO_REPLICA)
            settings_dict["NAME"] = name
            assert route(Note) == ("default", Reason.NO_REPLICA)
        with scope():  # set aside for RETRY_AFTER
            assert route(Note) == ("default", Reason.NO_REPLICA)
    finally:
        settings_dict["NAME"] = name


def test_the_event_loop_never_waits_for_a_choice():
    async def ask():
        first = route(Note)
        settled = await sync_to_async(route)(Note)
        return first, settled, route(Note)

    with scope():
        assert async_to_sync(ask)() == (
            ("default", Reason.EVENT_LOOP),
            ("replica1", Reason.REPLICA),
            ("replica1", Reason.REPLICA),
        )


def test_asynchronous_queries_read_from_the_replica():
    Note.objects.create(text="new")

    async def read():
        note = await Note.objects.aget()
        await sync_to_async(ContentType.objects.get_for_model)(Note)
        iterated = [note async for note in Note.objects.all()]
        iterated += [note async for note in Note.objects.aiterator()]
        [_ async for _ in note.attachment_set.all()]
        [_ async for _ in note.tags.all()]
        [_ async for _ in note.comments.all()]
        Permission(content_type=await ContentType.objects.afirst())
        return {source_of(note) for note in (note, *iterated)}

    with scope():
        assert async_to_sync(read)() == {"replica1"}


def test_a_write_in_an_asyncio_task_is_known_to_the_scope():
    async def work():
        await asyncio.gather(
            asyncio.create_task(Note.objects.acreate(text="one")), Note.objects.acreate(text="two")
        )

    with scope() as outer:
        async_to_sync(work)()
        assert outer.has_written("default")
        assert route(Note) == ("default", Reason.WRITTEN)


def test_a_plain_thread_has_no_scope():
    with scope(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(route, Note).result() == ("default", Reason.NO_SCOPE)


def test_a_thread_that_carries_the_scope_is_known_by_its_own_connection():
    """Threads that follow each other often have the same identity."""

    def work():
        try:
            with transaction.atomic():
                Note.objects.create(text="new")
                return threading.get_ident(), route(Note)
        finally:
            connections.close_all()

    seen = []
    with scope():
        route(Note)
        for _ in range(10):
            thread = threading.Thread(
                target=lambda context: seen.append(context.run(work)), args=[copy_context()]
            )
            thread.start()
            thread.join()
    assert len({ident for ident, _ in seen}) < 10
    assert {answer for _, answer in seen} == {("default", Reason.TRANSACTION)}


def test_relations_within_a_cluster_are_allowed():
    one, other = Note(), User()
    one._state.db, other._state.db = "default", "replica1"
    assert PinningRouter().allow_relation(one, other) is True


@pytest.mark.parametrize(
    ("one", "other"), [("default", "elsewhere"), ("elsewhere", "elsewhere"), (None, "default")]
)
def test_other_relations_are_left_to_others(one, other):
    note, user = Note(), User()
    note._state.db, user._state.db = one, other
    assert PinningRouter().allow_relation(note, user) is None


def test_an_object_from_a_replica_may_be_related_to_one_from_the_primary():
    User.objects.create(username="writer")
    with scope():
        writer = User.objects.get()
        assert source_of(writer) == "replica1"
        note = Note.objects.create(text="new", author=writer)
        assert note.author_id == writer.pk


@pytest.mark.parametrize(
    ("alias", "allowed"), [("default", None), ("replica1", False), ("elsewhere", None)]
)
def test_nothing_is_migrated_on_a_replica(alias, allowed):
    assert PinningRouter().allow_migrate(alias, "notes", model_name="note") is allowed


def test_a_model_on_no_cluster_is_left_to_other_routers(settings):
    settings.PINNING = {"REPLICAS": {"elsewhere": ["replica1"]}}
    with scope():
        assert PinningRouter().db_for_read(Note) is None
        assert PinningRouter().db_for_write(Note) is None


def test_reads_are_counted_by_reason():
    with scope() as work:
        list(Note.objects.all())
        list(Note.objects.all())
        Note.objects.create(text="new")
        list(Note.objects.all())
        assert work.reads["default"][Reason.REPLICA] == 2
        assert work.reads["default"][Reason.WRITTEN] == 1


def test_a_trace_names_model_database_and_reason():
    with scope() as work:
        work.trace = []
        list(Note.objects.all())
        assert [read[:3] for read in work.trace] == [("notes.Note", "replica1", Reason.REPLICA)]


class DefaultTestCase(TestCase):
    """Django's test case, as it stands in a project that knows nothing of pinning."""

    def test_rows_of_the_test_are_seen_in_a_scope(self):
        Note.objects.create(text="new")
        with scope():
            assert Note.objects.count() == 1
            assert route(Note) == ("default", Reason.TRANSACTION)

    def test_on_commit_callbacks_are_counted_as_ever(self):
        with self.captureOnCommitCallbacks(execute=True) as callbacks, scope():
            Note.objects.create(text="new")
            transaction.on_commit(lambda: None)
        assert len(callbacks) == 1

    def test_queries_are_counted_as_ever(self):
        with self.assertNumQueries(2), scope():
            Note.objects.create(text="new")
            Note.objects.count()


class DefaultTransactionTestCase(TransactionTestCase):
    """The same without transactions: its replicas are forbidden."""

    def test_reads_stay_on_the_primary(self):
        with scope():
            assert route(Note) == ("default", Reason.NO_REPLICA)
            Note.objects.create(text="new")
            assert Note.objects.count() == 1


def test_a_scope_leaves_a_replica_that_lags():
    with scope():
        alias = PinningRouter().db_for_read(Note)
        assert alias == PinningRouter().db_for_read(Note) != "default"
        status.replica(alias).mark_lagging(OperationalError("late"))
        assert PinningRouter().db_for_read(Note) != alias
