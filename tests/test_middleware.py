"""Requests as scopes: what is loaded, saved and closed, and when."""

import asyncio
import contextvars
import gc
import json
import time
import weakref
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import FileResponse, HttpResponse, StreamingHttpResponse, parse_cookie
from django.middleware.cache import CacheMiddleware
from django.test import AsyncRequestFactory, RequestFactory, TestCase
from django.urls import ResolverMatch
from freezegun import freeze_time

from pinning import (
    Reason,
    Scope,
    breaker,
    current_scope,
    mark_written,
    middleware,
    scope,
    use_primary,
    use_replica,
)
from pinning.conf.clusters import clusters
from pinning.databases import VENDORS
from pinning.databases.clock import ClockPositions
from pinning.middleware import PinningMiddleware
from pinning.pins.cookies import hidden, names
from pinning.pins.identity import Visitor
from pinning.pins.pin import SKEW_SECONDS, Pins
from pinning.pins.stores import Exchange, Loaded, Store
from pinning.reads.decision import decide
from pinning.signals import scope_closed
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class Memory(Store):
    """A server-side store in a dict, which counts its calls."""

    saved: dict[str, Pins] = {}
    calls: list[str] = []
    is_down = False

    def load(self, visitor: Visitor) -> Loaded:
        self._call("load")
        pins = Pins()
        for identity in visitor.identities:
            pins = pins.merge(self.saved.get(identity, Pins()))
        return Loaded(pins)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        self._call("save")
        for identity in visitor.identities:
            self.saved[identity] = self.saved.get(identity, Pins()).merge(pins)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.is_down:
            raise ConnectionError("down")


@pytest.fixture
def memory(settings):
    settings.PINNING = {**settings.PINNING, "STORES": [f"{__name__}.Memory"]}
    Memory.saved, Memory.calls, Memory.is_down = {}, [], False
    return Memory


@pytest.fixture(autouse=True)
def told_nothing():
    """Each test hears what is otherwise told once for each view."""
    middleware._tell_of_loss.cache_clear()
    middleware._tell_of_transaction.cache_clear()


@pytest.fixture
def closed():
    """The scopes that were closed meanwhile."""
    scopes: list[Scope] = []

    def notice(scope: Scope, **_: Any) -> None:
        scopes.append(scope)

    scope_closed.connect(notice)
    yield scopes
    scope_closed.disconnect(notice)


def send(
    view: Any, method: str = "GET", cookies: dict[str, str] | None = None, **headers: str
) -> Any:
    """One request through the middleware; the response, with what the client then holds."""
    request = RequestFactory().generic(method, "/", headers=headers)
    request.COOKIES.update(cookies or {})
    return PinningMiddleware(view)(request)


def send_async(view: Any, method: str = "GET", cookies: dict[str, str] | None = None) -> Any:
    async def call() -> Any:
        request = AsyncRequestFactory().generic(method, "/")
        request.COOKIES.update(cookies or {})
        response = await PinningMiddleware(view)(request)
        if response.streaming:
            response.content_read = [part async for part in response]
        return response

    return async_to_sync(call)()


def cookies_after(response: HttpResponse) -> dict[str, str]:
    return {name: morsel.value for name, morsel in response.cookies.items() if morsel["max-age"]}


def read(request: Any = None) -> HttpResponse:
    """A view that tells where a read would go."""
    alias, reason = decide(clusters().named("default"), Note, None, current_scope())
    return HttpResponse(json.dumps([alias, reason]))


def write(request: Any = None) -> HttpResponse:
    Note.objects.create(text="new")
    return HttpResponse()


def roll_back(request: Any) -> HttpResponse:
    with suppress(ValueError), transaction.atomic():
        Note.objects.create(text="new")
        raise ValueError
    return HttpResponse()


def write_outside(request: Any) -> HttpResponse:
    """A view whose work runs in no scope."""
    contextvars.Context().run(write)
    return HttpResponse()


def routed(response: HttpResponse) -> tuple[str, str]:
    return tuple(json.loads(response.content))


def test_a_safe_request_reads_from_the_replica():
    assert routed(send(read)) == ("replica1", Reason.REPLICA)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "UNHEARD"])
