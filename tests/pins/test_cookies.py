"""The names of our cookies, and how much of the headers they take."""

import pytest
from django.http import HttpResponse
from django.test import override_settings

from pinning.pins import cookies
from pinning.pins.cookies import LONG, MOST_BYTES, SHORT, Names


def bytes_of(names: Names) -> int:
    """Of a Cookie header with all of them."""
    sizes = {
        **dict.fromkeys(names.long_slots, LONG),
        **dict.fromkeys(names.short_slots, SHORT),
        **dict.fromkeys(names.marks, 1),
    }
    return sum(len(f"{name}=; ") + size for name, size in sizes.items())


@pytest.mark.parametrize("length", range(1, 21))
@pytest.mark.parametrize("reserved", [0, 176])
def test_all_names_together_fit_into_the_header(length, reserved):
    names = Names.of("n" * length, reserved)
    assert bytes_of(names) <= MOST_BYTES - reserved
    assert len({*names.slots, *names.marks}) == 5 + len(names.marks)
    assert 8 <= len(names.marks) <= 40


def test_names_begin_as_the_setting_says():
    with override_settings(PINNING={"COOKIE": {"NAME": "pin"}}):
        assert all(name.startswith("pin.") for name in cookies.names().slots)


def test_stores_on_a_server_have_room_for_the_names_of_clients():
    alone = len(cookies.names().marks)
    with override_settings(PINNING={"STORES": ["cookie", "cache"]}):
        assert len(cookies.names().marks) < alone


def test_cookies_are_removed_while_the_headers_have_room():
    response = HttpResponse()
    cookies.remove_cookies(response, [f"pinning.{n}" for n in range(99)])
    assert 5 < len(response.cookies) < 99
    assert cookies.bytes_of(response) <= MOST_BYTES


def test_cookies_of_others_do_not_count():
    response = HttpResponse()
    response.set_cookie("pinning", "x" * 2000)
    response.set_cookie("sessionid", "x" * 2000)
    assert cookies.bytes_of(response) == 0
