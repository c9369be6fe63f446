"""What a server finds when a browser's names change while its requests cross.

A first answer gives the browser a session and a name of ours, and another first answer may replace
both. A session may also change with each answer, as one that is a signed cookie does. After each
arrival the pins of all that the browser was told of must be found.
"""

import random
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from pinning.pins import Pins, identity
from pinning.pins.stores import Exchange, Loaded, Store, stores
from pinning.scopes import RequestScope
from tests.pins.stores.contract import Browser
from tests.pins.stores.test_crossing import FIRST, WRITTEN, pin_at


class Server(Store):
    """Pins by their names."""

    kept: ClassVar[dict[str, Pins]] = {}

    def load(self, visitor):
        found = Pins(pin for name in visitor.identities for pin in self.kept.get(name, ()))
        return Loaded(found)

    def save(self, visitor, pins, exchange):
        for name in visitor.identities:
            self.kept[name] = pins.merge(self.kept.get(name, Pins()))


@pytest.fixture(autouse=True)
def server():
    Server.kept = {}
    with override_settings(
        PINNING={"REPLICAS": {"default": ["replica1"]}, "STORES": [f"{__name__}.Server"]}
    ):
        yield


@dataclass
class Answer:
    """What a request leads to."""

    request: HttpRequest
    response: HttpResponse = field(default_factory=HttpResponse)
    position: int = 0


@dataclass
class World:
    """One browser and a site whose answers make or change sessions, and write."""

    browser: Browser = field(default_factory=Browser)
    log_end: int = FIRST
    sessions: int = 0
    told: int = 0

    def send(self) -> Answer:
        return Answer(self.browser.request())

    def renew_session(self, answer: Answer) -> None:
        self.sessions += 1
        answer.response.set_cookie("sessionid", f"session {self.sessions}")

    def write(self, answer: Answer) -> None:
        self.log_end += 1
        answer.position = self.log_end
        identity.introduce(answer.request, answer.response)
        visitor = RequestScope(answer.request).visitor_after(answer.response)
        exchange = Exchange(answer.request, answer.response, WRITTEN)
        assert stores().save(visitor, Pins([pin_at(answer.position)]), exchange)

    def arrive(self, answer: Answer) -> None:
        self.browser.receive(answer.response)
        self.told = max(self.told, answer.position)
        assert any(pin.position >= self.told for pin in self.load())

    def load(self) -> Pins:
        names = identity.names_of(self.browser.request())
        visitor = replace(self.browser.visitor(), identities=names)
        return stores().load(visitor)


@pytest.mark.parametrize("number", range(8))
def test_a_first_answer_that_comes_last_takes_no_pin_away(number):
    """It gives the browser back its first session and name."""
    world = World(sessions=number)
    first, second = world.send(), world.send()
    for answer in (first, second):
        world.renew_session(answer)
        world.write(answer)
    world.arrive(second)
    third = world.send()
    world.write(third)
    world.arrive(third)
    world.arrive(first)


@pytest.mark.parametrize("number", range(8))
def test_a_session_that_changes_without_a_write_takes_no_pin_away(number):
    world = World(sessions=number)
    world.browser.jar["sessionid"] = "at first"
    first, other = world.send(), world.send()
    world.write(first)
    world.renew_session(other)
    world.browser.receive(other.response)
    third = world.send()
    world.write(third)
    world.arrive(third)
    last = world.send()
    world.renew_session(last)
    world.arrive(first)
    world.arrive(last)


@settings(max_examples=60)
@given(source=st.randoms(use_true_random=True), most=st.integers(1, 8), starts=st.booleans())
def test_names_that_change_on_the_way_lose_no_pin(source: random.Random, most, starts):
    Server.kept = {}
    world, under_way = World(), []
    if starts:
        world.browser.jar["sessionid"] = "at first"
    for _ in range(100):
        if len(under_way) < most and source.random() < 0.5:
            under_way.append((world.send(), []))
        elif under_way:
            answer, done = under_way[place := source.randrange(len(under_way))]
            if done:
                del under_way[place]
                if world.told or answer.position:
                    world.arrive(answer)
                else:
                    world.browser.receive(answer.response)
                continue
            done.append(1)
            if source.random() < 0.4 or "sessionid" not in answer.request.COOKIES:
                world.renew_session(answer)
            if source.random() < 0.6:
                world.write(answer)