def test_an_unsafe_request_reads_from_the_primary(method):
    assert routed(send(read, method)) == ("default", Reason.UNSAFE_METHOD)


def test_safe_methods_can_be_set(settings):
    settings.PINNING = {**settings.PINNING, "SAFE_METHODS": ["get", "report"]}
    assert routed(send(read, "REPORT")) == ("replica1", Reason.REPLICA)
    assert routed(send(read, "HEAD")) == ("default", Reason.UNSAFE_METHOD)


def test_a_callable_says_of_each_request_whether_it_only_reads(settings):
    asked = []

    def only_reads(request):
        asked.append(request.path)
        return request.headers.get("asks") == "query"

    settings.PINNING = {**settings.PINNING, "SAFE_METHODS": only_reads}
    assert routed(send(read, "POST", asks="query")) == ("replica1", Reason.REPLICA)
    assert routed(send(read, "POST")) == ("default", Reason.UNSAFE_METHOD)
    assert asked == ["/", "/"]


@pytest.mark.parametrize("junk", ["x", "A" * 64])
def test_a_cookie_of_a_domain_around_hides_no_pin(junk):
    """The browser sends both, the older first, and Django keeps the last."""
    own = cookies_after(send(write))
    others = dict.fromkeys(names().slots, junk)
    both = "; ".join(f"{name}={value}" for jar in (own, others) for name, value in jar.items())
    assert routed(send(read, cookie=both)) == ("default", Reason.PINNED)


def with_header(cookie):
    return RequestFactory().get("/", headers={"cookie": cookie})


def test_cookies_without_end_that_others_hide_are_not_all_read():
    many = "; ".join(f"{names().slots[0]}={number}" for number in range(10_000))
    assert len(hidden(with_header(many))) < 100


def test_a_cookie_behind_many_of_longer_paths_and_before_one_of_its_own_is_found():
    """Longer paths come first, and a domain around can have as many as it likes."""
    name = names().slots[0]
    values = [*range(300), "ours", "theirs"]
    assert (name, "ours") in hidden(with_header("; ".join(f"{name}={one}" for one in values)))


@pytest.mark.parametrize("value", ["ours", '"ours"', " ours "])
def test_a_hidden_cookie_is_read_as_django_reads_cookies(value):
    name = names().slots[0]
    assert hidden(with_header(f"{name}={value}; {name}=theirs")) == ((name, "ours"),)


class Header(str):
    """A Cookie header that counts how often it is taken apart."""

    splits = 0

    def split(self, *args, **options):
        self.splits += 1
        return super().split(*args, **options)


@pytest.mark.parametrize(
    ("part", "splits"), [("other=1", 0), (f"{names().slots[0]}=1", 1), ("pinning-id.0=1", 1)]
)
@pytest.mark.usefixtures("memory")
def test_a_large_header_is_looked_through_once_for_each_request(part, splits):
    """And not at all if no name of ours is in it. Django parses it once."""
    header = Header("; ".join(["sessionid=abc", *[part] * 5000]))
    request = RequestFactory().post("/")
    request.META["HTTP_COOKIE"] = header
    request.COOKIES = parse_cookie(str(header))
    PinningMiddleware(write)(request)
    assert header.splits == splits


@pytest.mark.parametrize("value", ["1", " 1", '"1"'])
def test_of_cookies_without_end_that_are_the_same_few_are_read(monkeypatch, value):
    parsed = []
    monkeypatch.setattr("pinning.pins.cookies.parse_cookie", lambda part: parsed.append(part) or {})
    hidden(with_header("; ".join([f"{names().slots[0]}={value}"] * 10_000)))
    assert len(parsed) < 100


def test_by_the_clock_a_pin_holds_for_the_window():
    with freeze_time("2026-01-01 12:00:00") as clock:
        cookies = cookies_after(send(write, "POST"))
        clock.tick(4.9)
        assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)
        clock.tick(0.2)
        assert routed(send(read, cookies=cookies)) == ("replica1", Reason.REPLICA)


