"""``scope(identity=...)``: work for somebody, whose pins it has and who gets its own."""

import asyncio
import contextvars
import sys
import threading
import time

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from pinning import Reason, carried, current_scope, scope, take_carried
from pinning.pins import signing
from pinning.pins.cookies import names
from pinning.scopes.identity import request_of
from tests.notes.models import Note
from tests.test_middleware import Memory, cookies_after, memory, read, routed, send, write

__all__ = ["memory"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica1", "replica2"]),
    pytest.mark.usefixtures("memory"),
]

PINNED, REPLICA = ("default", Reason.PINNED), ("replica1", Reason.REPLICA)


def connection(*headers, **more):
    """The scope of a websocket, as an ASGI server gives it."""
    return {"type": "websocket", "path": "/ws", "headers": list(headers), **more}


def as_user(view, pk=5):
    def known(request):
        request.user = User(pk=pk)
        return view(request)

    return known


def read_as(who):
    with scope(identity=who):
        return routed(read())


def write_as(who):
    with scope(identity=who):
        write()


def test_a_message_that_is_handled_before_the_response_brings_the_pins_of_the_view():
    def handled(pins):
        with scope(identity=5):
            take_carried(pins)
            return routed(read())

    def view(request):
        write()
        return HttpResponse(contextvars.Context().run(handled, carried())[1])

    assert send(as_user(view), "POST").content == str(Reason.PINNED).encode()


