"""Several stores as one: what one does not know or cannot tell, another may."""

import logging
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import override_settings
from freezegun import freeze_time

from pinning import breaker
from pinning.diagnosis.stores import look_at_stores
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pins
from pinning.pins.stores import Exchange, Loaded, Store, Stores, load_store, stores
from pinning.pins.stores.cache import CacheStore
from pinning.pins.stores.cookie import CookieStore
from pinning.pins.stores.redis import RedisStore
from tests.pins.stores.contract import Browser, placed, timed


class Memory(Store):
    """One client's pins, in a variable. It can be down."""

    def __init__(self, pins=(), *, is_down=False, error=None, is_complete=True):
        self.pins = Pins(pins)
        self.is_complete = is_complete
        self.error = ConnectionError("no route") if is_down else error
        self.calls = 0

    def load(self, visitor):
        self._answer()
        return Loaded(self.pins, is_complete=self.is_complete)

    def save(self, visitor, pins, exchange):
        self._answer()
        self.pins = self.pins.merge(pins)

    def _answer(self):
        self.calls += 1
        if self.error is not None:
            raise self.error


VISITOR = Browser("alice").visitor()


def test_pins_are_loaded_from_all():
    both = Stores({"one": Memory([placed(5)]), "two": Memory([placed(6, "other")])})
    assert both.load(VISITOR) == Pins([placed(5), placed(6, "other")])


def test_the_latest_pin_counts_whichever_knows_it():
    both = Stores({"one": Memory([placed(5)]), "two": Memory([placed(6)])})
    assert both.load(VISITOR) == Pins([placed(6)])


def test_pins_are_saved_to_all():
    one, two = Memory(), Memory()
    Stores({"one": one, "two": two}).save(VISITOR, Pins([placed(5)]), None)
    assert one.pins == two.pins == Pins([placed(5)])


def test_pins_that_are_over_are_not_loaded():
    with freeze_time() as clock:
        both = Stores({"one": Memory([timed()])})
        clock.tick(12)
        assert both.load(VISITOR) == Pins()


def test_what_another_knows_counts_when_one_is_down():
    both = Stores({"one": Memory(is_down=True), "two": Memory([placed(5)])})
    assert both.load(VISITOR) == Pins([placed(5)])


def test_pins_are_saved_to_the_others_when_one_is_down():
    two = Memory()
    Stores({"one": Memory(is_down=True), "two": two}).save(VISITOR, Pins([placed(5)]), None)
    assert two.pins == Pins([placed(5)])


def test_nothing_is_known_when_all_are_down():
    both = Stores({"one": Memory(is_down=True), "two": Memory(is_down=True)})
    assert both.load(VISITOR) is None


def test_no_pins_are_something_else_than_nothing_known():
    assert Stores({"one": Memory()}).load(VISITOR) == Pins()


def test_no_pins_are_known_of_one_who_has_no_name_on_any_server():
    """Who never wrote need not wait for a server, or read from the primary while it is down."""
    memory = Memory(is_down=True)
    assert Stores({"one": memory}).load(Browser().visitor()) == Pins()
    assert memory.calls == 0


@pytest.mark.parametrize("trouble", [{"is_down": True}, {"is_complete": False}])
def test_a_cookie_store_knows_nothing_of_one_who_has_a_name_and_keeps_no_cookies(trouble):
    """A program with a token wrote, and the server that had its pin is down or was restarted."""
    both = Stores({"cookie": CookieStore(), "one": Memory(**trouble)})
    program, browser = Browser("alice"), Browser("alice")
    browser.jar["sessionid"] = "s"
    assert both.load(program.visitor()) is None
    assert both.load(browser.visitor()) == Pins()
    assert both.load(Browser().visitor()) == Pins()


def test_the_cookies_of_a_handshake_do_not_tell_what_was_written_since():
    both = Stores({"cookie": CookieStore(), "one": Memory(is_down=True)})
    cookies = {"sessionid": "s"}
    socket = Visitor(cookies=cookies, identities=("alice",), are_cookies_current=False)
    assert both.load(socket) is None
    assert both.load(Visitor(cookies=cookies, identities=("alice",))) == Pins()


def test_a_server_that_answers_knows_of_one_who_keeps_no_cookies():
    both = Stores({"cookie": CookieStore(), "one": Memory()})
    assert both.load(Browser("alice").visitor()) == Pins()


