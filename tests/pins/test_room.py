"""Whatever the settings are, our cookies take at most a kilobyte of the headers."""

import itertools
from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import override_settings
from freezegun import freeze_time

from pinning.middleware import PinningMiddleware
from pinning.pins import Pin, Pins, Visitor, cookies, identity, room
from pinning.pins.pin import HELD
from pinning.pins.stores import Exchange
from pinning.pins.stores.cookie import CookieStore
from tests.pins.stores.contract import Browser

STORE = CookieStore()
CLUSTERS = ("default", "orders", "stock")
NOW = "2026-01-01 12:00:00"
LONGEST = Pin(cluster="", written_at=1767268800.0, timeline="7412345678901234567.1", position=0)

LENGTHS = [0, 11, 20, 30, 50, 100, 300]
NAMES = ["p", "pinning", "n" * 14, "n" * 20]
STORES = [["cookie"], ["cookie", "cache"]]
SAME_SITES = ["Lax", "Strict", "None"]


def settings_of(name, length, stores, same_site="Lax"):
    return override_settings(
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_DOMAIN="d" * length or None,
        PINNING={
            "REPLICAS": {cluster: [] for cluster in CLUSTERS},
            "STORES": stores,
            "COOKIE": {"NAME": name, "SAMESITE": same_site},
        },
    )


def write(browser, number):
    """A write to all clusters, by itself. What the site answers, and the browser takes."""
    written = frozenset(CLUSTERS)
    exchange = Exchange(browser.request(), HttpResponse(), written)
    exchange.request.COOKIES["sessionid"] = f"session {number}"
    if cookies.has_identities():
        identity.introduce(exchange.request, exchange.response)
    pins = Pins(replace(LONGEST, cluster=cluster, position=2**40 + number) for cluster in CLUSTERS)
    STORE.save(Visitor(cookies=browser.jar), pins, exchange)
    browser.receive(exchange.response)
    return exchange.response


def bytes_sent(browser):
    return sum(len(f"{name}={value}; ") for name, value in browser.jar.items())


def is_held(browser):
    return HELD in {pin.timeline for pin in browser.load(STORE)}


@pytest.mark.parametrize("same_site", SAME_SITES)
@pytest.mark.parametrize("stores", STORES)
@pytest.mark.parametrize(("name", "length"), list(itertools.product(NAMES, LENGTHS)))
def test_writes_one_after_the_other_fit_into_the_headers(name, length, stores, same_site):
    """And hold nobody, if the settings leave room for marks."""
    browser = Browser()
    with settings_of(name, length, stores, same_site), freeze_time(NOW):
        for number in range(8):
            response = write(browser, number)
            assert cookies.bytes_of(response) <= cookies.MOST_BYTES
            assert bytes_sent(browser) <= cookies.MOST_BYTES
            assert is_held(browser) is (room.marks_each() == 0)


@pytest.mark.parametrize("stores", STORES)
@pytest.mark.parametrize(("name", "length"), list(itertools.product(NAMES, LENGTHS)))
def test_whatever_a_browser_sends_the_answer_fits(name, length, stores):
    browser = Browser()
    with settings_of(name, length, stores), freeze_time(NOW):
        write(browser, 1)
        (good,) = (text for slot, text in browser.jar.items() if slot in cookies.names().slots)
        browser.jar = dict.fromkeys(cookies.names().valued, good)
        browser.jar |= dict.fromkeys(cookies.names().marks, "1")
        assert cookies.bytes_of(write(browser, 2)) <= cookies.MOST_BYTES
        assert is_held(browser)


@pytest.mark.parametrize(
    ("name", "length", "stores", "marks"),
    [
        ("pinning", 0, ["cookie"], 4),
        ("pinning", 18, ["cookie"], 4),
        ("pinning", 40, ["cookie"], 3),
        ("pinning", 76, ["cookie"], 2),
        ("pinning", 77, ["cookie"], 0),
        ("pinning", 0, ["cookie", "cache"], 4),
        ("pinning", 22, ["cookie", "cache"], 3),
        ("pinning", 48, ["cookie", "cache"], 2),
        ("pinning", 49, ["cookie", "cache"], 0),
        ("n" * 20, 0, ["cookie"], 4),
        ("n" * 20, 0, ["cookie", "cache"], 0),
    ],
)
def test_an_answer_sets_as_many_marks_as_there_is_room_for(name, length, stores, marks):
    with settings_of(name, length, stores):
        assert room.marks_each() == marks


def test_what_is_measured_is_what_is_set():
    """The largest answer has the attributes of a real one, and the longest values."""
    browser = Browser()
    with settings_of("pinning", 11, ["cookie", "cache"]), freeze_time(NOW):
        sizes = [cookies.bytes_of(write(browser, number)) for number in range(4)]
        assert max(sizes) == room._bytes_of_answer(room.marks_each())


def test_a_site_whose_cookies_never_fit_does_not_start():
    with (
        override_settings(PINNING={"COOKIE": {"PATH": "/" + "p" * 1000}}),
        pytest.raises(ImproperlyConfigured, match="E037"),
    ):
        PinningMiddleware(lambda request: HttpResponse())
