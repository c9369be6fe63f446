"""The cache store, in a cache of this process."""

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings
from freezegun import freeze_time

from pinning.pins.pin import Pins
from pinning.pins.stores import Loaded
from pinning.pins.stores.cache import CacheContendedError, CacheRefusedError, CacheStore
from tests.pins.stores.contract import (
    Browser,
    ServerSideContract,
    UnreadableContract,
    placed,
    timed,
    unknown,
)


@pytest.fixture(autouse=True)
def empty_cache():
    """Empty, and known to be so for long."""
    caches["default"].clear()
    caches["default"].set("pinning:memory:lasting", 1, timeout=None)


class TestCacheStore(ServerSideContract, UnreadableContract):
    @pytest.fixture
    def store(self):
        return CacheStore()

    def put_unreadable(self, key):
        caches["default"].set(key, "for its expiry")
        caches["default"]._cache[caches["default"].make_key(key)] = b"\x80\x05no pickle"

    def break_data(self, store, browser):
        for identity in browser.identities:
            caches["default"].set(f"pinning:{identity}", {"not": "pins"})

    @pytest.mark.parametrize(
        "raw", [5, "x", b"x", {}, [1], [["default"]], [["default", "1", "", None]], object]
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


@pytest.mark.parametrize(
    "error", [AttributeError("a class that is gone"), EOFError(), OSError(), RuntimeError()]
)
@override_settings(CACHES={"default": {"BACKEND": "tests.pins.stores.test_cache.PoisonedCache"}})
def test_whatever_reading_a_value_raises_is_that_values_alone(monkeypatch, error):
    monkeypatch.setattr(PoisonedCache, "poison", {"pinning:alice": error}, raising=False)
    Browser("bob").save(CacheStore(), Pins([placed(5)]))
    with freeze_time():
        loaded = CacheStore().load(Browser("alice", "bob").visitor())
        assert loaded == Loaded(Pins([placed(5), *unknown()]))


@override_settings(CACHES={"default": {"BACKEND": "tests.pins.stores.test_cache.LostCache"}})
def test_a_server_that_answers_nothing_is_asked_no_key_by_itself(monkeypatch):
    asked = []
    monkeypatch.setattr(LostCache, "asked", asked, raising=False)
    with pytest.raises(ConnectionError):
        CacheStore().load(Browser("alice", "bob").visitor())
    assert len(asked) == 2


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


@override_settings(CACHES={"default": {"BACKEND": "tests.pins.stores.test_cache.SilentCache"}})
@pytest.mark.parametrize("earlier", [False, True])
def test_a_cache_that_ignores_its_errors_is_seen_not_to_have_a_pin(monkeypatch, earlier):
    """As django-redis with IGNORE_EXCEPTIONS, while its server is silent for a moment."""
    if earlier:
        Browser("alice").save(CacheStore(), Pins([placed(4)]))
    monkeypatch.setattr(SilentCache, "is_lost", True)
    with pytest.raises(CacheRefusedError, match="does not have"):
        Browser("alice").save(CacheStore(), Pins([placed(5)]))


@override_settings(CACHES={"default": {"BACKEND": "tests.pins.stores.test_cache.RacedCache"}})
def test_a_pin_that_another_save_overwrote_is_saved_again():
    Browser("alice").save(CacheStore(), Pins([placed(5)]))
    assert Browser("alice").load(CacheStore()) == Pins([timed(), placed(5)])


class SilentCache(LocMemCache):
    """Takes nothing while it is lost, and does not tell."""

    is_lost = False

    def set_many(self, data, *args, **kwargs):
        return [] if self.is_lost else super().set_many(data, *args, **kwargs)


class RacedCache(LocMemCache):
    """Another process overwrites the first value that is set: it had read before."""

    is_first = True

    def set_many(self, data, *args, **kwargs):
        if self.is_first:
            data, self.is_first = dict.fromkeys(data, Pins([timed()]).encode()), False
        return super().set_many(data, *args, **kwargs)


class ContendedCache(LocMemCache):
    """Other processes overwrite each value that is set."""

    def set_many(self, data, *args, **kwargs):
        return super().set_many(dict.fromkeys(data, Pins([timed()]).encode()), *args, **kwargs)


class PoisonedCache(LocMemCache):
    """Raises what a test has put under a key."""

    def get(self, key, *args, **kwargs):
        if key in self.poison:
            raise self.poison[key]
        return super().get(key, *args, **kwargs)


class LostCache(LocMemCache):
    """As of a server that is gone."""

    def get(self, key, *args, **kwargs):
        self.asked.append(key)
        raise ConnectionError


class FullCache(type(caches["default"])):
    """As memcached answers when it cannot store a key."""

    def set_many(self, data, *args, **kwargs):
        return list(data)


def test_other_saves_that_are_always_quicker_do_not_cost_the_cache_its_memory():
    contended = {"default": {"BACKEND": f"{__name__}.ContendedCache"}}
    with override_settings(CACHES=contended):
        caches["default"].set("pinning:memory:lasting", 1, timeout=None)
        with pytest.raises(CacheContendedError):
            Browser("alice").save(CacheStore(), Pins([placed(5)]))
        assert CacheStore().load(Browser("bob").visitor()) == Loaded(Pins())


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


def test_looking_at_a_cache_does_not_mark_it():
    caches["default"].clear()
    for _ in range(2):
        assert not CacheStore().condition().is_complete
    assert caches["default"].get("pinning:memory:lasting") is None
    CacheStore().load(Browser("alice").visitor())
    assert not CacheStore().condition().is_complete
    caches["default"].delete("pinning:memory:young")
    assert CacheStore().condition().is_complete
