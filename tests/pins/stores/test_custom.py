"""A store of the project's own: the contract holds for whoever inherits from Store."""

import time

import pytest
from django.test import override_settings
from freezegun import freeze_time

from pinning.pins.pin import Pins
from pinning.pins.stores import Loaded, Store, stores
from tests.pins.stores.contract import Browser, ServerSideContract, placed


class DictStore(Store):
    """Pins in a dict of this process, with the time when they end."""

    kept: dict[str, tuple[float, list[list[object]]]] = {}

    def load(self, visitor):
        found = [self.kept.get(identity, (0.0, [])) for identity in visitor.identities]
        alive = [Pins.decode(raw) for until, raw in found if until > time.time()]
        return Loaded(Pins(pin for pins in alive for pin in pins))

    def save(self, visitor, pins, exchange):
        pins = self.load(visitor).pins.merge(pins)
        until = time.time() + pins.lasts(window=5, max_pin=60)
        self.kept.update(dict.fromkeys(visitor.identities, (until, pins.encode())))


@pytest.fixture(autouse=True)
def nothing_kept():
    DictStore.kept.clear()


class TestDictStore(ServerSideContract):
    @pytest.fixture
    def store(self):
        return DictStore()

    def break_data(self, store, browser):
        for identity in browser.identities:
            store.kept[identity] = (9e9, "broken")

    def test_pins_are_kept_no_longer_than_they_last(self, store, alice):
        with freeze_time() as clock:
            alice.save(store, Pins([placed(5)]))
            clock.tick(60)
            assert not alice.load(store)


@override_settings(PINNING={"STORES": ["tests.pins.stores.test_custom.DictStore"]})
def test_a_store_of_the_projects_own_is_named_by_its_path():
    alice = Browser("alice")
    stores().save(alice.visitor(), Pins([placed(5)]), None)
    assert stores().load(alice.visitor()) == Pins([placed(5)])