def test_a_cookie_takes_the_pins_that_no_store_takes():
    browser, memory = Browser("alice"), Memory(is_down=True)
    one = Stores({"one": memory})
    exchange = Exchange(browser.request(), HttpResponse())
    with freeze_time() as clock:
        one.save(browser.visitor(), Pins([placed(5)]), exchange)
        browser.receive(exchange.response)
        memory.error = None
        clock.tick(12)
        assert one.load(browser.visitor()) is None  # this process knows that more may be lost
        other_process = Stores({"one": memory})
        assert other_process.load(browser.visitor()) == Pins([placed(5)])


def test_no_cookie_is_set_while_one_store_takes_the_pins():
    browser = Browser("alice")
    both = Stores({"one": Memory(is_down=True), "two": Memory()})
    exchange = Exchange(browser.request(), HttpResponse())
    both.save(browser.visitor(), Pins([placed(5)]), exchange)
    assert not exchange.response.cookies


def test_what_a_store_that_lost_its_memory_does_not_find_may_have_been_there():
    young = Memory(is_complete=False)
    assert Stores({"young": young}).load(VISITOR) is None
    assert Stores({"young": young, "old": Memory()}).load(VISITOR) == Pins()


def test_what_a_store_that_lost_its_memory_finds_counts():
    young, old = Memory([placed(5)], is_complete=False), Memory([placed(6, "other")])
    both = Stores({"young": young, "old": old})
    assert both.load(VISITOR) == Pins([placed(5), placed(6, "other")])
    with_cookie = Stores({"cookie": CookieStore(), "young": young})
    browser = Browser("alice")
    browser.jar["sessionid"] = "s"
    assert with_cookie.load(browser.visitor()) == Pins([placed(5)])


def test_while_a_server_has_lost_its_memory_cookies_do_not_tell_what_other_devices_wrote():
    """While it is down, they are taken to: that may go on for hours."""
    cookies = {"sessionid": "s"}
    shared = Visitor(cookies=cookies, identities=("alice",), is_shared=True)
    for trouble, known in [({"is_complete": False}, None), ({"is_down": True}, Pins())]:
        both = Stores({"cookie": CookieStore(), "one": Memory(**trouble)})
        assert both.load(shared) == known
        assert both.load(Visitor(cookies=cookies, identities=("alice",))) == Pins()


def test_a_store_that_gives_no_answer_of_the_kind_is_a_store_that_fails(caplog):
    class OfPins(Memory):
        def load(self, visitor):
            return self.pins

    assert Stores({"one": OfPins([placed(5)])}).load(VISITOR) is None
    assert "load() returned a Pins instead of Loaded(pins)" in caplog.text


class ShyError(Exception):
    """As those of redis-py 8: its repr does not say what happened."""

    def __repr__(self):
        return "server:ResponseError"


def test_the_log_has_the_message_of_the_error(caplog):
    one = Stores({"shy": Memory(error=ShyError("OOM command not allowed"))})
    one.load(VISITOR)
    for record in caplog.records:
        assert "ShyError: OOM command not allowed" in record.getMessage()
    assert len(caplog.records) == 1


def test_a_password_in_a_url_that_cannot_be_read_is_shown_nowhere(caplog):
    server = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://:hunter2/x@127.0.0.1:1/1",
    }
    with override_settings(CACHES={"default": server}):
        assert Stores({"redis": RedisStore()}).load(VISITOR) is None
        (seen,) = look_at_stores(["redis"])
    assert "ValueError" in caplog.text
    assert "ValueError" in seen.error
    assert "hunter2" not in caplog.text + seen.error


def test_a_store_that_did_not_take_a_pin_does_not_prove_that_there_is_none():
    """Redis refuses one save; the program with a token comes back once it works again."""
    memory = Memory(is_down=True)
    one = Stores({"one": memory})
    with freeze_time() as clock:
        one.save(VISITOR, Pins([placed(5)]), None)
        memory.error = None
        clock.tick(12)
        assert one.load(VISITOR) is None
        one.save(VISITOR, Pins([placed(6, "other")]), None)  # that it takes one mends no hole
        assert one.load(VISITOR) is None
        clock.tick(49)
        assert one.load(VISITOR) is not None


def test_a_clock_that_jumps_ahead_fills_no_hole(monkeypatch):
    memory = Memory(is_down=True)
    one = Stores({"one": memory})
    one.save(VISITOR, Pins([placed(5)]), None)
    memory.error = None
    breaker.reset()
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert one.load(VISITOR) is None


def test_a_store_that_is_left_alone_when_a_pin_comes_lacks_it_as_well():
    memory = Memory(is_down=True)
    one = Stores({"one": memory})
    with freeze_time() as clock:
        one.load(VISITOR)
        memory.error = None
        one.save(VISITOR, Pins([placed(5)]), None)
        assert memory.calls == 1
        clock.tick(12)
        assert one.load(VISITOR) is None


