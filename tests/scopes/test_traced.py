"""``traced``: every read and write in order, with the line of the project that asked."""

import asyncio
import os
import sysconfig
import threading
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import path

from pinning import Read, Reason, Write, in_scope, scope, traced
from pinning.middleware import PinningMiddleware
from pinning.router import PinningRouter
from pinning.scopes import Scope, inside
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

HERE = "tests/scopes/test_traced.py"


def line_after(mark: str) -> str:
    """The place of the line that ends with ``mark`` as a comment."""
    lines = Path(__file__).read_text().splitlines()
    (number,) = [at for at, line in enumerate(lines, 1) if line.endswith(f"# {mark}")]
    return f"{HERE}:{number}"


def test_reads_and_writes_are_told_in_their_order():
    with scope(), traced() as trace:
        Note.objects.count()  # first
        Note.objects.create(text="new")  # second
        Note.objects.count()  # third
    assert trace == [
        Read("notes.Note", "replica1", Reason.REPLICA, line_after("first")),
        Write("notes.Note", "default", "INSERT", pins=True, line=line_after("second")),
        Read("notes.Note", "default", Reason.WRITTEN, line_after("third")),
    ]


class OwnRouter(PinningRouter):
    """A router of a project's, which lets some other one decide."""

    def db_for_read(self, model, **hints):
        return super().db_for_read(model, **hints)


def test_a_router_of_the_projects_does_not_hide_the_line(settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.OwnRouter"]
    with scope(), traced() as trace:
        Note.objects.count()  # routed
    assert [read.line for read in trace] == [line_after("routed")]


def test_a_folder_of_the_projects_may_begin_like_a_library():
    file = f"{sysconfig.get_path('stdlib')}_site/views.py"
    with scope(), traced() as trace:
        exec(compile("Note.objects.count()", file, "exec"), {"Note": Note})
    assert [read.line for read in trace] == [f"{os.path.relpath(file)}:1"]


def test_a_working_folder_that_is_gone_breaks_no_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    with scope(), traced() as trace:
        list(Note.objects.all())
    assert trace[0].line.startswith(f"{Path(__file__)}:")


def test_it_ends_with_its_block():
    with scope() as work:
        with traced() as outer, traced() as inner:
            Note.objects.count()
        Note.objects.count()
        assert work.trace is None
    assert (len(outer), len(inner)) == (1, 1)


def test_a_block_around_lists_what_a_block_inside_does():
    """As where a toolbar traces what ``pinning_explain`` asks, whose body streams after that."""
    with traced() as outer:
        with traced() as inner:
            work = Scope()
        with inside(work):
            Note.objects.count()
            Note.objects.create(text="new")
    assert [type(event) for event in outer] == [Read, Write]
    assert inner == outer


def test_it_covers_scopes_that_are_opened_in_it():
    def view(request):
        return HttpResponse(Note.objects.count())

    with traced() as trace:
        with scope():
            Note.objects.count()
        PinningMiddleware(view)(RequestFactory().get("/"))
        with scope(), scope():
            Note.objects.count()
    assert [read.reason for read in trace] == [Reason.REPLICA] * 3
    assert Scope().trace is None


def test_a_trace_of_another_task_is_not_mixed_in():
    async def task(is_traced):
        async with scope():
            if not is_traced:
                await Note.objects.acount()
                return []
            with traced() as trace:
                await asyncio.sleep(0)
                await Note.objects.acount()
                return trace

    async def both():
        return await asyncio.gather(task(True), task(False))

    assert [len(each) for each in async_to_sync(both)()] == [1, 0]


def test_the_line_that_awaits_is_told():
    async def inner():
        return await Note.objects.acount()  # awaited

    async def other():
        await sync_to_async(lambda: None)()

    async def work():
        async with scope():
            with traced() as trace:
                await asyncio.gather(inner(), other())
                await Note.objects.acreate(text="new")  # awaited too
                return trace

    assert [each.line for each in async_to_sync(work)()] == [
        line_after("awaited"),
        line_after("awaited too"),
    ]


def test_the_line_of_an_asynchronous_loop_is_told():
    async def work():
        async with scope():
            with traced() as trace:
                async for _ in Note.objects.all():  # looped
                    pass
                return trace

    assert async_to_sync(work)()[0].line == line_after("looped")


def test_the_line_of_another_thread_is_told():
    def work():
        Note.objects.count()  # threaded

    with scope(), traced() as trace:
        thread = threading.Thread(target=in_scope(work))
        thread.start()
        thread.join()
    assert trace[0].line == line_after("threaded")


def test_where_the_project_asks_for_nothing_the_line_of_a_package_is_told(tmp_path):
    """As for the admin of another package: which of its views it is."""
    file = tmp_path / "site-packages" / "shop" / "views.py"
    code = "\ndef show(request):\n    Note.objects.count()\n    return HttpResponse()\n"
    package = {"Note": Note, "HttpResponse": HttpResponse}
    exec(compile(code, str(file), "exec"), package)
    handler = BaseHandler()
    with traced() as trace:
        handler._middleware_chain = PinningMiddleware(package["show"])
        handler.get_response(RequestFactory().get("/"))
    assert trace[0].line == "shop/views.py:3"


@pytest.fixture
def page(settings, tmp_path):
    engine = "django.template.backends.django.DjangoTemplates"
    settings.TEMPLATES = [{"BACKEND": engine, "DIRS": [tmp_path]}]
    (tmp_path / "page.html").write_text("\n{% for note in notes %}{{ note }}{% endfor %}")
    return engines["django"]


@pytest.mark.parametrize("is_late", [False, True])
def test_the_line_of_a_template_is_told(page, is_late):
    def view(request):
        response = TemplateResponse(request, "page.html", {"notes": Note.objects.all()})
        return response if is_late else response.render()

    with traced() as trace:
        PinningMiddleware(lambda request: view(request).render())(RequestFactory().get("/"))
    assert trace[0].line.endswith("page.html:2")


class Traces:
    last: list = []


def traced_by_a_test(get_response):
    def middleware(request):
        with traced() as Traces.last:
            return get_response(request)

    return middleware


def late(request):
    """Renders when it has returned, a template that has no file."""
    template = engines["django"].from_string("{{ notes.count }}")
    return TemplateResponse(request, template, {"notes": Note.objects.all()})


urlpatterns = [path("late", late)]


def test_what_stands_around_a_handler_is_not_told(client, settings):
    """The middleware around it asked for nothing."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["pinning.middleware.PinningMiddleware", f"{__name__}.traced_by_a_test"]
    assert client.get("/late").content == b"0"
    assert [read.line for read in Traces.last] == [""]
