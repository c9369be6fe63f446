"""The names of our cookies, and how much of the headers they take."""

import pytest
from django.http import HttpResponse
from django.test import override_settings

from pinning.pins import cookies
from pinning.pins.cookies import IDENTITY, LONG, MOST_BYTES, SHORT, Names


def bytes_of(names: Names) -> int:
    """Of a Cookie header with all of them but those that name clients."""
    sizes = {
        **dict.fromkeys(names.long_slots, LONG),
        **dict.fromkeys(names.short_slots, SHORT),
        **dict.fromkeys(names.marks, 1),
    }
    return sum(len(f"{name}=; ") + size for name, size in sizes.items())


@pytest.mark.parametrize("length", range(1, 21))
@pytest.mark.parametrize("has_identities", [False, True])
def test_all_names_together_fit_into_the_header(length, has_identities):
    names = Names.of("n" * length, has_identities=has_identities)
    identities = sum(len(f"{name}=; ") + IDENTITY for name in names.identities)
    assert bytes_of(names) + has_identities * identities <= MOST_BYTES
    assert len({*names.valued, *names.marks}) == 7 + len(names.marks)
    assert 12 <= len(names.marks) <= 40


def test_names_begin_as_the_setting_says():
    with override_settings(PINNING={"COOKIE": {"NAME": "pin"}}):
        assert all(name.startswith("pin.") for name in cookies.names().slots)


def test_stores_on_a_server_have_room_for_the_names_of_clients():
    alone = len(cookies.names().marks)
    with override_settings(PINNING={"STORES": ["cookie", "cache"]}):
        assert len(cookies.names().marks) < alone


def test_cookies_are_removed_while_the_headers_have_room():
    response = HttpResponse()
    cookies.remove_cookies(response, cookies.names().marks)
    assert 5 < len(response.cookies) < len(cookies.names().marks)
    assert cookies.bytes_of(response) <= MOST_BYTES


@pytest.mark.parametrize("same_site", ["Lax", "Strict", "None"])
@pytest.mark.parametrize("name", ["pinning", "__Host-pin"])
def test_a_cookie_is_removed_in_few_bytes(name, same_site):
    """Browsers ask a removal for no more, as Chromium was seen to do."""
    cookie = {"NAME": name, "SAMESITE": same_site, "SECURE": True}
    response = HttpResponse()
    with override_settings(PINNING={"COOKIE": cookie}):
        cookies.remove_cookies(response, [f"{name}.0"])
    kept = {f"{name}.0=", "Max-Age=0", "Path=/"}
    kept |= {"Secure"} if name != "pinning" or same_site == "None" else set()
    kept |= {"SameSite=None"} if same_site == "None" else set()
    assert set(response.cookies[f"{name}.0"].OutputString().split("; ")) == kept


def test_cookies_of_others_do_not_count():
    response = HttpResponse()
    response.set_cookie("pinning", "x" * 2000)
    response.set_cookie("sessionid", "x" * 2000)
    assert cookies.bytes_of(response) == 0