def test_a_cookie_that_is_replayed_after_its_time_is_ignored():
    with freeze_time("2026-01-01 12:00:00") as clock:
        cookies = cookies_after(send(write, "POST"))
        clock.tick(3600)
        response = send(read, cookies=cookies)
    assert routed(response) == ("replica1", Reason.REPLICA)
    assert not response.cookies
    assert "Cache-Control" not in response


def test_a_request_without_reads_asks_no_store(memory):
    send(lambda request: HttpResponse())
    assert memory.calls == []


def test_a_request_that_reads_asks_each_store_once(memory):
    send(lambda request: [read(), read()][0], cookies={"sessionid": "abc"})
    assert memory.calls == ["load"]


def test_a_request_that_writes_saves_once(memory):
    send(lambda request: [write(), write()][0], "POST", {"sessionid": "abc"})
    assert memory.calls == ["save"]


def test_a_client_without_a_session_has_its_pins_in_a_cookie(memory):
    cookies = cookies_after(send(write, "POST"))
    assert {name.partition(".")[0] for name in cookies} == {"pinning"}
    assert memory.saved == {}
    assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)
    assert routed(send(read)) == ("replica1", Reason.REPLICA)


def receive(cookies, response):
    """What a browser that had ``cookies`` has then."""
    gone = {name for name, morsel in response.cookies.items() if not morsel["max-age"]}
    return {k: v for k, v in (cookies | cookies_after(response)).items() if k not in gone}


@pytest.mark.parametrize("cookies", [{}, {"sessionid": "abc"}])
def test_of_many_first_writes_at_the_same_time_none_is_lost(memory, cookies):
    """All requests were sent before any response arrived; after each of them all is known."""
    answers = [send(write, "POST", cookies) for _ in range(12)]
    for answer in answers:
        cookies = receive(cookies, answer)
        assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)
    assert len([name for name in cookies if name.startswith("pinning-id")]) <= 1


def test_of_two_logins_at_the_same_time_none_loses_its_pin(memory):
    """The browser keeps one session of the two, and the names of that one alone."""

    def sign_in(session):
        response = write()
        response.set_cookie("sessionid", session, max_age=60)
        return response

    answers = [send(lambda _, s=session: sign_in(s), "POST") for session in ("one", "two")]
    for answer in answers:
        memory.saved = {}
        cookies = receive({}, answer)
        assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)


def test_a_client_with_a_session_is_known_by_it_and_by_a_cookie_of_ours(memory):
    cookies = cookies_after(send(write, "POST", cookies={"sessionid": "abc"}))
    named = {name: value for name, value in cookies.items() if name in names().identities}
    assert len(named) == 1
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)
    assert routed(send(read, cookies=named)) == ("default", Reason.PINNED)


def test_a_browser_whose_names_are_replaced_is_known_by_its_pins(memory):
    """By an answer that was on its way for long."""
    cookies = cookies_after(send(write, "POST", cookies={"sessionid": "abc"}))
    pins = {name: value for name, value in cookies.items() if name not in names().identities}
    assert routed(send(read, cookies={**pins, "sessionid": "old"})) == ("default", Reason.PINNED)


def test_a_client_whose_names_nothing_replaces_gets_no_cookie(memory, settings):
    assert cookies_after(send(write, "POST", authorization="Token 401f")) == {}
    settings.PINNING = {**settings.PINNING, "IDENTITY": lambda request: ["5"]}
    assert cookies_after(send(write, "POST", cookies={"sessionid": "abc"})) == {}


def test_no_session_key_stands_in_the_store(memory):
    send(write, "POST", cookies={"sessionid": "secret-key"})
    assert all("secret" not in key for key in memory.saved)


def test_a_session_that_changes_at_any_time_keeps_the_pins(memory):
    """At login and logout, here or in another tab: our cookie stays the same."""
    cookies = cookies_after(send(write, "POST", cookies={"sessionid": "old"}))
    for session in ({"sessionid": "new"}, {}):
        response = send(read, cookies={**cookies, **session})
        assert routed(response) == ("default", Reason.PINNED)


def test_a_login_that_writes_pins_the_new_session(memory):
    def sign_in(request):
        response = write()
        response.set_cookie("sessionid", "new")
        return response

    send(sign_in, "POST", cookies={"sessionid": "old"})
    assert routed(send(read, cookies={"sessionid": "new"})) == ("default", Reason.PINNED)
    assert routed(send(read, cookies={"sessionid": "old"})) == ("default", Reason.PINNED)