def test_another_server_that_took_the_pin_knows():
    memory = Memory(is_down=True)
    both = Stores({"one": memory, "two": Memory()})
    with freeze_time() as clock:
        both.save(VISITOR, Pins([placed(5)]), None)
        memory.error = None
        clock.tick(12)
        assert both.load(VISITOR) == Pins([placed(5)])


def test_a_store_without_memory_is_asked_again_at_once():
    young = Memory(is_complete=False)
    one = Stores({"one": young})
    one.load(VISITOR)
    one.load(VISITOR)
    assert young.calls == 2


def test_a_store_without_memory_is_told_of_once_and_again_when_it_is_believed(caplog):
    caplog.set_level(logging.INFO, "pinning")
    store = Memory(is_complete=False)
    one = Stores({"emptied": store})
    for _ in range(2):
        one.load(VISITOR)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    store.is_complete = True
    one.save(VISITOR, Pins([placed(5)]), None)
    assert len(caplog.records) == 1  # that it takes pins says nothing of those it lost
    for _ in range(2):
        one.load(VISITOR)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert all("'emptied' store" in record.getMessage() for record in caplog.records)


def test_a_store_that_failed_is_left_alone_for_a_while():
    broken = Memory(is_down=True)
    one = Stores({"one": broken})
    with freeze_time() as clock:
        for _ in range(3):
            one.load(VISITOR)
        assert broken.calls == 1
        clock.tick(12)
        one.load(VISITOR)
        assert broken.calls == 2


def test_a_pin_is_not_lost_because_a_store_was_silent_for_a_moment():
    """Nothing else keeps that of a program with a token, and other processes ask the store."""
    memory = Memory(is_down=True)
    one = Stores({"one": memory})
    with freeze_time() as clock:
        one.load(VISITOR)
        memory.error = None
        clock.tick(1)
        assert one.load(VISITOR) is None
        assert one.save(VISITOR, Pins([placed(5)]), None)
        assert memory.pins == one.load(VISITOR) == Pins([placed(5)])


def test_a_store_that_is_silent_for_long_costs_a_save_now_and_then():
    memory = Memory(is_down=True)
    one = Stores({"one": memory})
    with freeze_time() as clock:
        for _ in range(40):
            clock.tick(0.1)
            one.save(VISITOR, Pins([placed(5)]), None)
    assert memory.calls == 4


def test_a_store_that_works_again_is_used_again():
    memory = Memory([placed(5)], is_down=True)
    one = Stores({"one": memory})
    with freeze_time() as clock:
        one.load(VISITOR)
        memory.error = None
        clock.tick(12)
        assert one.load(VISITOR) == Pins([placed(5)])
    assert breaker.breaker_of("store", "one").may_try()


def test_a_failure_is_logged_once(caplog):
    one = Stores({"one": Memory(is_down=True)})
    with freeze_time() as clock:
        for _ in range(3):
            one.load(VISITOR)
            clock.tick(12)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("pinning", logging.WARNING)
    assert "no route" in record.getMessage()


def test_a_return_is_logged(caplog):
    caplog.set_level(logging.INFO)
    memory = Memory(is_down=True)
    one = Stores({"one": memory})
    with freeze_time() as clock:
        one.load(VISITOR)
        memory.error = None
        clock.tick(12)
        one.load(VISITOR)
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]


@pytest.mark.parametrize(
    ("members", "has_one"),
    [
        ({"cookie": CookieStore()}, False),
        ({"cache": CacheStore()}, True),
        ({"cookie": CookieStore(), "cache": CacheStore()}, True),
    ],
)
def test_it_is_known_whether_one_is_on_a_server(members, has_one):
    assert Stores(members).has_server_side is has_one


@pytest.mark.parametrize(("name", "kind"), [("cookie", CookieStore), ("cache", CacheStore)])
def test_a_store_has_a_short_name(name, kind):
    assert isinstance(load_store(name), kind)


@pytest.mark.parametrize("name", ["", "cookies", "tests.nowhere.Store", "pathlib.Path", "math.pi"])
def test_what_is_no_store_is_an_error(name):
    with pytest.raises(ImproperlyConfigured, match="The store"):
        load_store(name)


def test_a_store_that_cannot_do_everything_is_an_error():
    with pytest.raises(ImproperlyConfigured, match="lacks"):
        load_store("pinning.pins.stores.Store")


def test_the_stores_are_made_once():
    assert stores() is stores()


@override_settings(PINNING={"STORES": ["cookie", "cache"]})
def test_the_stores_follow_the_setting():
    assert stores().has_server_side
