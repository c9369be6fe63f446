"""To Django a primary and its replicas are one database, whose name is the primary's alias."""

import copy
import pickle

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core import checks, serializers
from django.db import connections, router
from django.db.models import Count, QuerySet
from django.db.models.base import ModelState
from django.db.models.query import RawQuerySet
from django.db.models.sql.query import Query
from django.db.utils import ConnectionHandler

from pinning import Reason, scope, source_of, use_primary, use_replica
from pinning.conf.aliases import ClusterAlias
from pinning.reads import one_database, replaced
from pinning.reads.replaced import Piece, differences
from tests.notes.models import Attachment, Comment, Note, Tag

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture(autouse=True)
def _no_content_types():
    ContentType.objects.clear_cache()
    yield
    ContentType.objects.clear_cache()


@pytest.fixture
def note() -> Note:
    """A note that the replica gave, in a scope that has not written."""
    Note.objects.create(text="note").comments.create(text="comment")
    with scope():
        return Note.objects.get()


@pytest.fixture
def replicas_statements():
    """The statements that the replica runs."""
    seen: list[str] = []

    def note(execute, sql, *args):
        seen.append(sql)
        return execute(sql, *args)

    with connections["replica1"].execute_wrapper(note):
        yield seen


def test_what_a_replica_gave_says_the_primary_s_alias(note):
    assert note._state.db == "default"
    assert {note._state.db: 1}["default"] == 1
    assert source_of(note) == "replica1"


def test_what_the_primary_gave_and_what_is_new_have_their_own_alias():
    note = Note(text="new")
    assert source_of(note) is None
    note.save()
    assert (type(note._state.db), source_of(note)) == (str, "default")


def test_a_queryset_that_goes_to_a_replica_says_the_primary_s_alias():
    with scope():
        assert Note.objects.all().db == "default"
        assert Note.objects.raw("SELECT * FROM notes_note").db == "default"
        assert Note.objects.db == "default"
        assert router.db_for_read(Note) == "replica1"


READS = {
    "rows": lambda: [source_of(note) for note in Note.objects.all()],
    "a relation": lambda: [source_of(each) for each in Note.objects.get().comments.all()],
    "a join": lambda: [source_of(each.note) for each in Attachment.objects.select_related("note")],
    "a prefetch": lambda: [
        source_of(each) for each in Note.objects.prefetch_related("comments")[0].comments.all()
    ],
    "raw": lambda: [source_of(each) for each in Note.objects.raw("SELECT * FROM notes_note")],
    "a generic key": lambda: [source_of(Comment.objects.get().target)],
    "a copy": lambda: [source_of(copy.copy(Note.objects.get()))],
    "refreshed": lambda: [source_of(refreshed(Note.objects.get()))],
    "a replica by name": lambda: [source_of(Note.objects.using("replica1").get())],
    "a raw query of a replica by name": lambda: [
        source_of(each) for each in Note.objects.using("replica1").raw("SELECT * FROM notes_note")
    ],
}


def refreshed(note):
    note.refresh_from_db()
    return note


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_where_an_object_came_from_is_known(read):
    note = Note.objects.create(text="note")
    note.comments.create(text="comment")
    note.attachment_set.create(name="picture")
    with scope():
        assert read() == ["replica1"]


def test_a_query_of_each_kind_runs_on_the_replica(replicas_statements):
    Tag.objects.create(name="red")
    with scope():
        Tag.objects.count()
        Tag.objects.exists()
        Tag.objects.explain()
        list(Tag.objects.values_list("name"))
        Tag.objects.union(Tag.objects.all()).count()
        Tag.objects.in_bulk()
        list(Tag.objects.iterator())
    assert len(replicas_statements) == 7