def test_when_no_store_answers_the_primary_does(memory, caplog):
    memory.is_down = True
    for _ in range(2):
        response = send(read, cookies={"sessionid": "abc"})
        assert routed(response) == ("default", Reason.STORES_DOWN)
    assert memory.calls == ["load"]  # left alone for RETRY_AFTER
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_client_without_a_name_asks_no_store_on_a_server(memory):
    memory.is_down = True
    assert routed(send(read)) == ("replica1", Reason.REPLICA)


def test_where_no_store_takes_the_pins_a_cookie_does(memory):
    memory.is_down = True
    cookies = cookies_after(send(write, "POST"))
    memory.is_down = False
    breaker.reset()
    assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)


def test_a_write_with_no_store_is_no_error(memory):
    memory.is_down = True
    assert send(write, "POST").status_code == 200


def test_a_store_that_works_makes_up_for_one_that_does_not(settings, memory):
    settings.PINNING = {**settings.PINNING, "STORES": ["cookie", f"{__name__}.Memory"]}
    memory.is_down = True
    cookies = cookies_after(send(write, "POST"))
    assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)


def test_pins_of_all_stores_count(settings, memory):
    settings.PINNING = {**settings.PINNING, "STORES": ["cookie", f"{__name__}.Memory"]}
    send(write, "POST", cookies={"sessionid": "abc"})
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)


def test_a_view_that_raises_after_its_commit_has_its_pins_saved(memory):
    def view(request):
        write()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(view, "POST", cookies={"sessionid": "abc"})
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)


def test_the_scope_is_closed_once_and_counts_reads(closed):
    send(read)
    assert [scope.is_closed for scope in closed] == [True]
    assert current_scope() is None


def test_a_streaming_body_keeps_the_scope_open_until_it_ends(closed):
    def parts():
        yield b"first"
        assert current_scope() is not None
        yield read().content

    response = send(lambda request: StreamingHttpResponse(parts()))
    assert current_scope() is None
    assert closed == []
    assert list(response) == [b"first", b'["replica1", "replica"]']
    assert len(closed) == 1


def test_a_streaming_body_that_is_dropped_closes_the_scope(closed):
    response = send(lambda request: StreamingHttpResponse(iter([b"one", b"two"])))
    response.close()
    assert len(closed) == 1


def test_a_streaming_body_that_fails_closes_the_scope(closed):
    def parts():
        yield b"first"
        raise ValueError

    response = send(lambda request: StreamingHttpResponse(parts()))
    with pytest.raises(ValueError, match="^$"):
        list(response)
    assert len(closed) == 1


def test_a_write_while_streaming_is_saved_where_no_header_is_needed(memory):
    def parts():
        write()
        yield b"written"

    list(send(lambda request: StreamingHttpResponse(parts()), cookies={"sessionid": "abc"}))
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)


def test_what_a_dropped_stream_writes_at_its_end_is_saved(memory):
    def parts():
        try:
            yield b"first"
            yield b"second"
        finally:
            write()

    response = send(lambda request: StreamingHttpResponse(parts()), cookies={"sessionid": "abc"})
    assert next(iter(response)) == b"first"
    response.close()
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)


def test_same_site_follows_the_session_cookie(settings):
    assert {morsel["samesite"] for morsel in send(write, "POST").cookies.values()} == {"Lax"}
    settings.SESSION_COOKIE_SAMESITE = "None"
    assert {morsel["samesite"] for morsel in send(write, "POST").cookies.values()} == {"None"}


def test_a_file_is_sent_as_it_is(tmp_path, closed):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    response = send(lambda request: FileResponse(path.open("rb")))
    assert response.file_to_stream is not None
    assert len(closed) == 1
    response.close()


def test_an_asynchronous_body_keeps_the_scope_open_until_it_ends(closed):
    async def parts():
        await Note.objects.acount()
        yield read().content

    async def view(request):
        return StreamingHttpResponse(parts())

    response = send_async(view)
    assert response.content_read == [b'["replica1", "replica"]']
    assert len(closed) == 1


