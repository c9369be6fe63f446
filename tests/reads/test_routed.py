"""Whose statements were sent to a replica by the router: those, and no others."""

import copy
import pickle

import pytest
from django.db import connections, router
from django.db.models import Prefetch

from pinning import read_connection, scope, use_replica
from pinning.reads.routed import RoutedAlias, was_routed
from tests.notes.models import Note, Tag

pytestmark = pytest.mark.django_db(databases=["default", "replica1", "replica2"], transaction=True)


@pytest.fixture
def seen():
    """For each statement on the replica, whether the router sent it there."""
    answers: list[bool] = []

    def look(execute, sql, params, many, context):
        answers.append(was_routed(context["cursor"]))
        return execute(sql, params, many, context)

    with connections["replica1"].execute_wrapper(look):
        yield answers


def test_it_is_an_alias_like_any_other():
    alias = RoutedAlias("replica1")
    assert alias == "replica1"
    assert {alias: 1} == {"replica1": 1}
    assert connections[alias] is connections["replica1"]


def test_copies_and_pickles_are_plain():
    alias = RoutedAlias("replica1")
    assert type(copy.deepcopy(alias)) is str
    assert type(pickle.loads(pickle.dumps(alias))) is str


READS = {
    "rows": lambda: list(Note.objects.all()),
    "a count": lambda: Note.objects.count(),
    "exists": lambda: Note.objects.exists(),
    "a stream": lambda: list(Note.objects.iterator()),
    "values": lambda: list(Note.objects.values("text")),
    "a union": lambda: list(Note.objects.all().union(Note.objects.all())),
    "raw": lambda: list(Note.objects.raw("SELECT * FROM notes_note")),
    "in bulk": lambda: Note.objects.in_bulk([1]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_the_orm_reads_was_routed(seen, read):
    with scope():
        read()
    assert seen == [True]


def test_relations_and_prefetches_were_routed(seen):
    note = Note.objects.create(text="one")
    note.tags.add(Tag.objects.create(name="red"))
    with scope():
        (note,) = Note.objects.prefetch_related("tags", Prefetch("attachment_set"))
        list(note.tags.filter(name="red"))
    assert len(seen) == 4
    assert all(seen)


def test_an_override_is_the_router_s_word_too(seen):
    with use_replica():
        list(Note.objects.all())
    assert seen == [True]


def test_using_is_the_project_s_own_word(seen):
    with scope():
        list(Note.objects.using("replica1"))
    assert seen == [False]


def test_a_question_without_a_query_marks_nothing(seen):
    """The next statement on the connection is another one, of a cursor of the project's own."""
    with scope():
        assert router.db_for_read(Note) == "replica1"
        assert Note.objects.all().db == "replica1"
        with connections["replica1"].cursor() as cursor:
            cursor.execute("SELECT 1")
    assert seen == [False]


def test_a_cursor_of_read_connection_was_not_routed(seen):
    with scope(), read_connection().cursor() as cursor:
        cursor.execute("SELECT 1")
    assert seen == [False]


def test_a_cursor_inside_a_query_of_the_orm_is_another_one(seen):
    """Its statement runs while the query's frames are still on the stack."""

    def also_raw(execute, sql, params, many, context):
        if "notes_note" in sql:
            with connections["replica1"].cursor() as cursor:
                cursor.execute("SELECT 1")
        return execute(sql, params, many, context)

    with scope(), connections["replica1"].execute_wrapper(also_raw):
        list(Note.objects.all())
    assert seen == [True, False]
