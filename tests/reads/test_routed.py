"""Whose statements were sent to a replica by the router: those, and no others."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connections, router
from django.db.models import Prefetch

from pinning import in_scope, read_connection, scope, use_replica
from pinning.conf import routed_alias
from pinning.reads.routed import was_routed
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
    alias = routed_alias("replica1", "default")
    assert alias == "replica1"
    assert {alias: 1} == {"replica1": 1}
    assert connections[alias] is connections["replica1"]


def test_a_copy_is_routed_too():
    alias = routed_alias("replica1", "default")
    assert copy.deepcopy(alias) is copy.copy(alias) is alias


def test_its_pickle_is_the_primary_s_plain_alias():
    loaded = pickle.loads(pickle.dumps(routed_alias("replica1", "default")))
    assert (type(loaded), loaded) == (str, "default")


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
        assert Note.objects.all().db == "default"
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


def test_a_function_of_the_same_name_as_django_s_is_none(seen):
    def execute_sql(sql: str) -> list[tuple[int]]:
        with read_connection().cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    with scope():
        assert execute_sql("SELECT 1") == [(1,)]
    assert seen == [False]


class Proxy:
    """A cursor inside another one, as tracers have it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.inner.close()

    def __iter__(self) -> Any:
        return iter(self.inner)


class Slotted:
    """The same, as ``wrapt`` has it."""

    __slots__ = ("__wrapped__",)

    def __init__(self, inner: Any) -> None:
        self.__wrapped__ = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __enter__(self) -> "Slotted":
        return self

    def __exit__(self, *_: object) -> None:
        self.__wrapped__.close()

    def __iter__(self) -> Any:
        return iter(self.__wrapped__)


@pytest.mark.parametrize("proxy", [Proxy, Slotted])
def test_a_cursor_inside_a_tracer_s_was_routed(seen, proxy, monkeypatch):
    connection = connections["replica1"]
    with scope():
        Note.objects.count()
        original = connection.cursor
        monkeypatch.setattr(connection, "cursor", lambda: proxy(original()))
        Note.objects.count()
    assert seen == [True, True]


def test_a_connection_knows_itself_by_a_plain_alias(seen):
    """Opened by a thread whose first read it is."""

    def read() -> type:
        try:
            list(Note.objects.all())
            return type(connections["replica1"].alias)
        finally:
            connections.close_all()

    with scope(), ThreadPoolExecutor(1) as pool:
        list(Note.objects.all())
        assert pool.submit(in_scope(read)).result() is str


def test_what_fails_on_the_replica_is_run_again_for_the_router_alone(monkeypatch):
    connection = connections["replica1"]

    def lose(execute, sql, params, many, context):
        if context["connection"] is connection:
            raise OperationalError("lost")
        return execute(sql, params, many, context)

    with scope():
        list(Note.objects.all())
        monkeypatch.setattr(connection, "is_usable", lambda: False)
        with connection.execute_wrapper(lose), pytest.raises(OperationalError):
            list(Note.objects.using("replica1"))
        with connection.execute_wrapper(lose):
            assert list(Note.objects.all()) == []


def test_a_property_of_a_caller_is_not_run(seen):
    class Report:
        @property
        def cursor(self) -> None:
            raise AssertionError("a report opens a cursor of its own")

        using = cursor

        def count(self) -> int:
            return Note.objects.count()

        def raw(self) -> None:
            with read_connection().cursor() as opened:
                opened.execute("SELECT 1")

    with scope():
        assert Report().count() == 0
        Report().raw()
    assert seen == [True, False]
