"""The panel of django-debug-toolbar, in a real toolbar, in WSGI and ASGI, on both sides of ours."""

import re
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import include, path

from pinning import Reason
from pinning.signals import scope_closed
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

OURS = "pinning.middleware.PinningMiddleware"
THEIRS = "debug_toolbar.middleware.DebugToolbarMiddleware"


def show(request: Any) -> HttpResponse:
    return HttpResponse(f"<body>{Note.objects.count()}</body>")  # the view reads


async def ashow(request: Any) -> HttpResponse:
    return HttpResponse(f"<body>{await Note.objects.acount()}</body>")


def write(request: Any) -> HttpResponse:
    Note.objects.create(text="new")  # the view writes
    return HttpResponse("<body></body>")


def fail(request: Any) -> HttpResponse:
    raise RuntimeError


VIEWS = (path("show", show), path("ashow", ashow), path("write", write), path("fail", fail))


@pytest.fixture(params=[[OURS, THEIRS], [THEIRS, OURS]], ids=["inside", "outside"], autouse=True)
def toolbar(request, settings):
    settings.INSTALLED_APPS = [
        *settings.INSTALLED_APPS,
        "django.contrib.staticfiles",
        "debug_toolbar",
    ]
    settings.MIDDLEWARE = request.param
    settings.ROOT_URLCONF = (path("__debug__/", include("debug_toolbar.urls")), *VIEWS)
    settings.DEBUG_TOOLBAR_PANELS = ["pinning.contrib.debug_toolbar.PinningPanel"]
    settings.DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": lambda request: True}


class AsgiClient:
    """A client of an ASGI site, for a test that is not asynchronous."""

    def __init__(self) -> None:
        self._client = AsyncClient()

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return async_to_sync(self._client.get)(*args, **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> Any:
        return async_to_sync(self._client.post)(*args, **kwargs)


@pytest.fixture(params=[Client, AsgiClient])
def client(request):
    return request.param()


def panel(client: Any, response: Any) -> str:
    """What the panel shows of a request, as the browser asks for it."""
    (number,) = re.findall(r'data-request-id="(\w+)"', response.content.decode())
    asked = {"request_id": number, "panel_id": "PinningPanel"}
    return str(client.get("/__debug__/render_panel/", asked).json()["content"])


def line_with(words: str) -> str:
    lines = Path(__file__).read_text().splitlines()
    number = next(at for at, line in enumerate(lines, 1) if line.endswith(f"# {words}"))
    return f"tests/contrib/test_debug_toolbar.py:{number}"


@pytest.mark.parametrize("view", ["/show", "/ashow"])
def test_a_read_has_its_alias_its_reason_and_the_line_that_asked(client, view):
    response = client.get(view)
    assert "1 of 1 reads from replicas" in response.content.decode()
    shown = panel(client, response)
    assert "<td>notes.Note</td>" in shown
    assert "<td>replica1</td>" in shown
    assert "<td>replica</td>" in shown
    assert f"<td>{Reason.REPLICA.explanation}</td>" in shown
    assert "Nothing was written" in shown
    if view == "/show":
        assert f"<td>{line_with('the view reads')}</td>" in shown


def test_a_write_is_shown_and_pins_the_next_request(client):
    shown = panel(client, client.post("/write"))
    assert "<td>INSERT</td>" in shown
    assert f"<td>{line_with('the view writes')}</td>" in shown
    response = client.get("/show")
    assert "0 of 1 reads from replicas" in response.content.decode()
    shown = panel(client, response)
    assert "<td>default</td>" in shown
    assert "holds: no replica that was asked has it yet" in shown
    assert f"<td>INSERT of notes.Note, {line_with('the view writes')}</td>" in shown


def test_it_does_not_see_what_another_request_does(client):
    client.get("/show")
    assert "The router was not asked" not in panel(client, client.get("/show"))
    assert panel(client, client.get("/show")).count("<td>notes.Note</td>") == 1


def test_nothing_is_left_of_a_request_that_failed(client):
    before = len(scope_closed.receivers)
    with pytest.raises(RuntimeError):
        client.get("/fail")
    assert len(scope_closed.receivers) == before
