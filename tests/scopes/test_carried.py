"""Pins that go along with work: what they hold, what they cost, and who believes them."""

import time

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from freezegun import freeze_time

from pinning import Reason, carried, current_scope, scope, take_carried, use_replica
from pinning.databases import VENDORS
from pinning.databases.base import Positions
from pinning.middleware import PinningMiddleware
from pinning.pins import cookies, signing
from pinning.pins.pin import Pin, Pins, Position, held
from pinning.scopes.carried import CarriedScope, carried_for_all
from pinning.scopes.scope import Scope, inside
from tests.notes.models import Note
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

PIN = Pin(cluster="default", written_at=1000.0, timeline="1", position=100)
HOLD = held("default", 1000.0).position
ONE = {"REPLICAS": {"default": ["replica1"]}}
TWO = {"REPLICAS": {"default": ["replica1"], "orders": ["orders1"]}, "MODELS": {"shop": "orders"}}


class Moving(Positions):
    """A primary whose position moves on by one at each question, and a replica that stands."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.reached = 0

    def of_primary(self, connection):
        self.asked.append(connection.alias)
        return Position(places={"1": len(self.asked)}, clock=time.time())

    def of_replica(self, connection):
        return Position(places={"1": self.reached}, clock=time.time())


class Pinned(Scope):
    """A scope that opens with PIN."""

    def load_pins(self):
        return Pins([PIN])


class Lost(Scope):
    """A scope whose stores are down."""

    def load_pins(self):
        return None


@pytest.fixture
def moving(monkeypatch):
    positions = Moving()
    monkeypatch.setitem(VENDORS, "sqlite", positions)
    return positions


def text_of(*pins):
    return signing.sign(Pins(pins), signing.CARRIED)


def pins_in(text):
    return {(pin.cluster, pin.position) for pin in signing.unsign_carried(text)}


def read():
    """The alias and reason of a read in the current scope."""
    work = current_scope()
    work.trace = []
    list(Note.objects.all())
    return work.trace[-1][1:3]


def test_without_a_scope_nothing_is_carried():
    assert carried() == carried_for_all() == ""


def test_who_wrote_nothing_carries_nothing():
    with scope():
        list(Note.objects.all())
        assert carried() == ""


def test_what_a_scope_opened_with_is_carried_although_it_read_nothing():
    with inside(Pinned()):
        assert pins_in(carried()) == {("default", 100)}


def test_a_committed_write_is_carried_with_its_position(moving):
    with scope():
        Note.objects.create(text="new")
        assert pins_in(carried()) == {("default", 1)}


def test_a_write_of_a_scope_around_is_carried(moving):
    with scope():
        Note.objects.create(text="new")
        with scope():
            assert pins_in(carried()) == {("default", 1)}


def test_a_pending_write_is_carried_by_the_clock(moving):
    with scope(), transaction.atomic():
        Note.objects.create(text="new")
        assert pins_in(carried()) == {("default", None)}
    assert moving.asked == []


def test_a_pending_write_adds_to_what_was_committed_before(moving):
    with scope():
        Note.objects.create(text="old")
        carried()
        with transaction.atomic():
            Note.objects.create(text="new")
            assert pins_in(carried()) == {("default", 1), ("default", None)}


def test_a_position_that_could_not_be_asked_for_is_asked_for_again(moving):
    with scope():
        Note.objects.create(text="old")
        with transaction.atomic():
            assert pins_in(carried()) == {("default", HOLD)}
        assert pins_in(carried()) == {("default", 1)}


def test_after_the_commit_there_is_a_position(moving):
    texts = []
    with scope(), transaction.atomic():
        Note.objects.create(text="new")
        transaction.on_commit(lambda: texts.append(carried()))
    assert pins_in(*texts) == {("default", 1)}


def test_a_write_that_was_rolled_back_is_not_carried(moving):
    with scope():
        with transaction.atomic():
            Note.objects.create(text="new")
            transaction.set_rollback(True)
        assert carried() == ""


def test_the_position_is_asked_for_once_after_each_write(moving):
    with scope() as work:
        Note.objects.create(text="new")
        carried()
        carried()
        assert {pin.position for pin in work.take_pins()} == {1}
        Note.objects.create(text="newer")
        assert pins_in(carried()) == {("default", 2)}
    assert moving.asked == ["default"] * 2


def test_a_write_while_the_position_is_asked_for_is_asked_for_again(moving):
    with scope() as work:
        Note.objects.create(text="new")
        ask = moving.of_primary

        def ask_slowly(connection):
            position = ask(connection)
            if len(moving.asked) == 1:
                work.wrote("default")
            return position

        moving.of_primary = ask_slowly
        carried()
        assert pins_in(carried()) == {("default", 2)}


def test_carrying_does_not_take_the_pins_from_the_response(moving):
    def view(request):
        Note.objects.create(text="new")
        carried()
        return HttpResponse()

    response = PinningMiddleware(view)(RequestFactory().get("/"))
    assert positions_in(response) == {1}
    assert moving.asked == ["default"]


def test_where_no_store_can_tell_all_that_was_written_is_carried(moving):
    with override_settings(PINNING=TWO), inside(Lost()):
        assert pins_in(carried()) == {("default", 1), ("orders", 2)}


def test_for_all_there_is_a_new_position_of_each_cluster(moving):
    with override_settings(PINNING=TWO), inside(Pinned()):
        Order.objects.create()
        carried()
        assert pins_in(carried_for_all()) == {("default", 100), ("orders", 3)}


def test_on_an_event_loop_the_position_is_not_asked_for(moving):
    @scope()
    async def work():
        await Note.objects.acreate(text="new")
        return carried()

    moving.of_primary = lambda connection: connection.ensure_connection()
    assert pins_in(async_to_sync(work)()) == {("default", HOLD)}


def test_with_pins_a_replica_serves_that_has_reached_them(moving):
    text = text_of(PIN)
    with scope(carried=text), freeze_time("1970-01-01 00:16:41"):
        assert read() == ("default", Reason.PINNED)
    moving.reached = 100
    with scope(carried=text), freeze_time("1970-01-01 00:16:41"):
        assert read() == ("replica1", Reason.CAUGHT_UP)


def test_pins_are_carried_on(moving):
    other = Pin(cluster="default", written_at=1000.0, timeline="2", position=7)
    with scope(carried=text_of(PIN)), scope(carried=text_of(other)):
        assert pins_in(carried()) == {("default", 100), ("default", 7)}


with override_settings(SECRET_KEY="another"):
    OF_ANOTHER_KEY = text_of(PIN)
FORGED = [
    None,
    "",
    "broken",
    "a:b",
    ":",
    ".eJw:x",
    "\0",
    "\ud800",
    "é" * 10,
    "x" * 10**6,
    signing.sign(Pins([PIN]), signing.COOKIE),
    text_of(PIN)[:-4],
    text_of(PIN)[:-1] + "A",
    OF_ANOTHER_KEY,
    text_of(Pin(cluster="gone", written_at=1.0, timeline="1", position=5)),
    text_of(Pin(cluster="default", written_at=1.0)),
    text_of(PIN)[:-1],
    text_of(PIN) * 2,
    5,
    b"bytes",
    ["list"],
    {"a": 1},
]


def test_more_pins_than_a_text_has_room_for_hold_its_reader(moving):
    many = (
        Pin(cluster="default", written_at=2e9, timeline=f"{n}", position=n) for n in range(2999)
    )
    text = text_of(*many)
    assert len(text) < 100
    with scope(carried=text):
        assert read() == ("default", Reason.PINNED)


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_what_we_did_not_sign_brings_no_pins(text):
    with scope(carried=text):
        assert read() == ("default", Reason.NO_PINS)


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_what_we_did_not_sign_is_not_taken(text):
    with scope() as work:
        take_carried(text)
        assert not work.has_unsaved_writes()
        assert read() == ("replica1", Reason.REPLICA)


def test_without_pins_the_setting_says_who_serves():
    with override_settings(PINNING={**ONE, "TASKS": "replica"}), scope(carried=""):
        assert read() == ("replica1", Reason.REPLICA)


def test_without_pins_work_that_is_declared_reads_from_replicas():
    with scope(carried=""):
        with use_replica():
            assert read() == ("replica1", Reason.USE_REPLICA)
        with scope():
            assert read() == ("replica1", Reason.REPLICA)
        assert read() == ("default", Reason.NO_PINS)


def test_pins_on_one_cluster_tell_that_there_are_none_on_the_other(moving):
    pin = Pin(cluster="orders", written_at=1000.0, timeline="1", position=100)
    with override_settings(PINNING=TWO), scope(carried=text_of(pin)):
        assert read() == ("replica1", Reason.REPLICA)


def test_a_decorated_function_opens_with_the_pins_at_each_call():
    @scope(carried=text_of(PIN))
    def work():
        assert isinstance(current_scope(), CarriedScope)
        return pins_in(carried())

    assert work() == work() == {("default", 100)}


def test_taken_pins_hold_at_once(moving):
    with inside(Scope()), freeze_time("1970-01-01 00:16:41"):
        assert read() == ("replica1", Reason.REPLICA)
        take_carried(text_of(PIN))
        assert read() == ("default", Reason.PINNED)
        assert pins_in(carried()) == {("default", 100)}


def test_pins_that_are_taken_before_others_are_known_hold_as_well():
    known = Pin(cluster="default", written_at=1.0, timeline="2", position=7)
    with inside(Pinned()) as work:
        take_carried(text_of(known))
        assert set(work.pins()) == {known, PIN}


def test_pins_that_are_taken_do_not_make_up_for_a_store():
    with inside(Lost()):
        take_carried(text_of(PIN))
        assert read() == ("default", Reason.STORES_DOWN)


def test_taken_pins_are_saved_for_the_user(moving):
    def view(request):
        with scope():  # inside the request's
            take_carried(text_of(PIN))
        return HttpResponse()

    response = PinningMiddleware(view)(RequestFactory().get("/"))
    assert positions_in(response) == {100}
    assert moving.asked == []


def test_outside_a_scope_nothing_is_taken():
    take_carried(text_of(PIN))


def positions_in(response):
    values = [
        response.cookies[name].value for name in cookies.names().slots if name in response.cookies
    ]
    return {pin.position for value in values for pin in signing.unsign(value, signing.COOKIE)}