def test_an_asynchronous_request_has_a_scope(memory):
    async def view(request):
        await Note.objects.acount()
        return read()

    assert routed(send_async(view)) == ("replica1", Reason.REPLICA)
    assert current_scope() is None


def test_an_asynchronous_write_is_saved(memory):
    async def view(request):
        await Note.objects.acreate(text="new")
        return HttpResponse()

    send_async(view, "POST", cookies={"sessionid": "abc"})
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)


def test_an_asynchronous_view_that_raises_after_its_commit_has_its_pins_saved(memory):
    async def view(request):
        await Note.objects.acreate(text="new")
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        send_async(view, "POST", cookies={"sessionid": "abc"})
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)


def test_an_asynchronous_request_without_writes_stays_on_the_event_loop(monkeypatch):
    def no_thread(*args, **kwargs):
        raise AssertionError("left the event loop")

    monkeypatch.setattr("pinning.middleware.sync_to_async", no_thread)

    async def view(request):
        return HttpResponse()

    assert send_async(view).status_code == 200


def test_a_task_that_outlives_its_request_has_no_scope():
    async def outlive():
        seen = []
        gate = asyncio.Event()

        async def late():
            await gate.wait()
            seen.append(current_scope())

        async def view(request):
            view.task = asyncio.create_task(late())
            return HttpResponse()

        await PinningMiddleware(view)(AsyncRequestFactory().get("/"))
        gate.set()
        await view.task
        return seen

    assert async_to_sync(outlive)() == [None]


def test_use_replicas_may_be_asked_for_each_request(settings):
    settings.PINNING = {
        **settings.PINNING,
        "USE_REPLICAS": lambda request: request.method == "HEAD",
    }
    assert routed(send(read, "HEAD")) == ("replica1", Reason.REPLICA)
    assert routed(send(read)) == ("default", Reason.SWITCHED_OFF)


def test_what_use_replicas_reads_is_read_from_the_primary(settings):
    aliases = []

    def switch(request):
        aliases.append(Note.objects.first() or Note.objects.all().db)
        return True

    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": switch}
    assert routed(send(read)) == ("replica1", Reason.REPLICA)
    assert aliases == ["default"]


def test_a_task_of_an_inner_scope_that_outlives_it_still_belongs_to_the_request():
    async def view(request):
        with scope():
            task = asyncio.create_task(Note.objects.acreate(text="new"))
        await task
        return HttpResponse()

    assert send_async(view, "POST").cookies


def test_a_task_that_outlives_its_request_keeps_nothing_of_it():
    async def outlive():
        gate = asyncio.Event()
        kept = []

        async def view(request):
            kept.append(weakref.ref(request))
            view.task = asyncio.create_task(gate.wait())
            return HttpResponse()

        await PinningMiddleware(view)(AsyncRequestFactory().get("/"))
        gc.collect()
        alive = [reference() for reference in kept]
        gate.set()
        await view.task
        return alive

    assert async_to_sync(outlive)() == [None]


def test_use_replicas_is_asked_once_for_a_request(settings):
    asked = []
    switch = lambda request: asked.append(request) or True  # noqa: E731
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": switch}

    @use_replica
    def view(request):
        read()
        return read()

    assert routed(send(view)) == ("replica1", Reason.USE_REPLICA)
    assert len(asked) == 1


def test_work_that_outlives_its_request_does_not_know_the_pins(memory):
    """The request never read, so they were not loaded while there was somebody to load them for."""
    works = []

    def view(request):
        with scope() as work:
            works.append(work)
        return HttpResponse()

    send(write, "POST", cookies={"sessionid": "abc"})
    send(view, cookies={"sessionid": "abc"})
    assert works[0].pins() is None


def test_an_asynchronous_receiver_of_scope_closed_is_no_error():
    told = []

    async def receive(scope, **_):
        told.append(scope)

    async def view(request):
        return HttpResponse()

    scope_closed.connect(receive)
    try:
        assert send_async(view).status_code == 200
    finally:
        scope_closed.disconnect(receive)
    assert len(told) == 1


def streaming(request):
    def parts():
        write()
        yield b"written"

    return StreamingHttpResponse(parts())


