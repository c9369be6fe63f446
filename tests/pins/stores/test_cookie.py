"""The cookie store: what the browser holds is encrypted, merged, and believed no further."""

import random

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from pinning.pins import cookies, signing
from pinning.pins.identity import Visitor
from pinning.pins.pin import HELD, Pin, Pins
from pinning.pins.stores import Exchange, Stores
from pinning.pins.stores.cookie import CookieStore
from tests.pins.stores.contract import Browser, StoreContract, placed, timed

STORE = CookieStore()
NAME = "pinning.0"


def sent(pins, **request):
    """The response that saves ``pins``, and the cookie in it that holds them."""
    exchange = Exchange(RequestFactory().get("/", **request), HttpResponse())
    STORE.save(Visitor(cookies={}), Pins(pins), exchange)
    (name,) = held_in(exchange.response.cookies)
    return exchange.response, exchange.response.cookies[name]


def held_in(jar):
    """The names of the cookies that hold pins, not those of marks."""
    return [name for name in jar if name in cookies.names().slots]


def load(value):
    return Stores({"cookie": STORE}).load(Visitor(cookies={NAME: value}))


def removed(response):
    return {name for name, morsel in response.cookies.items() if morsel["max-age"] == 0}


class TestCookieStore(StoreContract):
    @pytest.fixture
    def store(self):
        return CookieStore()

    def break_data(self, store, browser):
        browser.jar = dict.fromkeys(browser.jar, "broken")


def test_saved_cookies_take_turns_with_the_names():
    assert {sent([placed(5)])[1].key for _ in range(5)} == set(cookies.names().slots)


def test_a_save_removes_the_cookies_that_it_merged():
    browser = Browser()
    browser.save(STORE, Pins([placed(5)]))
    old = set(browser.jar)
    response = browser.save(STORE, Pins([placed(6, "other")]))
    assert removed(response) == old
    assert len(held_in(browser.jar)) == 1


def test_cookies_of_others_stay():
    browser = Browser()
    names = ["sessionid", "pinning", "pinning-id", "PINNING.0", f"{NAME}0", f"x{NAME}", "pinning."]
    browser.jar = dict.fromkeys(names, "abc")
    assert removed(browser.save(STORE, Pins([placed(5)]))) == set()


def test_pins_of_a_cookie_that_another_hides_go_into_the_next_one():
    _, own = sent([placed(5)])
    visitor = Visitor(cookies={own.key: "x"}, hidden=((own.key, own.value), (own.key, own.value)))
    exchange = Exchange(RequestFactory().get("/"), HttpResponse())
    STORE.save(visitor, Pins([placed(6, "other")]), exchange)
    assert own.key in removed(exchange.response)
    (name,) = [name for name in held_in(exchange.response.cookies) if name != own.key]
    assert load(exchange.response.cookies[name].value) == Pins([placed(5), placed(6, "other")])


@pytest.mark.parametrize("name", ["pinning.(", "pinning.a b", "pinning.é", "pinning./", "pinning."])
def test_a_name_that_no_cookie_may_have_stops_no_save(name):
    """Removing it would raise, and set the store aside for everybody."""
    browser = Browser()
    browser.jar = {name: "x"}
    browser.save(STORE, Pins([placed(5)]))
    assert browser.load(STORE) == Pins([placed(5)])


def test_nothing_is_set_where_no_response_is_left():
    assert STORE.save(Visitor(cookies={}), Pins([placed(5)]), None) is None


def test_a_cookie_cannot_be_read_by_scripts():
    assert sent([placed(5)])[1]["httponly"] is True


def test_a_cookie_does_not_travel_with_posts_of_other_sites():
    assert sent([placed(5)])[1]["samesite"] == "Lax"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cookie_set_over_https_is_sent_over_http_too_where_the_session_cookie_is(scheme):
    """Else who wrote over https would be unknown over http, and no answer there could tell."""
    assert not sent([placed(5)], secure=scheme == "https")[1]["secure"]


@override_settings(PINNING={"COOKIE": {"SECURE": True}})
def test_a_cookie_is_secure_when_the_setting_says_so():
    assert sent([placed(5)])[1]["secure"] is True


@override_settings(PINNING={"COOKIE": {"NAME": "pin"}})
def test_a_cookie_goes_by_the_name_of_the_setting():
    assert sent([placed(5)])[1].key.startswith("pin.")


def test_a_cookie_with_a_position_is_kept_for_max_pin():
    assert sent([placed(5)])[1]["max-age"] == 60


def test_a_cookie_without_one_is_kept_as_long_so_that_its_marks_stay_with_it():
    assert sent([timed()])[1]["max-age"] == 60


