"""The cookie store: what the browser holds is signed, merged, and believed no further."""

import itertools
import random

import pytest
from django.core.signing import Signer
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from pinning.pins.stores import Exchange
from pinning.pins.stores.cookie import CookieStore
from tests.pins.stores.contract import Browser, StoreContract, placed, timed

STORE = CookieStore()
NAME = "pinning.0123abcd"


def sent(pins, **request):
    """The response that saves ``pins``, and the one cookie in it that is not a removal."""
    exchange = Exchange(RequestFactory().get("/", **request), HttpResponse())
    STORE.save(Visitor(cookies={}), Pins(pins), exchange)
    (cookie,) = exchange.response.cookies.values()
    return exchange.response, cookie


def load(value):
    return STORE.load(Visitor(cookies={NAME: value})).pins


def removed(response):
    return {name for name, morsel in response.cookies.items() if morsel["max-age"] == 0}


class TestCookieStore(StoreContract):
    @pytest.fixture
    def store(self):
        return CookieStore()

    def break_data(self, store, browser):
        browser.jar = dict.fromkeys(browser.jar, "broken")


def test_a_saved_cookie_has_a_name_of_its_own():
    names = {sent([placed(5)])[1].key for _ in range(5)}
    assert len(names) == 5
    assert all(name.startswith("pinning.") for name in names)


def test_a_save_removes_the_cookies_that_it_merged():
    browser = Browser()
    browser.save(STORE, Pins([placed(5)]))
    (old,) = browser.jar
    response = browser.save(STORE, Pins([placed(6, "other")]))
    assert removed(response) == {old}
    assert len(browser.jar) == 1


def test_cookies_of_others_stay():
    browser = Browser()
    names = ["sessionid", "pinning", "pinning-id", NAME.upper(), f"{NAME}0", f"x{NAME}", "pinning."]
    browser.jar = dict.fromkeys(names, "abc")
    assert removed(browser.save(STORE, Pins([placed(5)]))) == set()


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_responses_that_cross_on_their_way_lose_no_pin(order):
    """All requests were sent before any response arrived; they arrive in any order."""
    browser = Browser()
    browser.save(STORE, Pins([placed(1, "before")]))
    saved = [Pins([placed(5)]), Pins([placed(9)]), Pins([placed(7, "other")])]
    exchanges = [Exchange(browser.request(), HttpResponse()) for _ in saved]
    for exchange, pins in zip(exchanges, saved, strict=True):
        STORE.save(Visitor(cookies=exchange.request.COOKIES), pins, exchange)
    for number in order:
        browser.receive(exchanges[number].response)
    assert browser.load(STORE) == Pins([placed(1, "before"), placed(9), placed(7, "other")])


def test_a_save_that_crosses_a_tidy_loses_no_pin():
    browser = Browser()
    browser.jar = {NAME: "broken"}
    tidying = Exchange(browser.request(), HttpResponse())
    STORE.tidy(browser.visitor(), tidying)
    browser.save(STORE, Pins([placed(5)]))
    browser.receive(tidying.response)
    assert browser.load(STORE) == Pins([placed(5)])


def test_cookies_that_crossed_become_one_at_the_next_save():
    browser = Browser()
    browser.jar = {
        f"pinning.0000000{number}": sent([placed(number)])[1].value for number in range(3)
    }
    browser.save(STORE, Pins([placed(1, "other")]))
    assert len(browser.jar) == 1
    assert browser.load(STORE) == Pins([placed(2), placed(1, "other")])


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


def test_a_cookie_is_secure_when_the_request_is():
    assert sent([placed(5)], secure=True)[1]["secure"] is True


def test_a_cookie_is_not_secure_when_the_request_is_not():
    assert not sent([placed(5)])[1]["secure"]


@override_settings(PINNING={"COOKIE": {"SECURE": True}})
def test_a_cookie_is_secure_when_the_setting_says_so():
    assert sent([placed(5)])[1]["secure"] is True


@override_settings(PINNING={"COOKIE": {"NAME": "pin"}})
def test_a_cookie_goes_by_the_name_of_the_setting():
    assert sent([placed(5)])[1].key.startswith("pin.")


def test_a_cookie_with_a_position_is_kept_for_max_pin():
    assert sent([placed(5)])[1]["max-age"] == 60


def test_a_cookie_without_one_is_kept_for_the_window():
    assert sent([timed()])[1]["max-age"] == 5


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


