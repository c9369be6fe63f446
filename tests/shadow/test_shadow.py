"""Shadow mode: what is answered, what would be, and what is counted."""

import asyncio
import secrets
from concurrent.futures import Future

import pytest
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.test import Client, RequestFactory, TestCase, override_settings
from django.urls import path

from pinning import Reason, carried, is_behind, read_connection, scope, source_of, use_replica
from pinning.pins import Pins
from pinning.scopes import RequestScope, Scope, wait_for_replica
from pinning.shadow import WAITS, limits_of, process
from pinning.signals import is_heard, scope_closed
from tests.notes.models import Comment, Note, Tag
from tests.shadow.conftest import SHADOW

pytestmark = pytest.mark.django_db(databases=["default", "replica1"], transaction=True)


def shown(request: HttpRequest) -> JsonResponse:
    if request.method == "POST" or "seen" in request.GET:
        Tag.objects.create(name=secrets.token_hex())
    note = Note.objects.first()
    return JsonResponse({"from": None if note is None else source_of(note)})


urlpatterns = [path("shown", shown, name="shown")]


def reads(work: Scope) -> dict[Reason, int]:
    return work.reads["default"]


def test_the_primary_answers_what_a_replica_would(shadow_mode, django_assert_num_queries):
    Note.objects.create(text="one")
    with django_assert_num_queries(0, connection=connections["replica1"]), scope() as work:
        note = Note.objects.get()
        assert (note.text, source_of(note), note._state.db) == ("one", "default", "default")
    assert reads(work) == {Reason.REPLICA: 1}
    assert work.reads_by_alias == {("default", "default", Reason.REPLICA): 1}


def test_what_follows_goes_where_it_would(shadow_mode, django_assert_num_queries):
    note = Note.objects.create(text="one")
    Comment.objects.create(target=note, text="two")
    note.tags.add(Tag.objects.create(name="three"))
    with django_assert_num_queries(0, connection=connections["replica1"]), scope() as work:
        (note,) = Note.objects.prefetch_related("tags")
        note.refresh_from_db()
        assert [comment.target.text for comment in note.comments.all()] == ["one"]
        assert [each.text for each in Note.objects.raw("SELECT * FROM notes_note")] == ["one"]
        assert read_connection().alias == "default"
        with use_replica():
            assert Note.objects.count() == 1
    assert {*reads(work)} == {Reason.REPLICA, Reason.USE_REPLICA}


def test_what_follows_a_read_of_the_pinned_is_pinned_too(shadow_mode):
    """If a wait had brought the first one to a replica, it would have brought the other."""
    shadow_mode.primary = 6
    with scope():
        Note.objects.create(text="one")
        pins = carried()
    with scope(carried=pins) as work:
        list(Note.objects.get().tags.all())
    assert {*reads(work)} == {Reason.PINNED}


def test_what_follows_an_object_of_the_primary_s_own_goes_there(shadow_mode):
    Note.objects.create(text="one")
    with scope() as work:
        list(Note.objects.using("default").get().tags.all())
    assert {*reads(work)} == {Reason.FOLLOWS_PRIMARY}


def test_a_write_pins_as_ever(shadow_mode):
    with scope() as work:
        Note.objects.create(text="one")
        list(Note.objects.all())
        assert carried()
    assert reads(work) == {Reason.WRITTEN: 1}


def test_a_task_does_not_wait_for_a_replica(shadow_mode):
    shadow_mode.primary = 6
    with scope():
        Note.objects.create(text="one")
        pins = carried()
    with scope(carried=pins):
        assert not is_behind()
    with override_settings(PINNING={**SHADOW, "USE_REPLICAS": True}), scope(carried=pins):
        assert is_behind()


def test_a_callable_may_choose_shadow_mode_for_some(places):
    Note.objects.create(text="one")
    switch = lambda request: "shadow" if "some" in request.GET else True  # noqa: E731
    pinning = {**SHADOW, "USE_REPLICAS": switch}
    with override_settings(PINNING=pinning, ROOT_URLCONF=__name__):
        assert Client().get("/shown").json() == {"from": "replica1"}
        assert Client().get("/shown?some").json() == {"from": "default"}


