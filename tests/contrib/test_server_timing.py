"""The header for developers, in WSGI and ASGI: who gets it, and that it resolves nobody."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path

from pinning import scope
from pinning.contrib.server_timing import ServerTimingMiddleware
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

READ = 'pinning;desc="default: replica=1"'


def show(request: Any) -> HttpResponse:
    return HttpResponse(Note.objects.count())


def show_to_user(request: Any) -> HttpResponse:
    return HttpResponse(request.user.get_username())


async def ashow_to_user(request: Any) -> HttpResponse:
    return HttpResponse((await request.auser()).get_username())


def empty(request: Any) -> HttpResponse:
    return HttpResponse()


def timed(request: Any) -> HttpResponse:
    return HttpResponse(Note.objects.count(), headers={"Server-Timing": "total;dur=3"})


urlpatterns = [path(view.__name__, view) for view in (show, show_to_user, ashow_to_user, empty)]
urlpatterns.append(path("timed", timed))


@pytest.fixture(autouse=True)
def middleware(settings):
    ours, *others = settings.MIDDLEWARE
    told = "pinning.contrib.server_timing.ServerTimingMiddleware"
    settings.MIDDLEWARE = [ours, told, *others]
    settings.ROOT_URLCONF = __name__


@pytest.fixture(params=[Client, AsyncClient])
def told(request):
    """What the header says, of a response to somebody."""

    def told(url: str, user: User | None = None) -> str | None:
        client = request.param()
        if user is not None:
            client.force_login(user)
        get = client.get if request.param is Client else async_to_sync(client.get)
        return get(url).headers.get("Server-Timing")

    return told


def test_while_debugging_everybody_gets_it(told, settings):
    settings.DEBUG = True
    assert told("/show") == READ
    assert told("/empty") is None
    assert told("/timed") == f"total;dur=3, {READ}"


def test_otherwise_only_staff_do(told):
    staff = User.objects.create(username="staff", is_staff=True)
    other = User.objects.create(username="other", is_superuser=True)
    for url in ("/show_to_user", "/ashow_to_user"):
        assert told(url, staff) == 'pinning;desc="default: replica=2"'
        assert told(url, other) is None
        assert told(url) is None


def test_it_resolves_nobody(told):
    """The session and the user would be two reads more, and they are not made."""
    staff = User.objects.create(username="staff", is_staff=True)
    assert told("/show", staff) is None


def test_a_wait_has_its_time_and_a_strange_name_does_no_harm(settings):
    settings.DEBUG = True
    with scope() as work:
        work.work('é"\\').reads["replica"] = 2
        work.work('é"\\').waited = 0.0123
        response = ServerTimingMiddleware(empty)(RequestFactory().get("/"))
    assert response["Server-Timing"] == 'pinning;desc="???: replica=2";dur=12.3'


def test_outside_of_every_scope_there_is_none(settings):
    settings.DEBUG = True
    assert "Server-Timing" not in ServerTimingMiddleware(show)(RequestFactory().get("/"))


def test_what_is_told_to_one_reader_is_kept_from_shared_caches(settings, client):
    settings.DEBUG = True
    assert "private" in client.get("/show")["Cache-Control"]
    assert "Cache-Control" not in client.get("/empty").headers
