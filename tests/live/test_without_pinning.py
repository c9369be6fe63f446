"""What goes wrong with a plain router while the replica lags, and does not with pinning."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.views import LoginView
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.test import Client
from django.urls import path

from tests.live.site.pair import Pair
from tests.notes.models import Note


class PlainRouter:
    """Reads in a transaction on the primary, other reads on the replica, writes on the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "default" if connections["default"].in_atomic_block else "replica1"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())


def note(request: HttpRequest, number: int) -> HttpResponse:
    """Shows the text, as a form would; a POST saves it."""
    if request.method == "POST":
        Note.objects.filter(pk=number).update(text=request.POST["text"])
        return HttpResponseRedirect(f"/notes/{number}/")
    return HttpResponse(get_object_or_404(Note, pk=number).text)


def add(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"/notes/{Note.objects.create(text=request.POST['text']).pk}/")


urlpatterns = [
    path("login/", LoginView.as_view(next_page="/who/")),
    path("who/", who),
    path("notes/", add),
    path("notes/<int:number>/", note),
]


@pytest.fixture(params=["plain", "pinning"])
def is_plain(request: pytest.FixtureRequest, settings: Any) -> bool:
    """The site with a plain router, and with pinning."""
    settings.ROOT_URLCONF = __name__
    if request.param == "plain":
        settings.DATABASE_ROUTERS = [f"{__name__}.PlainRouter"]
        settings.MIDDLEWARE = [name for name in project.MIDDLEWARE if "pinning" not in name]
        settings.PINNING = {}
    return request.param == "plain"


@pytest.fixture
def late(pair_here: Pair) -> Iterator[Pair]:
    """The replica has all that was written before, and gets nothing new."""
    pair_here.catch_up()
    with pair_here.paused():
        yield pair_here


def test_a_login_is_lost_for_good(is_plain: bool, late: Pair):
    client = Client()
    client.post("/login/", {"username": "writer", "password": "secret"})
    client.get("/who/")
    late.catch_up()
    assert client.get("/who/").content == (b"" if is_plain else b"writer")


def test_the_page_of_what_was_just_added_is_not_found(is_plain: bool, late: Pair):
    answer = Client().post("/notes/", {"text": "new"}, follow=True)
    assert answer.status_code == (404 if is_plain else 200)


def test_a_form_brings_the_old_text_back(is_plain: bool, pair_here: Pair):
    number, client = Note.objects.using("default").create(text="old").pk, Client()
    pair_here.catch_up()
    with pair_here.paused():
        client.post(f"/notes/{number}/", {"text": "new"})
        client.post(f"/notes/{number}/", {"text": client.get(f"/notes/{number}/").content.decode()})
    assert Note.objects.using("default").get().text == ("old" if is_plain else "new")