async def streaming_later(request):
    async def parts():
        await Note.objects.acreate(text="new")
        yield b"written"

    return StreamingHttpResponse(parts())


def stream(method="GET", cookies=None, view=streaming):
    """The response, once all of its body has been read."""
    if view is streaming_later:
        return send_async(view, method, cookies)
    response = send(view, method, cookies)
    list(response)
    return response


COOKIE_ALONE = ["cookie"]
IN_MEMORY = [f"{__name__}.Memory"]
BOTH = [*COOKIE_ALONE, *IN_MEMORY]


@pytest.mark.parametrize("view", [streaming, streaming_later])
@pytest.mark.parametrize("stores", [COOKIE_ALONE, IN_MEMORY, BOTH])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_an_unsafe_stream_writes_pins_a_client_without_a_name(
    settings, memory, view, stores, method
):
    settings.PINNING = {**settings.PINNING, "STORES": stores}
    with freeze_time("2026-01-01 12:00:00") as clock:
        cookies = cookies_after(stream(method, view=view))
        clock.tick(59)
        assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)
        clock.tick(2 + SKEW_SECONDS)  # no browser keeps them so long
        assert routed(send(read, cookies=cookies))[0] == "replica1"


@pytest.mark.parametrize("view", [streaming, streaming_later])
@pytest.mark.parametrize("stores", [IN_MEMORY, BOTH])
def test_what_an_unsafe_stream_writes_pins_by_the_headers_while_the_server_is_down(
    settings, memory, view, stores
):
    settings.PINNING = {**settings.PINNING, "STORES": stores}
    memory.is_down = True
    cookies = {"sessionid": "abc"}
    cookies |= cookies_after(stream("POST", cookies, view))
    assert routed(send(read, cookies=cookies))[0] == "default"
    memory.is_down = False
    assert routed(send(read, cookies=cookies))[0] == "default"


def test_what_the_server_did_not_take_while_a_body_streams_is_saved_at_its_end(memory):
    def parts():
        write()
        memory.is_down = True
        yield b"written"
        memory.is_down = False
        breaker.reset()
        yield b"last"

    list(send(lambda request: StreamingHttpResponse(parts()), "POST", {"sessionid": "abc"}))
    assert memory.saved
    assert routed(send(read, cookies={"sessionid": "abc"}))[0] == "default"


def test_what_a_body_wrote_is_saved_before_its_next_part_leaves(memory):
    """Who reads that it is written asks for it on another connection, while the body goes on."""

    def parts():
        yield b"first"
        write()
        yield b"written"
        yield b"last"

    session = {"sessionid": "abc"}
    response = send(lambda request: StreamingHttpResponse(parts()), "POST", session)
    body = iter(response)
    assert next(body) == b"first"
    assert routed(send(read, cookies=session)) == ("replica1", Reason.REPLICA)
    assert next(body) == b"written"
    assert routed(send(read, cookies=session)) == ("default", Reason.PINNED)
    memory.calls.clear()
    assert list(body) == [b"last"]
    assert memory.calls == []


def test_what_an_asynchronous_body_wrote_is_saved_before_its_next_part_leaves(memory):
    session, seen = {"sessionid": "abc"}, []

    async def parts():
        yield b"first"
        await Note.objects.acreate(text="new")
        yield b"written"

    async def view(request):
        return StreamingHttpResponse(parts())

    async def call():
        request = AsyncRequestFactory().post("/")
        request.COOKIES.update(session)
        async for _ in await PinningMiddleware(view)(request):
            seen.append(routed(await sync_to_async(send)(read, cookies=session)))

    async_to_sync(call)()
    assert seen == [("replica1", Reason.REPLICA), ("default", Reason.PINNED)]


@pytest.mark.parametrize(
    ("stores", "cookies", "times"),
    [(COOKIE_ALONE, {"sessionid": "abc"}, 0), (IN_MEMORY, {}, 0), (BOTH, {"sessionid": "abc"}, 3)],
)
def test_a_part_that_wrote_asks_for_the_position_only_where_a_server_keeps_it(
    settings, memory, monkeypatch, stores, cookies, times
):
    settings.PINNING = {**settings.PINNING, "STORES": stores}
    asked = []

    class Counting(ClockPositions):
        def of_primary(self, connection):
            asked.append(connection.alias)

        of_commits = of_primary

    monkeypatch.setitem(VENDORS, "sqlite", Counting())

    def parts():
        for _ in range(3):
            write()
            yield b"written"
            yield b"more"

    list(send(lambda request: StreamingHttpResponse(parts()), "POST", cookies))
    assert asked == ["default"] * times
    assert memory.calls.count("save") == times