def test_iterator_goes_by_the_replica_s_settings(monkeypatch, note):
    """It is told not to use cursors of the server where a pooler stands before it."""
    replica = connections["replica1"]
    opened = []
    monkeypatch.setattr(replica, "chunked_cursor", lambda: opened.append(1) or replica.cursor())
    with scope():
        list(Note.objects.iterator())
        assert opened == [1]
        monkeypatch.setitem(replica.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
        assert [each.pk for each in Note.objects.iterator()] == [note.pk]
        assert opened == [1]


def test_aggregates_run_on_the_replica(replicas_statements):
    with scope():
        Note.objects.annotate(tags_count=Count("tags")).aggregate(Count("tags_count"))
    assert len(replicas_statements) == 1


def test_what_the_project_does_by_the_alias_is_done_on_the_primary(note):
    with scope():
        assert connections[note._state.db] is connections["default"]
        assert connections[Note.objects.all().db] is connections["default"]
        again = Note.objects.using(note._state.db).get()
        assert source_of(again) == "default"


def test_a_connection_s_own_alias_is_plain(note):
    for alias in (note._state.db, router.db_for_read(Note)):
        connection = connections.create_connection(alias)
        assert type(connection.alias) is str


def test_a_generic_relation_asks_again_when_it_runs(note):
    with scope():
        comments = note.comments.all()
        Tag.objects.create(name="red")
        assert [source_of(comment) for comment in comments] == ["default"]


def test_a_generic_relation_of_an_older_scope_is_routed_by_the_scope_that_reads(note):
    with scope():
        comments = note.comments.all()
    assert [source_of(comment) for comment in comments] == ["default"]


@pytest.mark.parametrize(
    "how", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_copy_of_a_generic_relation_asks_again_too(note, how):
    with scope():
        comments = how(note.comments.all())
        Tag.objects.create(name="red")
        assert [source_of(comment) for comment in comments.all()] == ["default"]
        assert comments.update(text="new") == 1
        assert comments.db == "default"


def test_a_generic_key_of_an_object_from_the_primary_follows_it():
    Note.objects.create(text="note").comments.create(text="comment")
    comment = Comment.objects.get()
    with scope() as work:
        work.trace = []
        assert source_of(comment.target) == "default"


def test_a_generic_key_of_a_row_of_a_raw_query_shows_what_the_scope_wrote():
    Note.objects.create(text="note").comments.create(text="comment")
    with scope():
        (comment,) = Comment.objects.raw("SELECT * FROM notes_comment")
        Tag.objects.create(name="red")
        assert source_of(comment) == "replica1"
        assert source_of(comment.target) == "default"


def test_overrides_hold_for_generic_keys(note):
    with scope():
        comment = Comment.objects.get()
        with use_primary():
            assert source_of(comment.target) == "default"
    with scope():
        comment = Comment.objects.get()
        Tag.objects.create(name="red")
        with use_replica():
            assert source_of(comment.target) == "replica1"


def test_content_types_are_kept_once_for_a_cluster():
    Note.objects.create(text="note")
    with scope():
        ContentType.objects.get_for_model(Note)
        Note.objects.get().comments.all()
    assert set(ContentType.objects._cache) == {"default"}


def test_copies_and_pickles_are_plain(note):
    assert type(copy.deepcopy(note)._state.db) is str
    loaded = pickle.loads(pickle.dumps(note))
    assert (type(loaded._state.db), loaded._state.db) == (str, "default")
    assert type(pickle.loads(pickle.dumps(note._state.db))) is str


def test_a_pickle_with_a_replica_s_alias_is_read(note):
    loaded = pickle.loads(pickle.dumps(note, protocol=0).replace(b"Vdefault", b"Vreplica1"))
    assert loaded._state.db == "default"
    assert source_of(loaded) == "replica1"


def test_a_pickle_of_another_database_stays_as_it_is():
    note = Note(text="elsewhere")
    note._state.db = "elsewhere"
    assert pickle.loads(pickle.dumps(note))._state.db == "elsewhere"
    assert pickle.loads(pickle.dumps(Note(text="new")))._state.db is None


def test_serializers_take_it(note):
    text = serializers.serialize("json", [note])
    (loaded,) = serializers.deserialize("json", text)
    loaded.save(using=note._state.db)
    assert Note.objects.get() == note


def test_using_a_replica_by_name_reads_from_it_and_asks_no_router(replicas_statements):
    Note.objects.create(text="note")
    with scope() as work:
        note = Note.objects.using("replica1").get()
        assert len(replicas_statements) == 1
        assert note._state.db == "default"
    assert work.reads == {}


def test_using_a_replica_by_name_to_write_writes_there(replicas_statements):
    Note.objects.create(text="note")
    Note.objects.using("replica1").update(text="mirrored")
    assert [sql.split()[0] for sql in replicas_statements] == ["UPDATE"]


def test_subqueries_of_other_databases_are_still_refused():
    with scope(), pytest.raises(ValueError, match="Subqueries aren't allowed across"):
        list(Note.objects.filter(pk__in=Note.objects.using("elsewhere").values("pk")))


def test_subqueries_of_other_clusters_are_refused(settings):
    settings.PINNING = {"REPLICAS": {"default": ["replica1"], "orders": ["orders1"]}}
    for alias in ("orders", "orders1", ClusterAlias("orders")):
        with scope(), pytest.raises(ValueError, match="Subqueries aren't allowed across"):
            list(Note.objects.filter(pk__in=Note.objects.using(alias).values("pk")))


@pytest.mark.parametrize("outer", [use_primary, use_replica])
def test_a_subquery_of_the_primary_or_a_replica_runs_where_its_query_runs(outer):
    Note.objects.create(text="note").comments.create(text="comment")
    with scope():
        with use_primary():
            note = Note.objects.get()
        inner = [note.comments.all(), *map(Comment.objects.using, ["default", "replica1"])]
        with outer():
            assert [Comment.objects.filter(pk__in=each).count() for each in inner] == [1, 1, 1]


def test_the_pickle_of_a_query_with_a_subquery_runs_anywhere(note):
    query = Comment.objects.filter(pk__in=note.comments.using("replica1")).query
    loaded = pickle.dumps(query)
    assert b"pinning" not in loaded
    comments = Comment.objects.all()
    comments.query = pickle.loads(loaded)
    assert comments.count() == 1


def test_a_raw_query_without_a_model_is_left_to_django():
    with scope() as work:
        assert RawQuerySet("SELECT 1").db == "default"
    assert work.reads == {}


def test_a_raw_query_is_counted_with_the_reason_of_its_run():
    with scope() as work:
        raw = Note.objects.raw("SELECT * FROM notes_note")
        Note.objects.create(text="new")
        list(raw)
        assert work.reads["default"][Reason.WRITTEN] == 1


def test_a_raw_query_runs_with_all_that_was_set_on_it():
    """Django's own copy of one loses the fetch mode, in 6.1."""

    class Marked(RawQuerySet):
        def resolve_model_init_order(self):
            assert self.mark == "kept"
            return super().resolve_model_init_order()

    raw = Marked("SELECT * FROM notes_note", model=Note)
    raw.mark = "kept"
    Note.objects.create(text="note")
    with scope():
        assert [note.text for note in raw] == ["note"]


def test_rows_of_a_raw_query_are_prefetched_and_read_again():
    Note.objects.create(text="note").comments.create(text="comment")
    with scope():
        raw = Note.objects.raw("SELECT * FROM notes_note").prefetch_related("comments")
        assert sorted(raw.columns) == ["author_id", "id", "text"]
        assert [len(note.comments.all()) for note in raw] == [1]
        assert raw[0].text == "note"


def test_django_is_as_we_know_it():
    assert differences() == ()


@pytest.mark.parametrize("piece", Piece)
def test_another_django_is_noticed_and_the_primary_answers(piece, monkeypatch):
    def other(self, *args, **kwargs):
        return "something else"

    is_property = isinstance(vars(piece.owner)[piece.attribute], property)
    theirs = vars(piece.owner)[piece.attribute]
    monkeypatch.setattr(piece.owner, piece.attribute, property(other) if is_property else other)
    differences.cache_clear()
    try:
        assert differences() == (str(piece),)
        assert [each.id for each in checks.run_checks()].count("pinning.E035") == 1
        monkeypatch.setattr(piece.owner, piece.attribute, theirs)
        with scope() as work:
            Note.objects.count()
            with use_replica():
                Note.objects.count()
        assert work.reads == {"default": {Reason.SWITCHED_OFF: 2}}
    finally:
        differences.cache_clear()


def test_a_django_that_reads_states_by_itself_is_noticed(monkeypatch):
    monkeypatch.setattr(ModelState, "__setstate__", lambda self, values: None)
    assert differences.__wrapped__() == ("ModelState.__setstate__",)


def test_a_django_whose_content_types_read_in_another_way_is_noticed(monkeypatch):
    monkeypatch.setattr(ContentType, "get_object_for_this_type", lambda self, **lookup: None)
    assert differences.__wrapped__() == ("ContentType.get_object_for_this_type",)


def test_content_types_that_are_not_installed_are_not_looked_at(settings):
    settings.INSTALLED_APPS = ["pinning"]
    assert differences.__wrapped__() == ()


def test_it_is_installed_once():
    before = vars(QuerySet)["db"], vars(Query)["get_compiler"]
    one_database.install()
    assert (vars(QuerySet)["db"], vars(Query)["get_compiler"]) == before


def test_what_is_replaced_says_what_it_replaces():
    assert Query.get_compiler.__wrapped__.__module__ == Query.__module__
    assert ConnectionHandler.create_connection.__wrapped__.__name__ == "create_connection"
    assert replaced.function_of(QuerySet, "db").__doc__


def test_a_state_that_was_copied_keeps_where_it_came_from(note):
    state = copy.copy(note._state)
    assert isinstance(state, ModelState)
    assert type(state.db) is ClusterAlias
