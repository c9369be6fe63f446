"""Every snippet of Python runs, and every function in it is called and does what its page says.

One test for each page, called after it. docs/testing.md is a project of its own: test_project.py.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.core.cache import cache
from django.db import connections
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from pinning import Reason, scope
from pinning.contrib.sqlalchemy import session_class
from pinning.databases import state_of
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from tests.docs.visits import get, has_pinned, post, reasons
from tests.notes.models import Note, Tag
from tests.shop.models import Order
from tests.test_middleware import write

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica1", "orders"])

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.locmem.Loader",
                    {
                        "notes.html": "{{ object_list|length }}",
                        "sitemap.xml": "{{ urlset|length }}",
                    },
                )
            ]
        },
    }
]


def count(request: Any) -> HttpResponse:
    """A view."""
    return HttpResponse(Note.objects.count())


def test_readme(page):
    (replicas,) = page.PINNING["REPLICAS"].values()
    assert {*replicas, "default"} == page.DATABASES.keys()


def test_first_day(page, settings, monkeypatch):
    assert page.DATABASES["replica1"]["HOST"] == "replica.internal"
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": page.for_some}
    assert page.for_some(RequestFactory().get("/")) == "shadow"
    assert page.for_some(RequestFactory().get("/", headers={"X-Replica": "yes"})) is True
    assert has_pinned(get(write))
    monkeypatch.setenv("REPLICA_PERCENT", "100")
    assert reasons(get(count)) == [Reason.REPLICA]


def test_how_it_works(page):
    shown = get(page.show)
    answer = json.loads(shown.content)
    assert answer["reads"] == {"default": {"replica": 1}}
    (line,) = answer["lines"]
    assert line.startswith("docs/how-it-works.md")
    note = Note.objects.create(text="banner of the day")
    read = get(lambda request: page.read_note(request, note.pk))
    assert (read.content, has_pinned(read)) == (b"banner of the day", True)
    cache.clear()
    for _ in range(2):
        booked = get(lambda _: HttpResponse(page.book_once()))
        assert reasons(booked) == [Reason.USE_PRIMARY]
    assert Note.objects.filter(text="booked").count() == 1


def test_caches(page, settings):
    settings.CACHES = {"default": page.CACHES["default"], "plain": settings.CACHES["default"]}
    Note.objects.create(text="banner of the day")
    for _ in range(2):
        assert get(lambda _: HttpResponse(page.banner())).content == b"banner of the day"
    post(lambda _: HttpResponse(page.change_banner("banner of the night")))
    assert cache.get("banner") is None
    assert get(lambda _: HttpResponse(page.banner())).content == b"banner of the night"


def test_overrides(page, figures, settings, monkeypatch):
    settings.TEMPLATES = TEMPLATES
    Note.objects.create(text="old words")
    _blocks_and_decorators(page, monkeypatch)
    _views_of_every_kind(page)
    _other_work(page)


def _blocks_and_decorators(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reasons(get(page.inventory)) == [Reason.USE_PRIMARY]
    assert reasons(get(page.transfer)) == [Reason.USE_PRIMARY]
    assert reasons(post(page.figures)) == [Reason.USE_REPLICA]
    assert reasons(get(page.after_the_form)) == [Reason.REPLICA]
    found = post(page.search, {"words": "old"})
    assert (found.content, reasons(found)) == (b"1", [Reason.REPLICA])
    monkeypatch.setattr(Note, "count_visit", Note.save, raising=False)
    number = Note.objects.get().pk
    counted = get(lambda request: page.article(request, number))
    assert (counted.content, reasons(counted)) == (b"old words", [Reason.REPLICA])
    assert not has_pinned(counted)
    assert has_pinned(get(page.archive))
    service = SimpleNamespace(place_order=lambda: None)
    assert has_pinned(get(lambda request: page.order(request, service)))
    assert not has_pinned(get(page.inventory))
    with scope():
        assert page.outer() == ("default", "replica1")


def _views_of_every_kind(page: Any) -> None:
    shown = get(page.Inventory.as_view())
    assert (shown.content, reasons(shown)) == (b"1", [Reason.USE_PRIMARY])
    assert reasons(post(page.afigures)) == [Reason.USE_REPLICA]
    assert reasons(get(page.NoteViewSet.as_view({"get": "list"}))) == [Reason.USE_REPLICA]
    found = post(page.NoteViewSet.as_view({"post": "search"}), {"words": "old"})
    assert (found.data, reasons(found)) == (1, [Reason.REPLICA])
    assert reasons(get(page.LedgerViewSet.as_view({"get": "list"}))) == [Reason.USE_PRIMARY]
    (sitemap,) = page.urlpatterns
    assert get(lambda request: sitemap.callback(request, **sitemap.default_args)).content == b"0"


def _other_work(page: Any) -> None:
    assert page.send_newsletters() == {"default": {Reason.REPLICA: 1, Reason.WRITTEN: 1}}
    assert reasons(get(page.overview)) == [Reason.REPLICA]
    with scope() as work:
        assert page.words_a_day() == [("monday", 5)]
        assert page.tag("newsletter 1") == Tag.objects.get()
        assert work.reads == {"default": {Reason.REPLICA: 3}}
        assert async_to_sync(page.atag)("new").name == "new"
        assert page.TagQuerySet(Tag).find_or_create(name="new")[1] is False


def test_settings(page):
    assert page.by_region(Note, instance=SimpleNamespace(region="orders")) == "orders"
    assert page.by_region(Note) is None


def test_stores(page):
    store, visitor = page.MyStore(), Visitor(cookies={}, identities=("one", "two"))
    pin = Pin(cluster="default", written_at=1.0)
    store.save(visitor, Pins([pin]), None)
    assert list(store.load(Visitor(cookies={}, identities=("two",))).pins) == [pin]
    assert list(store.load(Visitor(cookies={}, identities=("three",))).pins) == []


def test_operations(page, settings, monkeypatch):
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": page.no_switch_was_thrown}
    assert reasons(get(count)) == [Reason.REPLICA]
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/run/site/no-replicas")
    assert reasons(get(count)) == [Reason.SWITCHED_OFF]


def test_upgrading(page, settings):
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": page.without_old_cookie}
    assert reasons(get(count)) == [Reason.REPLICA]
    assert reasons(get(count, Cookie="multidb_pin_writes=y")) == [Reason.SWITCHED_OFF]
    assert reasons(get(count, Cookie="just_updated=true")) == [Reason.SWITCHED_OFF]


def test_verify(page):
    (included,) = page.urlpatterns
    assert {pattern.name for pattern in included.url_patterns} >= {"begin", "value", "end"}


def test_recipes(page, monkeypatch):
    ada = User.objects.create(username="customer")
    number = Note.objects.create(author=ada, text="new").pk
    stores = ["tests.test_middleware.Memory"]
    with override_settings(PINNING={**django_settings.PINNING, "STORES": stores}):
        post(lambda request: page.paid(request, number))
        with scope(identity=ada) as work:
            Note.objects.count()
    assert work.reads == {"default": {Reason.PINNED: 1}}
    thanks = get(lambda request: page.thank_you(request, number))
    assert (thanks.content, reasons(thanks)) == (b"paid", [Reason.USE_PRIMARY])
    monkeypatch.setattr(Note, "move_to", lambda self, target: self.save(), raising=False)
    notes = Note.objects.create(text="one"), Note.objects.create(text="two")
    with scope() as work:
        page.move(*notes)
    assert work.reads == {"default": {Reason.USE_PRIMARY: 2}}
    _writes_all_the_time(page, monkeypatch)
    asked = {"data": {"query": "{ notes }"}, "content_type": "application/json"}
    assert page.only_reads(RequestFactory().post("/graphql", **asked))
    assert not page.only_reads(RequestFactory().post("/notes", **asked))
    told = []
    both = [connections[alias] for alias in ("default", "replica1")]
    for connection in both:
        connection.ensure_connection()
        connection.connection.create_function("set_config", 3, lambda *given: told.append(given))
    get(page.tenant_middleware(count))
    assert told == [("app.tenant", "testserver", 0)] * 2
    assert len({state_of(connection).told for connection in both} - {""}) == 1
    for connection in both:
        state_of(connection).tell("")


def test_sqlalchemy(page, figures):
    name = connections["default"].settings_dict["NAME"]

    def engines(driver: str, create: Any) -> dict[str, Any]:
        return {alias: create(f"sqlite+{driver}:///{name}") for alias in ("default", "replica1")}

    made = engines("pysqlite", create_engine)
    page.Session = sessionmaker(class_=session_class(made))
    with scope() as work:
        assert page.words_a_day() == [("monday", 5)]
        page.correct("monday", 4)
        assert page.words_a_day() == [("monday", 8)]
        assert Note.objects.count() == 0
    assert work.reads == {"default": {Reason.REPLICA: 1, Reason.WRITTEN: 2}}
    amade = engines("aiosqlite", create_async_engine)
    page.AsyncSession = async_sessionmaker(sync_session_class=session_class(amade))
    with scope() as work:
        assert async_to_sync(page.count_words)() == 8
    assert work.reads == {"default": {Reason.REPLICA: 1}}
    for engine in made.values():
        engine.dispose()
    for engine in amade.values():
        async_to_sync(engine.dispose)()


def _writes_all_the_time(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.create(username="ada", last_login=None)

    def show(request: Any) -> HttpResponse:
        request.user = user
        return count(request)

    seen = get(page.last_seen_middleware(show))
    assert (reasons(seen), has_pinned(seen)) == ([Reason.REPLICA], False)
    assert User.objects.exclude(last_login=None).count() == 1
    receivers = list(user_logged_in.receivers)
    page.pin_no_login()
    with scope() as work:
        user_logged_in.send(User, user=user, request=None)
    assert not work.has_unsaved_writes()
    user_logged_in.receivers = receivers


def test_moving(page, monkeypatch):
    assert page.europe() == "default"
    assert page.by_region(None, instance=SimpleNamespace(region="eu")) == "default"
    assert page.by_region(None) is None
    page.europe.close()
    monkeypatch.setattr(page, "Order", Order, raising=False)
    Order.objects.using("default").create(text="one")
    assert page.count_orders() == 1
