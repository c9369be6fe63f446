"""Two services on one host, each with a key of its own: neither takes what is the other's."""

import pytest
from django.test import override_settings
from freezegun import freeze_time

from pinning.pins import Pins
from pinning.pins.cookies import names
from pinning.pins.stores.cookie import CookieStore
from tests.pins.stores.contract import Browser, placed

STORE = CookieStore()

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def clock():
    with freeze_time("1970-01-01 00:17:30"):
        yield


def service(key, name="pinning"):
    return override_settings(SECRET_KEY=key, PINNING={"COOKIE": {"NAME": name}})


def write(browser, position, *where):
    """What the browser holds of its pins in slots after a write."""
    with service(*where):
        browser.save(STORE, Pins([placed(position)]))


def known(browser, *where):
    with service(*where):
        return {pin.position for pin in browser.load(STORE) if pin.cluster == "default"}


def test_cookies_of_another_service_pin_nobody_here():
    browser = Browser()
    write(browser, 5, "theirs")
    with service("ours"):
        assert browser.load(STORE) == Pins()


def test_services_of_one_name_write_in_turns_and_neither_loses_a_pin():
    """Neither removes the other's cookie, nor takes its name."""
    browser = Browser()
    for number in range(20):
        key = ("ours", "theirs")[number % 2]
        write(browser, number, key)
        assert number in known(browser, key)
        assert number == 0 or number - 1 in known(browser, ("theirs", "ours")[number % 2])
        assert sum(name in names().slots for name in browser.jar) <= 2


def test_services_of_two_names_leave_each_others_cookies_alone():
    """Their marks too: no service holds the other's clients."""
    browser = Browser()
    write(browser, 5, "ours", "a")
    ours = dict(browser.jar)
    for number in range(10):
        write(browser, number, "theirs", "b")
        assert ours.items() <= browser.jar.items()
    with service("ours", "a"):
        assert browser.load(STORE) == Pins([placed(5)])