def test_tidying_removes_what_is_over():
    with freeze_time() as clock:
        browser = Browser()
        browser.save(STORE, Pins([timed()]))
        clock.tick(6)
        exchange = Exchange(browser.request(), HttpResponse())
        STORE.tidy(browser.visitor(), exchange)
        assert removed(exchange.response) == set(browser.jar)


def test_tidying_removes_what_is_broken_and_nothing_else():
    browser = Browser()
    browser.save(STORE, Pins([placed(5)]))
    browser.jar |= {NAME: "broken", "sessionid": "broken", "pinning-id": "x"}
    exchange = Exchange(browser.request(), HttpResponse())
    STORE.tidy(browser.visitor(), exchange)
    assert removed(exchange.response) == {NAME}


def test_tidying_nothing_leaves_the_response_alone():
    exchange = Exchange(Browser().request(), HttpResponse())
    STORE.tidy(Visitor(cookies={}), exchange)
    assert not exchange.response.cookies
    assert "Cache-Control" not in exchange.response


def test_a_cookie_signed_for_another_purpose_is_no_pin():
    value = Signer(salt="pinning.identity").sign_object([["default", 1.0, "7.1", 5]])
    assert load(value) == Pins()


def test_a_cookie_signed_with_an_old_key_still_counts():
    value = sent([placed(5)])[1].value
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["tests"]):
        assert load(value) == Pins([placed(5)])


def test_many_timelines_fit_into_a_cookie():
    """Those of sixty domains of MariaDB, say."""
    pins = Pins(
        Pin(cluster="default", written_at=1795291532.123, timeline=f"{n}.{n}", position=10**12 + n)
        for n in range(100, 160)
    )
    value = sent(pins)[1].value
    assert len(value) < 4000
    assert load(value) == pins


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


def test_a_cookie_longer_than_browsers_keep_is_no_pin():
    signer = Signer(salt="pinning.pins")
    pins = Pins(placed(5, f"cluster {number}") for number in range(200))
    assert load(signer.sign_object(pins.encode())) == Pins()


SIGNED = [sent([placed(5)])[1].value, sent([placed(6, "other"), placed(2**62)])[1].value]
FORGED = [
    Signer(key="another", salt="pinning.pins").sign_object(Pins([placed(2**62)]).encode()),
]
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
    """What one cookie says, with the signature of another."""
    said, signed = source.sample(SIGNED + FORGED, 2)
    return f"{said.rpartition(':')[0]}:{signed.rpartition(':')[2]}"


def signed_elsewhere(source: random.Random) -> str:
    pins = Pins([placed(source.getrandbits(62))])
    key, salt = source.choice([("another", "pinning.pins"), ("tests", "another")])
    return Signer(key=key, salt=salt).sign_object(pins.encode(), compress=source.random() < 0.5)


def arbitrary(source: random.Random) -> str:
    length = source.choice([0, 1, 10, 100, 4096, 4097, 10_000])
    return "".join(source.choices(ALPHABET, k=min(length, 50))) * max(1, length // 50)


KINDS = [mutated, truncated, crossed, signed_elsewhere, arbitrary]


@settings(max_examples=1000, deadline=None)
@given(source=st.randoms(use_true_random=True))
def test_a_cookie_gives_no_pin_that_was_not_signed(source):
    """A hundred thousand cookies; whatever is in them, loading never raises."""
    for _ in range(100):
        value = source.choice(KINDS)(source)
        assert value in SIGNED or load(value) == Pins(), ascii(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=3), values),
    max_leaves=8,
)
entries = st.tuples(
    st.text(max_size=3) | st.integers(),
    st.floats() | st.integers() | st.booleans() | st.none(),
    st.sampled_from(["", "7.1", None, 7]),
    st.none() | st.integers() | st.booleans() | st.floats(),
).map(list)


@settings(max_examples=1000, deadline=None)
@given(raw=json_values | st.lists(entries, max_size=3), compress=st.booleans())
def test_a_cookie_signed_with_other_things_in_it_gives_only_pins(raw, compress):
    """As an older or newer version of this package may have set them."""
    loaded = load(Signer(salt="pinning.pins").sign_object(raw, compress=compress))
    assert all(pin in set(Pins.decode(raw)) for pin in loaded)


@settings(max_examples=500, deadline=None)
@given(name=st.text(max_size=10), value=st.text(max_size=60))
def test_no_cookie_of_any_name_and_value_raises(name, value):
    visitor = Visitor(cookies={name: value, f"pinning.{name}": value, NAME: value})
    exchange = Exchange(Browser().request(), HttpResponse())
    assert STORE.load(visitor).pins == Pins()
    STORE.save(visitor, Pins([placed(5)]), exchange)
    STORE.tidy(visitor, exchange)
