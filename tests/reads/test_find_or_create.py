"""find_or_create: it looks where reads go, and creates as Django does."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connections, models, transaction
from django.test.utils import CaptureQueriesContext

from pinning import (
    FindOrCreateMixin,
    afind_or_create,
    find_or_create,
    scope,
    source_of,
    use_primary,
)
from tests.notes.models import Attachment, Note, Tag

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class TagManager(FindOrCreateMixin, models.Manager):
    """As a project writes one."""


class TagQuerySet(FindOrCreateMixin, models.QuerySet):
    """As a project writes one."""


def of_tags(manager):
    manager.model = Tag
    return manager


SOURCES = [
    lambda: Tag.objects,
    lambda: Tag.objects.all(),
    lambda: Tag.objects.filter(name__gt=""),
    lambda: of_tags(TagManager()),
    lambda: TagQuerySet(Tag),
    lambda: of_tags(models.Manager.from_queryset(TagQuerySet)()),
]


def statements(alias: str, run):
    """What ``run`` sends to ``alias``, by the first word."""
    with CaptureQueriesContext(connections[alias]) as queries:
        run()
    return [query["sql"].split()[0] for query in queries.captured_queries]


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_there_is_read_from_a_replica_alone(source):
    tag = Tag.objects.create(name="old")
    found = []
    with scope() as work:
        assert (
            statements("default", lambda: found.append(find_or_create(source(), name="old"))) == []
        )
        assert not work.has_written("default")
    assert found == [(tag, False)]
    assert source_of(found[0][0]) == "replica1"


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_not_there_is_created_on_the_primary(source):
    with scope() as work:
        tag, is_new = find_or_create(source(), name="new")
        assert work.has_written("default")
    assert (source_of(tag), is_new) == ("default", True)
    assert Tag.objects.get().name == "new"


@pytest.mark.parametrize("source", SOURCES[3:])
def test_the_mixin_has_both(source):
    async def look():
        return await source().afind_or_create(name="one")

    with scope():
        assert source().find_or_create(name="one")[1]
    with scope():
        assert not async_to_sync(look)()[1]


def test_what_the_replica_does_not_have_yet_is_found_on_the_primary(monkeypatch):
    """Mirrors do not lag, so the first look is told that there is nothing."""
    tag = Tag.objects.create(name="late")
    looks = []
    get = models.QuerySet.get

    def lagging(queryset, *args, **kwargs):
        looks.append(getattr(queryset.db, "source", queryset.db))
        if looks[-1] == "replica1":
            raise Tag.DoesNotExist
        return get(queryset, *args, **kwargs)

    monkeypatch.setattr(models.QuerySet, "get", lagging)
    with scope() as work:
        assert find_or_create(Tag.objects, name="late") == (tag, False)
        assert not work.has_written("default")
    assert looks == ["replica1", "default"]


def test_defaults_are_for_creation_alone():
    with scope():
        find_or_create(Note.objects, {"text": "made"}, author=None)
    with scope():
        note, is_new = find_or_create(Note.objects, defaults={"text": "other"}, author=None)
    assert (note.text, is_new) == ("made", False)


def test_several_are_an_error():
    Note.objects.create(text="twice")
    Note.objects.create(text="twice")
    with scope(), pytest.raises(Note.MultipleObjectsReturned):
        find_or_create(Note.objects, text="twice")


def test_related_managers_look_and_create_for_their_own_object():
    note, other = Note.objects.create(text="one"), Note.objects.create(text="other")
    Attachment.objects.create(note=other, name="file")
    Tag.objects.create(name="unrelated")
    with scope():
        note = Note.objects.get(text="one")
        assert source_of(note) == "replica1"
        attachment, is_new = find_or_create(note.attachment_set, name="file")
        assert (attachment.note, is_new) == (note, True)
        tag, is_new = find_or_create(note.tags, name="tag")
        assert is_new
        assert list(note.tags.all()) == [tag]
    with scope():
        assert find_or_create(note.attachment_set, name="file") == (attachment, False)
        assert find_or_create(note.tags, name="tag") == (tag, False)


def test_what_was_found_on_a_replica_is_saved_on_the_primary():
    Tag.objects.create(name="old")
    with scope():
        tag, _ = find_or_create(Tag.objects, name="old")
        tag.name = "renamed"
        assert statements("default", tag.save) == ["UPDATE"]
        assert statements("replica1", lambda: None) == []


def test_in_a_transaction_and_where_the_code_says_so_the_primary_is_asked():
    Tag.objects.create(name="old")
    with scope(), transaction.atomic():
        assert source_of(find_or_create(Tag.objects, name="old")[0]) == "default"
    with scope(), use_primary():
        assert source_of(find_or_create(Tag.objects, name="old")[0]) == "default"


def test_a_lookup_may_be_called_source():
    with scope(), pytest.raises(Exception, match="source"):
        find_or_create(User.objects, source="no such field")


async def run_on_a_loop():
    with scope():
        made = await afind_or_create(Tag.objects, name="new")
    with scope():
        return made, await afind_or_create(Tag.objects, name="new")


def test_asynchronous_code_finds_it_on_a_replica():
    (tag, is_new), (found, is_newer) = async_to_sync(run_on_a_loop)()
    assert (is_new, is_newer) == (True, False)
    assert (found, source_of(found)) == (tag, "replica1")
