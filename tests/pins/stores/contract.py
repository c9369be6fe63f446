"""What every store promises. A member inherits ``StoreContract`` and says how it is reached."""

import itertools
import time

import pytest
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from freezegun import freeze_time

from pinning import conf
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins, held
from pinning.pins.stores import Exchange, Loaded, Store


class Browser:
    """A client with a cookie jar. It is also known to server-side stores by ``identities``."""

    def __init__(self, *identities: str) -> None:
        self.identities = identities
        self.jar: dict[str, str] = {}

    def request(self) -> HttpRequest:
        request = RequestFactory().get("/")
        request.COOKIES.update(self.jar)
        return request

    def visitor(self) -> Visitor:
        return Visitor(cookies=dict(self.jar), identities=self.identities)

    def receive(self, response: HttpResponse) -> None:
        for name, morsel in response.cookies.items():
            if morsel["max-age"] == 0:
                self.jar.pop(name, None)
            else:
                self.jar[name] = morsel.value

    def load(self, store: Store) -> Pins:
        return store.load(self.visitor()).pins

    def save(self, store: Store, pins: Pins) -> HttpResponse:
        """One request from its sending to the arrival of its response."""
        exchange = Exchange(self.request(), HttpResponse())
        store.save(self.visitor(), pins, exchange)
        self.receive(exchange.response)
        return exchange.response


def placed(position: int, cluster: str = "default", timeline: str = "7.1") -> Pin:
    """A pin with a position; the later the farther."""
    written_at = 1000.0 + min(position, 50)
    return Pin(cluster=cluster, written_at=written_at, timeline=timeline, position=position)


def timed(cluster: str = "default") -> Pin:
    """A pin without a position, of now."""
    return Pin(cluster=cluster, written_at=float(int(time.time())))


class StoreContract:
    """The facts. A member brings ``store``, and ``break_data`` to spoil what it keeps."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    def break_data(self, store: Store, browser: Browser) -> None:
        """Put rubbish where the store keeps the pins of ``browser``."""
        raise NotImplementedError

    @pytest.fixture
    def alice(self) -> Browser:
        return Browser("alice")

    @pytest.fixture
    def bob(self) -> Browser:
        return Browser("bob")

    def test_nothing_is_stored_at_first(self, store, alice):
        assert alice.load(store) == Pins()

    @pytest.mark.parametrize(
        "pins",
        [
            [placed(5)],
            [placed(5), placed(7, "other")],
            [placed(5), placed(7, timeline="7.2")],
            [placed(2**62)],
        ],
    )
    def test_what_is_saved_is_loaded_by_the_same_visitor(self, store, alice, pins):
        alice.save(store, Pins(pins))
        assert alice.load(store) == Pins(pins)

    def test_a_pin_without_a_position_is_loaded_too(self, store, alice):
        pin = timed()
        alice.save(store, Pins([pin]))
        assert alice.load(store) == Pins([pin])

    def test_it_stays_there_when_it_was_loaded(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        alice.load(store)
        assert alice.load(store) == Pins([placed(5)])

    def test_another_visitor_sees_nothing_of_it(self, store, alice, bob):
        alice.save(store, Pins([placed(5)]))
        assert bob.load(store) == Pins()

    def test_somebody_without_any_name_has_no_pins(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        assert Browser().load(store) == Pins()

    def test_saving_for_somebody_without_any_name_is_no_error(self, store):
        Browser().save(store, Pins([placed(5)]))

    def test_saving_without_a_response_is_no_error(self, store, alice):
        store.save(alice.visitor(), Pins([placed(5)]), None)

    def test_saving_no_pins_keeps_those_that_are_there(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        alice.save(store, Pins())
        assert alice.load(store) == Pins([placed(5)])

    def test_a_later_save_raises(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        alice.save(store, Pins([placed(6)]))
        assert alice.load(store) == Pins([placed(6)])

    def test_a_save_never_lowers(self, store, alice):
        alice.save(store, Pins([placed(6)]))
        alice.save(store, Pins([placed(5)]))
        assert alice.load(store) == Pins([placed(6)])

    def test_a_save_takes_no_pin_of_another_cluster_away(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        alice.save(store, Pins([placed(6, "other")]))
        assert alice.load(store) == Pins([placed(5), placed(6, "other")])

    @pytest.mark.parametrize(
        "order",
        list(itertools.permutations([placed(5), placed(9), placed(7, "other"), placed(6)])),
    )
    def test_saves_in_any_order_give_the_same(self, store, alice, order):
        for pin in order:
            alice.save(store, Pins([pin]))
        assert alice.load(store) == Pins(order)

    def test_broken_data_is_ignored(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        self.break_data(store, alice)
        assert alice.load(store) == Pins()

    def test_its_condition_tells_that_it_is_believed(self, store):
        assert store.condition().is_complete

    def test_broken_data_is_in_the_way_of_no_save(self, store, alice):
        alice.save(store, Pins([placed(5)]))
        self.break_data(store, alice)
        alice.save(store, Pins([placed(6)]))
        assert alice.load(store) == Pins([placed(6)])


class ServerSideContract(StoreContract):
    """... of those that file pins under the visitor's identities."""

    def test_pins_are_found_under_each_of_several_names(self, store):
        Browser("session", "own").save(store, Pins([placed(5)]))
        assert Browser("session").load(store) == Browser("own").load(store) == Pins([placed(5)])

    def test_pins_under_several_names_are_merged(self, store, alice, bob):
        alice.save(store, Pins([placed(5)]))
        bob.save(store, Pins([placed(6)]))
        assert Browser("alice", "bob").load(store) == Pins([placed(6)])

    def test_what_was_saved_without_a_response_is_loaded(self, store, alice):
        store.save(alice.visitor(), Pins([placed(5)]), None)
        assert alice.load(store) == Pins([placed(5)])

    def test_the_response_stays_as_it_is(self, store, alice):
        assert not alice.save(store, Pins([placed(5)])).cookies


class UnreadableContract:
    """... of those that keep what Python must read: one value that it cannot read is one answer."""

    def put_unreadable(self, key: str) -> None:
        """Store what cannot be read."""
        raise NotImplementedError

    def test_who_has_a_value_that_cannot_be_read_stays_on_the_primary(self, store, alice, bob):
        """It may be a pin, of a process with another serializer say."""
        bob.save(store, Pins([placed(5)]))
        self.put_unreadable("pinning:alice")
        with freeze_time(tick=False):
            both = Browser("alice", "bob").visitor()
            assert store.load(alice.visitor()) == Loaded(Pins(unknown()))
            assert store.load(both) == Loaded(Pins([placed(5), *unknown()]))
            assert store.load(bob.visitor()) == Loaded(Pins([placed(5)]))

    def test_it_gives_way_to_a_pin_and_is_forgotten_in_time(self, store, alice):
        self.put_unreadable("pinning:alice")
        with freeze_time(tick=False):
            alice.save(store, Pins([placed(5)]))
            assert alice.load(store) == Pins([placed(5), *unknown()])

    @pytest.mark.parametrize("mark", ["lasting", "young"])
    def test_a_mark_that_cannot_be_read_is_set_anew(self, store, alice, mark):
        self.put_unreadable(f"pinning:memory:{mark}")
        assert store.load(alice.visitor()) == Loaded(Pins(), is_complete=False)
        caches["default"].delete("pinning:memory:young")
        assert store.load(alice.visitor()) == Loaded(Pins())


def unknown() -> list[Pin]:
    """The pins of somebody who may have others that hold as of now."""
    return [held(name, time.time()) for name in conf.settings().replicas]
