"""A write is filed under its user, too, when no code has asked who the user is."""

from contextlib import ExitStack
from importlib import import_module
from uuid import UUID

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connections, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from pinning import Reason
from tests.notes.models import Note
from tests.scopes.test_request import LAPTOP, PHONE, resolving
from tests.shop.models import Customer
from tests.test_middleware import memory, read, routed, send, send_async, write

__all__ = ["memory"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica1", "replica2"]),
    pytest.mark.usefixtures("memory"),
]


def signed_in_session():
    made = SessionStore()
    made[SESSION_KEY] = "5"
    made.save()
    return made.session_key


def visiting(view, *, loads=False):
    """As behind Django's middleware; nobody asks who the user is."""

    def visit(request):
        request.session = SessionStore(request.COOKIES["sessionid"])
        request.user = SimpleLazyObject(lambda: User(pk=request.session[SESSION_KEY]))
        if loads:
            request.session.get("basket")
        return view(request)

    return visit


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_view_writes_that_asks_for_no_user_is_seen_by_the_users_other_devices(method):
    send(visiting(write), method, {"sessionid": signed_in_session()})
    assert routed(send(resolving(read, User(pk=5)), cookies=LAPTOP)) == ("default", Reason.PINNED)
    other = send(resolving(read, User(pk=6)), cookies=LAPTOP)
    assert routed(other) == ("replica1", Reason.REPLICA)


def test_so_it_is_for_an_asynchronous_view():
    async def view(request):
        request.session = SessionStore(request.COOKIES["sessionid"])
        await Note.objects.acreate(text="new")
        return HttpResponse()

    send_async(view, "POST", {"sessionid": signed_in_session()})
    assert routed(send(resolving(read, User(pk=5)), cookies=LAPTOP)) == ("default", Reason.PINNED)


def test_so_it_is_for_what_a_body_writes():
    def parts():
        write()
        yield b"written"

    view = visiting(lambda request: StreamingHttpResponse(parts()))
    list(send(view, "POST", {"sessionid": signed_in_session()}))
    assert routed(send(resolving(read, User(pk=5)), cookies=LAPTOP)) == ("default", Reason.PINNED)


def queries_of(view, method="POST"):
    """How many queries read a session while ``view`` was answered, and where."""
    cookies = {"sessionid": signed_in_session()}
    found = []
    with ExitStack() as stack:
        caught = {
            alias: stack.enter_context(CaptureQueriesContext(connections[alias]))
            for alias in ("default", "replica1")
        }
        send(view, method, cookies)
        for alias, queries in caught.items():
            found += [alias for query in queries if "django_session" in query["sql"]]
    return found


def test_the_session_is_read_on_the_primary_once_where_a_write_is_saved():
    assert queries_of(visiting(write)) == ["default"]
    assert queries_of(visiting(write), "GET") == ["default"]


def test_no_session_is_read_for_a_request_that_does_not_write():
    assert queries_of(visiting(read), "GET") == []
    assert queries_of(visiting(lambda request: HttpResponse())) == []


def test_no_session_is_read_again_that_was_loaded():
    assert queries_of(visiting(write, loads=True)) == ["default"]


def test_no_session_is_read_again_where_the_user_is_resolved():
    assert queries_of(visiting(resolving(write, User(pk=5)), loads=True)) == ["default"]


def test_that_the_session_was_asked_is_not_seen():
    """Django's middleware would add ``Vary: Cookie``, and take the cookie of one that is gone."""
    sessions = import_module("django.contrib.sessions.backends.cache").SessionStore
    seen = []

    def view(request):
        request.session = sessions("gonegone1")
        write()
        found = request.session
        seen.append((hasattr(found, "_session_cache"), found.accessed, found.session_key))
        return HttpResponse()

    send(view, "POST")
    assert seen == [(False, False, "gonegone1")]


def ending(how, engine, *, writes_first=True):
    """A view that writes and ends the session of user 5, or makes it another's."""
    sessions = import_module(f"django.contrib.sessions.backends.{engine}").SessionStore
    made = sessions()
    made[SESSION_KEY] = "5"
    made.save()

    def view(request):
        request.session = sessions(made.session_key)
        if writes_first:
            Note.objects.create(text="new")
        if how == "flush":
            request.session.flush()
        elif how == "another":
            request.user = User(pk=7)
        elif how == "table":
            Session.objects.all().delete()
        else:
            request.session.flush()
            request.session[SESSION_KEY] = "7"
            request.session.save()
            request.user = User(pk=7)
        if not writes_first:
            Note.objects.create(text="new")
        return HttpResponse()

    return view


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "file"])
@pytest.mark.parametrize("how", ["flush", "another", "sign in"])
def test_a_user_whom_the_request_left_sees_what_it_wrote_for_them(how, engine, atomic):
    view = ending(how, engine)
    send(transaction.atomic(view) if atomic else view, "POST")
    assert routed(send(resolving(read, User(pk=5)), cookies=LAPTOP)) == ("default", Reason.PINNED)
    if how != "flush":
        other = send(resolving(read, User(pk=7)), cookies=LAPTOP)
        assert routed(other) == ("default", Reason.PINNED)