@pytest.mark.parametrize("said", ["public", "public, max-age=600", "public, s-maxage=600"])
def test_no_shared_cache_may_keep_the_response(said):
    exchange = Exchange(Browser().request(), HttpResponse(headers={"Cache-Control": said}))
    STORE.save(Visitor(cookies={}), Pins([placed(5)]), exchange)
    assert "private" in exchange.response["Cache-Control"]
    assert "public" not in exchange.response["Cache-Control"]


def test_a_cookie_that_the_browser_kept_too_long_is_no_pin():
    with freeze_time() as clock:
        value = sent([timed()])[1].value
        clock.tick(6)
        assert load(value) == Pins()


def test_a_cookie_signed_for_another_purpose_is_no_pin():
    assert load(signing.sign(Pins([placed(5)]), signing.CARRIED)) == Pins()


def test_a_cookie_signed_with_an_old_key_still_counts():
    value = sent([placed(5)])[1].value
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["tests"]):
        assert load(value) == Pins([placed(5)])


def test_many_timelines_hold_the_client_instead_of_filling_its_cookies():
    """Those of sixty domains, say. The cookie stays small, and nobody counts as caught up."""
    pins = Pins(
        Pin(cluster="default", written_at=1795291532.125, timeline=f"{n}.{n}", position=10**12 + n)
        for n in range(100, 160)
    )
    value = sent(pins)[1].value
    assert len(value) <= 128
    assert {(pin.cluster, pin.timeline) for pin in load(value)} == {("default", HELD)}


def test_a_cookie_that_was_read_is_no_pin_once_its_key_is_gone():
    value = sent([placed(5)])[1].value
    assert load(value) == Pins([placed(5)])
    with override_settings(SECRET_KEY="new"):
        assert load(value) == Pins()


def test_a_cookie_that_was_read_before_is_over_in_time():
    with freeze_time() as clock:
        value = sent([timed()])[1].value
        assert load(value)
        clock.tick(6)
        assert not load(value)


SIGNED = [sent([placed(5)])[1].value, sent([placed(6, "other"), placed(2**62)])[1].value]
with override_settings(SECRET_KEY="another"):
    FORGED = [sent([placed(2**62)])[1].value]
ALPHABET = 'abcXYZ019_-.:{}[]",\\ \n\0é中\ud800\udfff\U0001f600'


def mutated(source: random.Random) -> str:
    """A good cookie after some changes."""
    letters = list(source.choice(SIGNED + FORGED))
    for _ in range(source.randint(1, 3)):
        place = source.randrange(len(letters))
        letters[place : place + source.randint(0, 2)] = source.choice(ALPHABET)
    return "".join(letters)


def truncated(source: random.Random) -> str:
    value = source.choice(SIGNED)
    place = source.randrange(len(value))
    return source.choice([value[:place], value[place + 1 :]])


def crossed(source: random.Random) -> str:
    """What one cookie says, with the signature of another, which stands in front."""
    said, signed = source.sample(SIGNED + FORGED, 2)
    return f"{signed[:20]}{said[20:]}"


def signed_elsewhere(source: random.Random) -> str:
    pins = Pins([placed(source.getrandbits(62))])
    if source.random() < 0.5:
        return signing.sign(pins, "another")
    with override_settings(SECRET_KEY="another"):
        return signing.sign(pins, signing.COOKIE)


def arbitrary(source: random.Random) -> str:
    length = source.choice([0, 1, 10, 100, 4096, 4097, 10_000])
    return "".join(source.choices(ALPHABET, k=min(length, 50))) * max(1, length // 50)


KINDS = [mutated, truncated, crossed, arbitrary]


@settings(max_examples=1000)
@given(source=st.randoms(use_true_random=True))
def test_a_cookie_gives_no_pin_that_was_not_signed(source):
    """A hundred thousand cookies; whatever is in them, loading never raises."""
    for _ in range(100):
        value = source.choice(KINDS)(source)
        assert value in SIGNED or load(value) == Pins(), ascii(value)


@settings(max_examples=500)
@given(name=st.text(max_size=10), value=st.text(max_size=60))
def test_no_cookie_of_any_name_and_value_raises(name, value):
    visitor = Visitor(cookies={name: value, f"pinning.{name}": value, NAME: value})
    exchange = Exchange(Browser().request(), HttpResponse())
    assert STORE.load(visitor).pins == Pins()
    STORE.save(visitor, Pins([placed(5)]), exchange)
    assert cookies.bytes_of(exchange.response) <= cookies.MOST_BYTES
