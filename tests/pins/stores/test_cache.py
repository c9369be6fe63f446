"""The cache store, in a cache of this process."""

import pytest
from django.core.cache import caches
from django.test import override_settings
from freezegun import freeze_time

from pinning.pins.pin import Pins
from pinning.pins.stores import Loaded
from pinning.pins.stores.cache import CacheRefusedError, CacheStore
from tests.pins.stores.contract import Browser, ServerSideContract, placed, timed


@pytest.fixture(autouse=True)
def empty_cache():
    """Empty, and known to be so for long."""
    caches["default"].clear()
    caches["default"].set("pinning:memory:lasting", 1, timeout=None)


class TestCacheStore(ServerSideContract):
    @pytest.fixture
    def store(self):
        return CacheStore()

    def break_data(self, store, browser):
        for identity in browser.identities:
            caches["default"].set(f"pinning:{identity}", {"not": "pins"})

    @pytest.mark.parametrize(
        "raw", [None, 5, "x", b"x", {}, [1], [["default"]], [["default", "1", "", None]], object]
    )
    def test_whatever_another_program_put_there_is_ignored(self, store, alice, raw):
        caches["default"].set("pinning:alice", raw)
        assert alice.load(store) == Pins()

    @pytest.mark.parametrize(("pin", "seconds"), [(timed, 5), (lambda: placed(5), 60)])
    def test_pins_are_kept_no_longer_than_they_last(self, store, alice, pin, seconds):
        with freeze_time() as clock:
            alice.save(store, Pins([pin()]))
            clock.tick(seconds - 0.1)
            assert alice.load(store)
            clock.tick(1)
            assert not alice.load(store)

    def test_a_later_save_keeps_them_longer(self, store, alice):
        with freeze_time() as clock:
            alice.save(store, Pins([placed(5)]))
            clock.tick(59)
            alice.save(store, Pins([placed(6)]))
            clock.tick(59)
            assert alice.load(store) == Pins([placed(6)])


@override_settings(
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
        "pins": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "pins"},
    },
    PINNING={"CACHE": "pins"},
)
def test_the_cache_is_the_one_of_the_setting():
    Browser("alice").save(CacheStore(), Pins([placed(5)]))
    assert caches["pins"].get("pinning:alice")


@override_settings(CACHES={"default": {"BACKEND": "tests.pins.stores.test_cache.FullCache"}})
def test_a_cache_that_does_not_take_a_pin_is_an_error():
    """The stores then know that the pin is kept nowhere."""
    with pytest.raises(CacheRefusedError, match="1 of 1"):
        Browser("alice").save(CacheStore(), Pins([placed(5)]))


class FullCache(type(caches["default"])):
    """As memcached answers when it cannot store a key."""

    def set_many(self, data, *args, **kwargs):
        return list(data)


def test_a_cache_that_lost_its_memory_cannot_tell_until_every_lost_pin_is_over():
    alice = Browser("alice")
    with freeze_time() as clock:
        alice.save(CacheStore(), Pins([placed(5)]))
        caches["default"].clear()
        for _ in range(60):
            assert CacheStore().load(alice.visitor()) == Loaded(Pins(), is_complete=False)
            clock.tick(1)
        assert CacheStore().load(alice.visitor()) == Loaded(Pins())


def test_what_a_cache_was_told_since_it_lost_its_memory_counts():
    alice = Browser("alice")
    caches["default"].clear()
    assert not CacheStore().load(alice.visitor()).is_complete
    alice.save(CacheStore(), Pins([placed(5)]))
    loaded = CacheStore().load(alice.visitor())
    assert loaded == Loaded(Pins([placed(5)]), is_complete=False)