@pytest.mark.parametrize("view", [streaming, streaming_later])
def test_a_server_keeps_what_a_stream_wrote_no_longer_than_needed(settings, memory, view):
    settings.PINNING = {**settings.PINNING, "STORES": BOTH}
    with freeze_time("2026-01-01 12:00:00") as clock:
        response = stream("POST", {"sessionid": "abc"}, view)
        assert {name.partition(".")[0] for name in response.cookies} == {"pinning-id"}
        cookies = {"sessionid": "abc", **cookies_after(response)}
        assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)
        clock.tick(6)
        assert routed(send(read, cookies=cookies)) == ("replica1", Reason.REPLICA)


def test_a_get_whose_stream_may_write_is_pinned_by_a_mark(settings, caplog):
    settings.PINNING = {**settings.PINNING, "STORES": COOKIE_ALONE}

    def marked(request):
        mark_written()
        return streaming(request)

    with freeze_time("2026-01-01 12:00:00") as clock:
        cookies = cookies_after(stream(view=marked))
        clock.tick(30)
        assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)
    assert not caplog.records


def test_what_a_get_wrote_while_it_streamed_is_told_once_for_each_view(settings, caplog):
    settings.PINNING = {**settings.PINNING, "STORES": COOKIE_ALONE}

    def viewed(request):
        request.resolver_match = ResolverMatch(streaming, (), {})
        return streaming(request)

    for _ in range(3):
        assert not stream(view=viewed).cookies
    (record,) = [record for record in caplog.records if "headers had left" in record.getMessage()]
    assert f"{__name__}.streaming wrote" in record.getMessage()


def test_a_server_that_takes_what_a_get_wrote_while_it_streamed_is_no_news(memory, caplog):
    stream(cookies={"sessionid": "abc"})
    assert routed(send(read, cookies={"sessionid": "abc"})) == ("default", Reason.PINNED)
    assert not caplog.records


def test_a_stream_that_writes_nothing_leaves_who_reads_on_the_replica(settings):
    response = stream(view=lambda request: StreamingHttpResponse(iter([b"part"])))
    assert not response.cookies


def test_an_unsafe_stream_that_wrote_before_it_began_is_pinned_once(memory):
    def view(request):
        write()
        return StreamingHttpResponse(iter([b"part"]))

    response = stream("POST", view=view)
    assert routed(send(read, cookies=cookies_after(response))) == ("default", Reason.PINNED)


def test_a_client_with_a_session_comes_back_to_the_same_replica(settings):
    settings.PINNING = {**settings.PINNING, "REPLICAS": {"default": ["replica1", "replica2"]}}
    for session in ("one", "other", "third"):
        cookies = {"sessionid": session}
        assert len({routed(send(read, cookies=cookies)) for _ in range(10)}) == 1
    assert len({routed(send(read, cookies={"sessionid": str(n)})) for n in range(20)}) == 2


def test_without_the_app_nobody_would_be_pinned_so_it_does_not_start(settings):
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "pinning"]
    with pytest.raises(ImproperlyConfigured, match="'pinning' is not in INSTALLED_APPS"):
        PinningMiddleware(lambda request: HttpResponse())


def test_wrong_settings_stop_the_start(settings):
    settings.PINNING = {"WINDOW": 0}
    with pytest.raises(ImproperlyConfigured, match=r"WINDOW.*positive.*pinning\.E004"):
        PinningMiddleware(read)


def test_a_store_that_is_not_there_stops_the_start(settings):
    settings.PINNING = {"STORES": ["nowhere.Store"]}
    with pytest.raises(ImproperlyConfigured, match=r"nowhere\.Store"):
        PinningMiddleware(read)


