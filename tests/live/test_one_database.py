"""What goes by an alias, on a replica that is late: to Django the cluster is one database."""

import pickle
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction

from pinning import scope, source_of, use_primary
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Comment, Note, Tag

pytestmark = on_each_database


@pytest.fixture
def late(pair: Pair, aliases: None) -> Iterator[Note]:
    """A note with a comment by a user, on both servers. The replica then falls behind."""
    ContentType.objects.clear_cache()
    author = User.objects.get(username="writer")
    note = Note.objects.create(text="old", author=author)
    Comment.objects.create(target=note, text="comment")
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    yield note
    ContentType.objects.clear_cache()
    User.objects.filter(username="next").delete()


def test_a_save_of_deferred_fields_loses_nobody_s_update(pair: Pair, late: Note):
    with scope():
        note = Note.objects.only("text").get()
        assert source_of(note) == "replica1"
        pair.execute("UPDATE notes_note SET author_id = NULL")
        note.text = "new"
        note.save()
    note = Note.objects.get()
    assert (note.text, note.author) == ("new", None)


@pytest.mark.parametrize("add", ["add", "set"])
def test_an_object_of_the_replica_is_added_to_a_relation(late: Note, add: str):
    with scope():
        note, user = Note.objects.get(), User.objects.get(username="writer")
        added = note if add == "add" else [note]
        getattr(user.note_set, add)(added)
    with scope():
        note, comment = Note.objects.get(), Comment.objects.get()
        added = comment if add == "add" else [comment]
        getattr(note.comments, add)(added)
        assert list(note.comments.all()) == [comment]


def test_a_generic_foreign_key_shows_what_the_scope_wrote(late: Note):
    with scope():
        comment = Comment.objects.get()
        assert source_of(comment) == "replica1"
        Note.objects.filter(pk=late.pk).update(text="new")
        assert comment.target.text == "new"
        made = Note.objects.create(text="made")
        comment.object_id = made.pk
        assert comment.target == made


def test_a_generic_foreign_key_is_read_from_the_replica_if_nobody_wrote(late: Note):
    with scope():
        comment = Comment.objects.get()
        assert source_of(comment.target) == "replica1"
        (comment,) = Comment.objects.prefetch_related("target")
        assert source_of(comment.target) == "replica1"


def test_the_next_object_is_the_one_that_the_scope_wrote(late: Note):
    with scope():
        user = User.objects.latest("date_joined")
        other = User.objects.create(username="next")
        assert user.get_next_by_date_joined() == other


def test_an_object_from_a_cache_leads_to_what_is_there_now(late: Note):
    with scope():
        cached = pickle.dumps(Comment.objects.get())
    Note.objects.filter(pk=late.pk).update(text="new")
    with scope(), use_primary():
        assert pickle.loads(cached).target.text == "new"


def test_a_dead_replica_breaks_no_generic_relation(pair: Pair, late: Note):
    with scope():
        comment, note = Comment.objects.get(), Note.objects.get()
        user = User.objects.latest("date_joined")
        pair.replica.kill()
        try:
            ContentType.objects.clear_cache()
            assert comment.target == late
            assert [each.text for each in note.comments.all()] == ["comment"]
            with pytest.raises(User.DoesNotExist):
                user.get_next_by_date_joined()
        finally:
            connections["replica1"].close()
            pair.replica.start()


def test_a_subquery_runs_where_its_query_runs(late: Note):
    with scope():
        note = Note.objects.get()
        comments = note.comments.values("object_id")
        assert list(Tag.objects.filter(pk__in=comments)) == []
        assert list(Note.objects.filter(pk__in=comments)) == [note]
        assert list(Tag.objects.exclude(pk__in=comments)) == []
        assert source_of(Note.objects.filter(author__in=User.objects.all()).get()) == "replica1"


def test_what_is_written_by_an_object_s_alias_is_written_on_the_primary(pair: Pair, late: Note):
    with scope() as work:
        note = Note.objects.get()
        with transaction.atomic(using=note._state.db), connections[note._state.db].cursor() as own:
            own.execute("UPDATE notes_note SET text = 'one'")
        assert work.has_written("default")
    with scope():
        note = Note.objects.get()
        Note.objects.using(note._state.db).filter(pk=note.pk).update(text="two")
        assert pair.execute("SELECT text FROM notes_note") == [("two",)]
    with scope():
        note = Note.objects.get()
        note.text = "three"
        note.save(using=note._state.db)
        assert pair.execute("SELECT text FROM notes_note") == [("three",)]
    with scope():
        Note.objects.get().delete(using=Note.objects.get()._state.db)
        assert pair.execute("SELECT text FROM notes_note") == []


def test_raw_sql_that_was_built_before_a_write_sees_it(late: Note):
    with scope():
        raw = Note.objects.raw("SELECT * FROM notes_note ORDER BY id")
        assert raw.query.using == "default"
        Note.objects.create(text="new")
        assert [note.text for note in raw] == ["old", "new"]
        assert {source_of(note) for note in raw} == {"default"}
