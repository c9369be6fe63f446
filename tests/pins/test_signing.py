"""What clients hold: encrypted, for one purpose, and of an age."""

import base64
import time
from dataclasses import replace

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import override_settings
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from pinning.checks.settings import check_settings
from pinning.middleware import PinningMiddleware
from pinning.pins import Pin, Pins, signing

PIN = Pin(cluster="default", written_at=1000.0, timeline="7412345678901234567.1", position=2**40)
PINS = Pins([PIN])


@pytest.fixture
def without_cipher(monkeypatch):
    """An OpenSSL that lacks AES-SIV, as one in FIPS mode does: the error is cryptography's own."""

    def missing(_):
        raise UnsupportedAlgorithm("AES-SIV is not supported by this version of OpenSSL")

    monkeypatch.setattr(signing, "AESSIV", missing)
    with override_settings(SECRET_KEY="without a cipher"):  # which made none before
        yield


@pytest.mark.usefixtures("without_cipher")
def test_a_site_that_cannot_encrypt_does_not_start():
    with pytest.raises(ImproperlyConfigured, match="AES-SIV.*E038"):
        PinningMiddleware(lambda request: HttpResponse())


@pytest.mark.usefixtures("without_cipher")
def test_that_a_site_cannot_encrypt_is_told_by_a_check():
    assert [message.id for message in check_settings()] == ["pinning.E038"]


def text_of(pins=PINS, purpose=signing.COOKIE):
    return signing.sign(pins, purpose)


def read(text, purpose=signing.COOKIE):
    return signing.unsign(text, purpose)


def test_what_is_signed_is_read():
    assert read(text_of()) == PINS


def test_nothing_of_it_can_be_seen():
    raw = base64.urlsafe_b64decode(text_of())
    for shown in (b"default", b"7412345678901234567", PIN.position.to_bytes(6), b"1000"):
        assert shown not in raw


def test_equal_pins_give_different_texts():
    assert len({text_of() for _ in range(10)}) == 10


def test_the_length_tells_no_position_from_a_time():
    by_clock = Pin(cluster="default", written_at=time.time())
    placed = replace(by_clock, timeline=PIN.timeline, position=PIN.position)
    assert len(text_of(Pins([by_clock]))) == len(text_of(Pins([placed]))) == 64


def test_a_text_for_another_purpose_is_no_pin():
    assert read(text_of(), signing.CARRIED) == Pins()


def test_a_text_of_another_key_is_no_pin():
    with override_settings(SECRET_KEY="another"):
        text = text_of()
    assert read(text) == Pins()


def test_a_text_of_an_older_key_still_counts():
    text = text_of()
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old", "tests"]):
        assert read(text) == PINS


@pytest.mark.parametrize("key", [b"bytes", "é", "\udc80".encode(errors="surrogatepass")])
def test_any_key_will_do(key):
    with override_settings(SECRET_KEY=key):
        assert read(text_of()) == PINS


@pytest.mark.parametrize(
    ("hours", "counts"), [(0.03, True), (24, True), (25, False), (24 * 365 * 5, False)]
)
def test_a_text_counts_for_a_time(hours, counts):
    with freeze_time("2026-01-01") as clock:
        text = text_of()
        clock.tick(hours * 3600)
        assert bool(read(text)) is counts


def test_a_text_of_the_far_future_is_no_pin():
    with freeze_time("2036-01-01"):
        text = text_of()
    with freeze_time("2026-01-01"):
        assert read(text) == Pins()


@given(text=st.text(max_size=200) | st.binary(max_size=200) | st.none() | st.integers())
def test_nothing_raises(text):
    assert read(text) == Pins()


@given(raw=st.binary(max_size=150))
def test_no_bytes_raise(raw):
    assert read(base64.urlsafe_b64encode(raw).decode()) == Pins()
