"""What a scope tells of its writes: the model, the kind, how often, and the line that wrote."""

import logging

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from pinning import Write, mark_written, scope, traced, unpinned
from pinning.middleware import PinningMiddleware
from tests.docs.visits import get, post
from tests.notes.models import Audit, Note, Tag

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class Rollback(Exception):
    """Ends a transaction."""


def sql(statement, *params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def lines_of(found):
    return [write.line.rpartition(":")[0] for write in found]


@pytest.mark.parametrize(
    ("write", "model", "statement"),
    [
        (lambda: Note.objects.create(text="new"), "notes.Note", "INSERT"),
        (lambda: Note.objects.using("default").update(text="newer"), "notes.Note", "UPDATE"),
        (lambda: Note.objects.all()._raw_delete("default"), "notes.Note", "DELETE"),
        (lambda: Note.objects.first().tags.add(Tag.objects.first()), "notes.Note_tags", "INSERT"),
        (
            lambda: Tag.objects.bulk_create([Tag(name="one")], ignore_conflicts=True),
            "notes.Tag",
            "INSERT",
        ),
        (lambda: sql("UPDATE notes_note SET text = ''"), "notes.Note", "UPDATE"),
        (lambda: sql("UPDATE main.notes_note SET text = ''"), "raw SQL", "UPDATE"),
        (lambda: sql("CREATE TABLE IF NOT EXISTS own (id int)"), "raw SQL", "OTHER"),
        (lambda: sql("DELETE FROM own"), "own", "DELETE"),
        (lambda: sql("WITH a AS (SELECT 1) DELETE FROM notes_note"), "raw SQL", "OTHER"),
        (lambda: mark_written(), "mark_written()", "OTHER"),
    ],
)
def test_a_write_is_called_by_its_model_and_kind(write, model, statement):
    Note.objects.create(text="old")
    Tag.objects.create(name="old")
    sql("CREATE TABLE IF NOT EXISTS own (id int)")
    with scope() as work:
        write()
    sql("DROP TABLE own")
    assert work.writes == {Write(model, "default", statement): 1}


def test_a_table_with_a_schema_is_the_model_s_that_django_compiles():
    name, Note._meta.db_table = Note._meta.db_table, '"main"."notes_note"'
    try:
        with scope() as work:
            Note.objects.update(text="newer")
    finally:
        Note._meta.db_table = name
    assert list(work.writes) == [Write("notes.Note", "default", "UPDATE")]


def test_writes_are_counted_by_what_they_are():
    with scope() as work:
        for name in "abc":
            Tag.objects.create(name=name)
        Note.objects.create(text="new")
        Tag.objects.all().delete()
    assert work.writes == {
        Write("notes.Tag", "default", "INSERT"): 3,
        Write("notes.Note", "default", "INSERT"): 1,
        Write("notes.Note_tags", "default", "DELETE"): 1,
        Write("notes.Tag", "default", "DELETE"): 1,
    }


def test_what_is_rolled_back_is_not_told():
    with scope() as work, transaction.atomic():
        for text in "ab":
            Note.objects.create(text=text)
        with pytest.raises(Rollback), transaction.atomic():
            Note.objects.create(text="c")
            Audit.objects.create(text="c")
            raise Rollback
        with transaction.atomic():
            Note.objects.create(text="d")
        Note.objects.create(text="e")
        assert work.writes == {}
    assert work.writes == {Write("notes.Note", "default", "INSERT"): 4}


def test_a_transaction_in_raw_sql_counts_once():
    with scope() as work:
        for statement in ("BEGIN", "UPDATE notes_note SET text = ''", "COMMIT"):
            sql(statement)
    assert work.writes == {Write("notes.Note", "default", "UPDATE"): 1}


def test_a_refused_write_is_not_told():
    Tag.objects.create(name="one")
    with scope() as work:
        with pytest.raises(Exception, match="UNIQUE"):
            Tag.objects.create(name="one")
    assert work.writes == {}


def test_unpinned_writes_are_in_a_trace_alone():
    with scope() as work, traced() as trace, unpinned():
        Note.objects.create(text="new")
    assert work.writes == {}
    (write,) = trace
    assert write[:4] == ("notes.Note", "default", "INSERT", False)


def test_scopes_around_know_what_scopes_inside_wrote():
    with scope() as outer, scope() as inner:
        Note.objects.create(text="new")
    assert outer.writes == inner.writes == {Write("notes.Note", "default", "INSERT"): 1}


def test_what_a_scope_wrote_that_ended_before_the_commit_counts_once():
    with scope() as outer, transaction.atomic(), scope() as between:
        with scope():
            Note.objects.create(text="new")
    assert between.writes == {}
    assert outer.writes == {Write("notes.Note", "default", "INSERT"): 1}


def test_a_commit_in_a_scope_inside_counts_once_around_it():
    with scope() as outer:
        block = transaction.atomic()
        block.__enter__()
        with scope():
            Note.objects.create(text="new")
        with scope() as committer:
            block.__exit__(None, None, None)
    assert committer.writes == {}
    assert outer.writes == {Write("notes.Note", "default", "INSERT"): 1}


def test_what_a_scope_wrote_that_is_over_counts_for_who_commits_it():
    with transaction.atomic():
        with scope():
            Note.objects.create(text="new")
        Note.objects.create(text="newer")
        committer = scope()
        work = committer.__enter__()
    committer.__exit__(None, None, None)
    assert work.writes == {Write("notes.Note", "default", "INSERT"): 2}


def test_what_has_no_room_counts_as_one():
    with scope() as work:
        for number in range(30):
            sql(f"CREATE TABLE t{number} (id int)")
            sql(f"INSERT INTO t{number} VALUES (1)")
        with transaction.atomic():
            for number in range(30):
                sql(f"DROP TABLE t{number}")
    assert len(work.writes) == 11
    assert sum(work.writes.values()) == 90
    assert work.writes[Write("others", "default", "OTHER")] == 21


def test_there_are_no_lines_unless_asked():
    with scope() as work:
        Note.objects.create(text="new")
    assert lines_of(work.writes) == [""]


@override_settings(DEBUG=True)
def test_the_line_is_told_while_debugging():
    with scope() as work:
        Note.objects.create(text="new")
        sql("UPDATE notes_note SET text = ''")
    assert lines_of(work.writes) == ["tests/writes/test_naming.py"] * 2
    assert len({write.line for write in work.writes}) == 2


def test_what_a_get_pins_is_logged_once_for_each_view_and_model(caplog):
    def view(request):
        Note.objects.create(text="new")
        Note.objects.update(text="newer")
        Tag.objects.get_or_create(name="one")
        return HttpResponse()

    caplog.set_level(logging.DEBUG, "pinning")
    for _ in range(2):
        get(view)
        post(view)
    told = [record.getMessage() for record in caplog.records if record.levelname == "DEBUG"]
    assert [line.split(" ")[-1] for line in told] == ["notes.Note.", "notes.Tag."]
    assert all(" answers a GET and pins" in line for line in told)
    PinningMiddleware(view)(RequestFactory().head("/"))
    assert " answers a HEAD and pins" in caplog.messages[-1]