@pytest.mark.parametrize("engine", ["db", "cached_db"])
@pytest.mark.parametrize("how", ["flush", "sign in"])
def test_so_it_is_where_the_write_comes_after_the_end_of_a_session_in_a_table(how, engine):
    send(ending(how, engine, writes_first=False), "POST")
    assert routed(send(resolving(read, User(pk=5)), cookies=LAPTOP)) == ("default", Reason.PINNED)


def test_so_it_is_where_all_sessions_are_deleted():
    send(ending("table", "db"), "POST")
    assert routed(send(resolving(read, User(pk=5)), cookies=LAPTOP)) == ("default", Reason.PINNED)


def test_no_session_in_a_table_is_read_in_the_views_transaction():
    """Its role may have no right to that table, and the error would end the transaction."""
    seen = []

    def view(request):
        request.session = SessionStore(request.COOKIES["sessionid"])
        with CaptureQueriesContext(connections["default"]) as queries, transaction.atomic():
            write()
        seen.extend(query["sql"] for query in queries)
        return HttpResponse()

    send(view, "POST", {"sessionid": signed_in_session()})
    assert not any("django_session" in sql for sql in seen)


def test_no_session_is_read_for_cookies_alone(settings):
    settings.PINNING = {**settings.PINNING, "STORES": ["cookie"]}
    assert queries_of(visiting(write)) == []


def test_no_session_is_read_where_a_rule_names_who_it_is(settings):
    settings.PINNING = {**settings.PINNING, "IDENTITY": lambda request: ["acme"]}
    assert queries_of(visiting(write)) == []


def test_two_user_models_with_the_same_key_are_two_users():
    send(resolving(write, User(pk=UUID(int=5))), "POST", PHONE)
    response = send(resolving(read, Customer(pk=UUID(int=5))), cookies=LAPTOP)
    assert routed(response) == ("replica1", Reason.REPLICA)


class RawStore(SessionBase):
    """An engine of somebody's own, which asks a table, and whose ``accessed`` cannot be set."""

    asked = 0

    accessed = property(lambda self: True, lambda self, value: None)

    def load(self):
        type(self).asked += 1
        Note.objects.filter(text="seen").update(text="seen")
        return {SESSION_KEY: "5"}


def test_an_engine_that_may_use_a_table_is_not_asked_before_a_write(monkeypatch):
    """Nor does one that writes when it is asked go on for ever."""
    monkeypatch.setattr(RawStore, "asked", 0)
    seen = []

    def view(request):
        request.session = RawStore("abcdefgh1")
        write()
        seen.append(RawStore.asked)
        return HttpResponse()

    send(view, "POST")
    assert seen == [0]
    assert RawStore.asked == 1
    assert routed(send(resolving(read, User(pk=5)), cookies=LAPTOP)) == ("default", Reason.PINNED)


def test_a_session_in_the_database_cache_is_not_read_before_a_write(settings):
    table = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "kept"}
    settings.CACHES = {**settings.CACHES, "kept": table}
    settings.SESSION_CACHE_ALIAS = "kept"
    call_command("createcachetable", "kept", verbosity=0)
    sessions = import_module("django.contrib.sessions.backends.cache").SessionStore
    made = sessions()
    made[SESSION_KEY] = "5"
    made.save()
    seen = []

    def view(request):
        request.session = sessions(made.session_key)
        with CaptureQueriesContext(connections["default"]) as queries:
            write()
        seen.extend(query["sql"] for query in queries)
        return HttpResponse()

    try:
        send(view, "POST")
        assert not any("kept" in sql for sql in seen)
        other = send(resolving(read, User(pk=5)), cookies=LAPTOP)
        assert routed(other) == ("default", Reason.PINNED)
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute("DROP TABLE kept")


def test_a_session_that_cannot_be_read_is_asked_for_once_before_the_writes(monkeypatch):
    sessions = import_module("django.contrib.sessions.backends.cache").SessionStore
    asked = []

    def load(self):
        asked.append(self)
        raise ConnectionError("down")

    monkeypatch.setattr(sessions, "load", load)

    def view(request):
        request.session = sessions("abcdefgh1")
        for _ in range(5):
            write()
        return HttpResponse()

    send(view, "POST")
    assert len(asked) == 1