WAYS = {
    "id": lambda: 5,
    "text": lambda: "5",
    "user": lambda: User(pk=5),
    "lazy user": lambda: SimpleLazyObject(lambda: User(pk=5)),
    "connection": lambda: connection(user=User(pk=5)),
    "request": lambda: as_user(lambda request: request)(RequestFactory().get("/")),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_sees_what_the_user_wrote(way):
    assert read_as(way()) == REPLICA
    send(as_user(write), "POST", {"sessionid": "phone"})
    assert read_as(way()) == PINNED
    assert read_as(6) == REPLICA


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_user_sees_what_it_wrote(way):
    write_as(way())
    assert routed(send(as_user(read))) == PINNED
    assert routed(send(as_user(read, pk=6))) == REPLICA


@pytest.mark.parametrize(
    "who",
    [
        None,
        "",
        AnonymousUser(),
        User(),
        {},
        connection(),
        connection(user=AnonymousUser()),
        connection(user=None),
        connection((b"cookie", b"sessionid=")),
        connection((b"cookie", b"\xff\xfe;;=;pinning-id.0123abcd=forged"), (b"authorization", b"")),
    ],
    ids=lambda who: str(who).split(" at 0x")[0],
)
def test_without_an_identity_it_is_a_scope_like_any_other(who):
    assert read_as(who) == REPLICA
    write_as(who)
    assert Memory.calls == []


def test_a_websocket_has_the_session_the_name_and_the_token_of_its_handshake():
    response = send(write, "POST", {"sessionid": "abc"})
    (own,) = (
        f"{name}={value}".encode()
        for name, value in cookies_after(response).items()
        if name in names().identities
    )
    assert read_as(connection((b"cookie", b"other=1; sessionid=abc"))) == PINNED
    split = connection((b"cookie", b"a=1"), (b"Cookie", own))
    assert read_as(split) == PINNED
    assert read_as(connection((b"cookie", own))) == PINNED
    assert read_as(connection((b"cookie", b"sessionid=abd"))) == REPLICA
    send(write, "POST", Authorization="Token 401f")
    assert read_as(connection((b"authorization", b"Token 401f"))) == PINNED
    assert read_as(connection((b"authorization", b"Token 401e"))) == REPLICA


def test_what_a_websocket_writes_is_seen_by_its_session_and_user():
    write_as(connection((b"cookie", b"sessionid=abc"), user=User(pk=5)))
    assert routed(send(read, cookies={"sessionid": "abc"})) == PINNED
    assert routed(send(as_user(read))) == PINNED


def test_the_request_that_is_made_of_a_connection():
    headers = [(b"x-tenant", b"a"), (b"X-Tenant", b"b"), (b"x_tenant", b"c"), (b"cookie", b"a=1")]
    request = request_of(connection(*headers, (b"cookie", b"b=2"), session={"of": "it"}))
    assert request.headers["X-Tenant"] == "a,b"
    assert request.COOKIES == {"a": "1", "b": "2"}
    assert request.session == {"of": "it"}
    assert request.path == "/ws"
    assert not hasattr(request, "user")


def test_the_user_of_a_connection_is_not_resolved():
    def never():
        raise AssertionError("somebody resolved the user")

    assert read_as(connection(user=SimpleLazyObject(never))) == REPLICA


def test_a_rule_of_the_site_names_websockets_too(settings):
    rule = f"{__name__}.by_tenant"
    settings.PINNING = {**settings.PINNING, "IDENTITY": rule}
    write_as(connection((b"x-tenant", b"acme")))
    assert read_as("acme") == PINNED
    assert read_as(connection((b"x-tenant", b"other"))) == REPLICA
    assert read_as(connection()) == ("default", Reason.STORES_DOWN)
    write_as(connection())
    assert Memory.calls.count("save") == 1


def by_tenant(request):
    return [request.headers["X-Tenant"]]


def by_query(request):
    return [request.GET["tenant"]]


def by_address(request):
    return [request.META["REMOTE_ADDR"]]


@pytest.mark.parametrize(
    ("rule", "one", "other"),
    [
        (by_query, {"query_string": b"tenant=acme"}, {"query_string": b"tenant=other"}),
        (by_address, {"client": ["acme", 5]}, {"client": ("other", 5)}),
    ],
)
def test_a_rule_sees_the_query_and_the_address_of_a_websocket(settings, rule, one, other):
    settings.PINNING = {**settings.PINNING, "IDENTITY": rule}
    write_as(connection(**one))
    assert read_as(connection(**one)) == read_as("acme") == PINNED
    assert read_as(connection(**other)) == REPLICA


@pytest.mark.parametrize("query", [b"\xff=%ff", b"&".join([b"a"] * 2000), "a=1", b""])
def test_whatever_a_websocket_asks_opens_a_scope(query):
    assert read_as(connection(query_string=query, client=None, server=None)) == REPLICA


def test_pin_cookies_of_the_handshake_count(settings):
    settings.PINNING = {**settings.PINNING, "STORES": ["cookie"]}
    cookies = cookies_after(send(write, "POST")).items()
    header = "; ".join(f"{name}={value}" for name, value in cookies)
    assert read_as(connection((b"cookie", header.encode()))) == PINNED


def test_what_a_thread_goes_on_to_write_when_a_message_is_cancelled_is_saved():
    """As when the client leaves: what runs in a thread runs to its end."""
    has_begun = asyncio.Event()

    def work(loop):
        loop.call_soon_threadsafe(has_begun.set)
        time.sleep(0.2)
        write()

    async def handle():
        async with scope(identity=5):
            await sync_to_async(work)(asyncio.get_running_loop())

    async def leave():
        task = asyncio.create_task(handle())
        await has_begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async_to_sync(leave)()
    assert read_as(5) == PINNED


def test_it_asks_a_store_at_its_first_read_and_saves_once():
    with scope(identity=5):
        assert Memory.calls == []
        read()
        read()
        assert Memory.calls == ["load"]
        write()
        write()
        assert Memory.calls == ["load"]
    assert Memory.calls == ["load", "save"]


def test_what_was_written_before_an_error_is_saved():
    with pytest.raises(ValueError, match="^$"), scope(identity=5):
        write()
        raise ValueError
    assert read_as(5) == PINNED


def test_when_no_store_answers_the_primary_does():
    Memory.is_down = True
    assert read_as(5) == ("default", Reason.STORES_DOWN)


def test_inside_a_request_both_are_pinned_and_both_count():
    def view(request):
        with scope(identity=5):
            write()
        return read()

    response = send(view, "POST", {"sessionid": "abc"})
    assert routed(response) == ("default", Reason.WRITTEN)
    assert read_as(5) == PINNED
    assert routed(send(read, cookies={"sessionid": "abc"})) == PINNED

    def inner(request):
        with scope(identity=6):
            return read()

    assert routed(send(inner, cookies={"sessionid": "abc"})) == PINNED
    assert routed(send(inner, cookies={"sessionid": "abd"})) == REPLICA


@pytest.mark.parametrize(
    "way",
    [
        lambda pk: pk,
        lambda pk: User(pk=pk),
        lambda pk: connection(user=User(pk=pk)),
        lambda pk: connection((b"cookie", f"sessionid={pk}".encode()), user=User(pk=5)),
        lambda pk: connection((b"authorization", f"Token {pk}".encode())),
    ],
    ids=["id", "user", "user of a connection", "session", "token"],
)
def test_it_comes_back_to_the_same_replica(settings, way):
    settings.PINNING = {**settings.PINNING, "REPLICAS": {"default": ["replica1", "replica2"]}}
    seen = {pk: {read_as(way(pk)) for _ in range(5)} for pk in range(1, 21)}
    assert all(len(replicas) == 1 for replicas in seen.values())
    assert len(set.union(*seen.values())) == 2


def test_a_function_is_a_scope_of_its_own_at_each_call():
    @scope(identity=5)
    def work():
        write()

    @scope(identity=6)
    async def awork():
        await Note.objects.acreate(text="new")

    work()
    async_to_sync(awork)()
    assert read_as(5) == read_as(6) == PINNED


@pytest.mark.parametrize("is_async", [True, False])
def test_on_an_event_loop(is_async):
    async def consume():
        block = scope(identity=5)
        if is_async:
            async with block:
                await Note.objects.acreate(text="new")
        else:
            with block:
                await Note.objects.acreate(text="new")
        assert current_scope() is None
        async with scope(identity=5) as work:
            work.trace = []
            await Note.objects.afirst()
        return work.trace[-1].reason

    assert async_to_sync(consume)() == Reason.PINNED


def test_an_asynchronous_block_that_only_read_stays_on_the_event_loop(monkeypatch):
    def no_thread(*args, **kwargs):
        raise AssertionError("left the event loop")

    monkeypatch.setattr(sys.modules["pinning.scopes.block"], "sync_to_async", no_thread)

    async def consume():
        async with scope(identity=5):
            await asyncio.sleep(0)

    async_to_sync(consume)()


def test_a_plain_block_on_an_event_loop_leaves_no_connection_behind(monkeypatch):
    closed = []
    close_all = connections.close_all
    monkeypatch.setattr(
        connections, "close_all", lambda: closed.append(threading.current_thread()) or close_all()
    )

    async def consume():
        with scope(identity=5):
            await Note.objects.acreate(text="new")

    async_to_sync(consume)()
    assert len(closed) == 1
    assert closed[0] is not threading.main_thread()
    assert not closed[0].is_alive()


def test_no_name_stands_in_a_store():
    write_as(connection((b"cookie", b"sessionid=secret"), user=User(pk=5)))
    assert signing.hashed("user", "5")[0] in Memory.saved
    assert {len(name) for name in Memory.saved} == {64}


@pytest.mark.parametrize(("rolls_back", "expected"), [(False, PINNED), (True, REPLICA)])
def test_what_is_committed_after_its_end_is_seen_too(rolls_back, expected):
    with transaction.atomic():
        with scope(identity=5):
            write()
        transaction.set_rollback(rolls_back)
    assert routed(send(as_user(read))) == expected