def test_a_database_that_is_not_there_stops_the_start(settings):
    settings.PINNING = {"REPLICAS": {"default": ["nowhere"]}}
    with pytest.raises(ImproperlyConfigured, match="'nowhere'"):
        PinningMiddleware(read)


def test_a_page_cache_inside_never_holds_a_cookie_of_ours(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

    cached = CacheMiddleware(lambda request: write())
    assert send(cached).cookies
    kept = send(cached)
    assert not kept.cookies
    assert Note.objects.count() == 1


def test_an_override_of_a_view_holds_while_its_body_streams():
    @use_primary
    def view(request):
        return StreamingHttpResponse(read().content for _ in range(2))

    assert list(send(view)) == [b'["default", "use_primary"]'] * 2


def in_transaction(view):
    """What a middleware that stands before ours does if it opens a transaction around the view."""
    with transaction.atomic():
        return send(view, "POST")


def stays_open(caplog):
    texts = [record.getMessage() for record in caplog.records]
    return [text for text in texts if "still open" in text]


def test_a_write_in_a_transaction_around_the_middleware_is_held(caplog):
    with freeze_time("2026-01-01 12:00:00") as clock:
        cookies = cookies_after(in_transaction(write))
        clock.tick(30)
        assert routed(send(read, cookies=cookies)) == ("default", Reason.PINNED)
    assert Note.objects.count() == 1
    assert len(stays_open(caplog)) == 1


def test_an_inner_scope_s_write_in_a_transaction_around_is_held(caplog):
    def view(request):
        with scope():
            return write()

    assert in_transaction(view).cookies
    assert len(stays_open(caplog)) == 1


def test_a_transaction_around_is_told_of_once_for_each_view(caplog):
    def viewed(request):
        request.resolver_match = ResolverMatch(streaming_later, (), {})
        return write()

    for _ in range(2):
        assert in_transaction(viewed).cookies
    (told,) = stays_open(caplog)
    assert told.startswith(f"{__name__}.streaming_later wrote in a transaction")


@pytest.mark.parametrize("view", [read, roll_back, write_outside])
def test_a_transaction_around_in_which_the_view_wrote_nothing_pins_nobody(caplog, view):
    assert not in_transaction(view).cookies
    assert not stays_open(caplog)


def test_what_an_earlier_request_wrote_in_a_transaction_around_is_not_this_one_s(caplog):
    with transaction.atomic():
        send(write, "POST")
        caplog.clear()
        assert not send(read).cookies
    assert not stays_open(caplog)


def test_a_transaction_of_the_view_s_own_is_no_news(caplog):
    def view(request):
        with transaction.atomic():
            return write()

    assert send(view, "POST").cookies
    assert not stays_open(caplog)


def test_a_transaction_around_an_asynchronous_middleware_is_seen(caplog):
    async def view(request):
        await Note.objects.acreate(text="new")
        return HttpResponse()

    inner = PinningMiddleware(view)

    def outer(request):
        with transaction.atomic():
            return async_to_sync(inner)(request)

    async def call():
        return await sync_to_async(outer)(AsyncRequestFactory().post("/"))

    assert async_to_sync(call)().cookies
    assert len(stays_open(caplog)) == 1


class TestInACase(TestCase):
    """The transaction of a TestCase is rolled back at its end."""

    databases = "__all__"

    def test_pins_nobody(self):
        with self.assertNoLogs("pinning"):
            assert not send(write, "POST").cookies

    def test_a_transaction_around_the_middleware_is_seen(self):
        with self.assertLogs("pinning", "WARNING"):
            assert in_transaction(write).cookies


def test_what_an_asynchronous_view_has_given_up_on_pins_all_the_same():
    def slowly(execute: Any, *given: Any) -> Any:
        time.sleep(0.3)
        return execute(*given)

    def work() -> None:
        with connections["default"].execute_wrapper(slowly):
            Note.objects.create(text="new")

    async def view(request: Any) -> HttpResponse:
        with suppress(TimeoutError):
            await asyncio.wait_for(sync_to_async(work)(), 0.1)
        return HttpResponse()

    for method in ("GET", "POST"):
        after = cookies_after(send_async(view, method))
        assert routed(send(read, cookies=after)) == ("default", Reason.PINNED)
