"""The transaction of ATOMIC_REQUESTS, told from those of middleware, through Django's handlers."""

import contextlib
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from psycopg import IsolationLevel

from pinning import Reason, current_scope, scope
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def read() -> None:
    list(Note.objects.all())


def simple(request: Any) -> HttpResponse:
    read()
    return HttpResponse()


@transaction.atomic
def decorated(request: Any) -> HttpResponse:
    read()
    return HttpResponse()


def with_block(request: Any) -> HttpResponse:
    with transaction.atomic():
        read()
    read()
    return HttpResponse()


@transaction.non_atomic_requests
def apart(request: Any) -> HttpResponse:
    return decorated(request)


class Wrapped:
    """A view that is no function."""

    def __call__(self, request: Any) -> HttpResponse:
        return simple(request)


def locking(request: Any) -> HttpResponse:
    with transaction.atomic() if "inner" in request.GET else contextlib.nullcontext():
        with connection.cursor() as cursor, contextlib.suppress(Exception):
            cursor.execute(request.GET["sql"])
    read()
    return HttpResponse()


urlpatterns = [
    path("simple", simple),
    path("decorated", decorated),
    path("block", with_block),
    path("apart", apart),
    path("wrapped", Wrapped()),
    path("locking", locking),
]


class Middleware:
    """Keeps the request's answers. Reads in transactions of its own, before and in process_view."""

    trace: list[Any] = []

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        current_scope().trace = Middleware.trace = []
        if "middleware" in request.GET:
            with transaction.atomic():
                read()
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        if "block" in request.GET:
            with transaction.atomic():
                read()
        if "decorated" in request.GET:
            transaction.atomic(lambda request: read())(request)


@pytest.fixture(autouse=True)
def site():
    databases = connections["default"].settings_dict
    databases["ATOMIC_REQUESTS"] = True
    middleware = ["pinning.middleware.PinningMiddleware", f"{__name__}.Middleware"]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        yield
    databases["ATOMIC_REQUESTS"] = False


def visit_later(url: str, **query: str) -> Any:
    return async_to_sync(AsyncClient().get)(url, query)


def visit(url: str, **query: str) -> Any:
    return Client().get(url, query)


def reasons() -> list[Reason]:
    return [read.reason for read in Middleware.trace]


both = pytest.mark.parametrize("go", [visit, visit_later])


@both
@pytest.mark.parametrize("url", ["/simple", "/wrapped"])
def test_a_view_in_its_transaction_reads_from_the_replica(go, url):
    assert go(url).status_code == 200
    assert reasons() == [Reason.REPLICA]


@both
@pytest.mark.parametrize(
    ("level", "reason"),
    [
        (IsolationLevel.READ_COMMITTED, Reason.REPLICA),
        (IsolationLevel.REPEATABLE_READ, Reason.TRANSACTION),
        (IsolationLevel.SERIALIZABLE, Reason.TRANSACTION),
        ("read committed", Reason.REPLICA),
        ("repeatable read", Reason.TRANSACTION),
        ("serializable", Reason.TRANSACTION),
        (None, Reason.TRANSACTION),
    ],
)
def test_a_view_with_a_snapshot_reads_from_it_alone(go, level, reason, monkeypatch):
    """A replica may show newer rows, which are gone when the primary answers again."""
    monkeypatch.setattr(type(connections["default"]), "isolation_level", level, raising=False)
    assert go("/simple").status_code == 200
    assert reasons() == [reason]


@both
@pytest.mark.parametrize("way", ["middleware", "block", "decorated"])
def test_a_transaction_of_middleware_is_not_taken_for_the_views(go, way):
    assert go("/simple", **{way: ""}).status_code == 200
    assert reasons() == [Reason.TRANSACTION, Reason.REPLICA]


@pytest.mark.parametrize("url", ["/decorated", "/apart"])
def test_nor_is_one_that_the_view_opens(url):
    visit(url)
    assert reasons() == [Reason.TRANSACTION]


def test_after_a_block_in_it_the_view_reads_from_the_replica():
    visit("/block")
    assert reasons() == [Reason.TRANSACTION, Reason.REPLICA]


LOCKS = [
    "SELECT * FROM notes_note FOR UPDATE",
    "SELECT * FROM notes_note FOR SHARE",
    "LOCK TABLE notes_note",
    "LOCK TABLE notes_note IN ACCESS EXCLUSIVE MODE NOWAIT;",
    "SELECT pg_advisory_xact_lock(1)",
]
SESSION_LOCKS = [
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_catalog.pg_try_advisory_lock_shared(1, 2)",
    "SELECT GET_LOCK('a', 1)",
    "LOCK TABLES notes_note READ",
    "LOCK TABLE notes_note WRITE",
    "SELECT set_tenant('two')",
    "SELECT pg_advisory_xact_lock(1), set_tenant('two')",
]


@pytest.mark.parametrize("sql", LOCKS + SESSION_LOCKS)
@pytest.mark.parametrize("more", [{}, {"inner": ""}])
def test_a_view_that_locks_reads_from_the_primary_from_then_on(sql, more):
    visit("/locking", sql=sql, **more)
    assert reasons() == [Reason.LOCKED]


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "SELECT count(*) FROM notes_note WHERE text = 'FOR UPDATE'"]
)
def test_one_that_only_reads_does_not(sql):
    visit("/locking", sql=sql)
    assert reasons() == [Reason.REPLICA]


def run(sql: str) -> None:
    with connection.cursor() as cursor, contextlib.suppress(Exception):
        cursor.execute(sql)


@pytest.mark.parametrize("sql", SESSION_LOCKS)
@pytest.mark.parametrize("block", [contextlib.nullcontext, transaction.atomic])
def test_a_lock_of_the_session_counts_in_every_scope_around(sql, block):
    with scope() as outer, scope() as inner:
        with block():
            run(sql)
        assert [work.bound("default") for work in (outer, inner)] == [Reason.LOCKED] * 2
        inner.trace = []
        read()
        assert inner.trace[-1].reason == Reason.LOCKED


@pytest.mark.parametrize("sql", LOCKS)
def test_a_lock_of_a_transaction_that_is_over_counts_too(sql):
    """What was read under it is newer than what a replica may show."""
    with scope() as work:
        work.trace = []
        with contextlib.suppress(Exception), transaction.atomic():
            run(sql)
        read()
        assert work.trace[-1].reason == Reason.LOCKED


def test_what_was_written_counts_more_than_what_was_locked():
    with scope() as work:
        run(SESSION_LOCKS[0])
        Note.objects.create(text="new")
        run(SESSION_LOCKS[0])
        assert work.bound("default") == Reason.WRITTEN