@pytest.mark.parametrize(("answer", "switch"), [("shadow", "shadow"), (1, True), (None, False)])
def test_a_callable_s_answer_is_one_of_three(places, answer, switch):
    with override_settings(PINNING={**SHADOW, "USE_REPLICAS": lambda _: answer}):
        assert RequestScope(RequestFactory().get("/")).switch() is switch


def test_reads_are_counted_by_view_and_reason(shadow_mode, counted):
    Note.objects.create(text="one")
    with override_settings(ROOT_URLCONF=__name__):
        Client().get("/shown")
        Client().get("/shown?seen")
        Client().post("/shown")
    with scope():
        Note.objects.first()
    assert counted() == {
        ("read", "shown", "replica"): 1,
        ("read", "shown", "written"): 2,
        ("pinned", "shown"): 2,
        ("write", "shown", "notes.Tag", "safe"): 1,
        ("alone", "shown", "notes.Tag", "safe"): 1,
        ("write", "shown", "notes.Tag", "unsafe"): 1,
        ("alone", "shown", "notes.Tag", "unsafe"): 1,
        ("read", "(no request)", "replica"): 1,
    }


def test_reads_of_async_code_are_counted(shadow_mode, counted):
    async def work():
        async with scope():
            await Note.objects.afirst()

    asyncio.run(work())
    assert counted() == {("read", "(no request)", "replica"): 1}


def test_nothing_is_counted_where_replicas_are_on(shadow_mode, counted):
    with scope():
        Note.objects.first()
    with override_settings(PINNING={**SHADOW, "USE_REPLICAS": True}):
        with scope():
            Note.objects.first()
        assert counted() == {}


def test_what_a_wait_brings_is_counted_once_it_is_known(shadow_mode, counted, monkeypatch):
    races = []

    def race(*asked):
        races.append((asked, Future()))
        return races[-1][1]

    monkeypatch.setattr("pinning.shadow.race", race)
    shadow_mode.primary = 6
    with scope():
        Note.objects.create(text="one")
        pins = carried()
    for _ in range(2):
        with scope(carried=pins), wait_for_replica(0.1):
            list(Note.objects.get().tags.all())
    ((aliases, (pin,), limits), known), (_, unknown) = races
    assert (aliases, pin.position, limits) == (["replica1"], 6, (0.1,) * 4)
    known.set_result((0.02, 0.05))
    unknown.set_result(None)
    seen = counted()
    pinned = seen["read", "(no request)", "pinned"]
    assert {key: times for key, times in seen.items() if key[0] in {"won", "unknown"}} == {
        ("won", "(no request)", "20"): pinned / 2,
        ("won", "(no request)", "50"): pinned / 2,
        ("unknown", "(no request)"): pinned / 2,
    }


def test_a_task_and_a_block_wait_as_long_as_they_say(shadow_mode):
    with scope() as work:
        assert limits_of(work) == WAITS
        with wait_for_replica(0.5):
            assert limits_of(work) == (0.5,) * 4
    with override_settings(PINNING={**SHADOW, "TASK_WAIT": 0.2}):
        with scope(carried=""), scope() as inner:
            assert limits_of(inner) == (0.2,) * 4


def test_in_tests_no_thread_asks(shadow_mode):
    """Django could not drop the test database, and nothing would be known in time."""
    assert process.race(["replica1"], tuple(Pins()), WAITS).result(0) is None


class DefaultTestCase(TestCase):
    """Without ``databases``, as most tests of projects are."""

    def test_rows_of_the_test_are_seen(self):
        with override_settings(PINNING=SHADOW), self.assertNumQueries(2), scope():
            Note.objects.create(text="mine")
            assert Note.objects.count() == 1


def test_nothing_listens_any_more_when_another_mode_begins(places):
    with override_settings(PINNING=SHADOW), scope():
        Note.objects.count()
        assert is_heard(scope_closed, Scope)
    assert not is_heard(scope_closed, Scope)
