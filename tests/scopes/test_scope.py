"""Scopes: what they know, what they tell each other, what they cost."""

import asyncio
import contextvars
import sys

import pytest
from asgiref.sync import async_to_sync
from freezegun import freeze_time

from pinning import Read, Reason, Write, current_scope, scope
from pinning.health.status import Replica
from pinning.pins.pin import Pin, Pins, Position
from pinning.scopes.request import RequestScope
from pinning.scopes.scope import Scope, inside
from pinning.signals import scope_closed
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_outside_any_block_there_is_no_scope():
    assert current_scope() is None


def test_scopes_nest():
    with scope() as outer:
        with scope() as inner:
            assert current_scope() is inner
        assert current_scope() is outer
    assert current_scope() is None


def test_a_closed_scope_is_no_scope():
    with scope() as block:
        block.close()
        assert current_scope() is None


def test_a_scope_closes_once():
    closed = []
    receiver = lambda scope, **_: closed.append(scope)  # noqa: E731
    scope_closed.connect(receiver)
    try:
        with scope() as block:
            pass
        block.close()
    finally:
        scope_closed.disconnect(receiver)
    assert closed == [block]


def test_a_receiver_that_fails_breaks_nothing():
    def receiver(**_):
        raise ValueError

    scope_closed.connect(receiver)
    try:
        with scope():
            pass
    finally:
        scope_closed.disconnect(receiver)


def test_a_function_is_a_scope_at_each_call():
    seen = []

    @scope()
    def work():
        seen.append(current_scope())

    @scope()
    async def awork():
        await asyncio.sleep(0)
        seen.append(current_scope())

    work()
    work()
    async_to_sync(awork)()
    assert len(set(seen)) == 3
    assert all(block.is_closed for block in seen)


def test_an_inner_scope_that_is_closed_leaves_the_outer_one():
    with scope() as outer, scope() as inner:
        inner.close()
        assert current_scope() is outer


def numbers(seen):
    with scope() as work:
        seen.append(work)
        yield 1
        yield 2


def test_a_generator_with_a_scope_may_be_closed_in_another_context():
    """As the event loop does with one that was left."""
    seen = []
    generator = numbers(seen)
    contextvars.copy_context().run(next, generator)
    generator.close()
    assert seen[0].is_closed
    assert current_scope() is None


def test_so_may_an_asynchronous_one():
    async def numbers():
        async with scope() as work:
            yield work

    async def read():
        generator = numbers()
        work = await asyncio.create_task(anext(generator))
        await generator.aclose()
        return work

    assert async_to_sync(read)().is_closed


def test_a_block_that_ends_ends_what_a_generator_has_begun_in_it():
    """A part of a body is made in a block, and the server goes on between two parts."""
    seen = []
    generator = numbers(seen)
    with inside(Scope()):
        next(generator)
        assert current_scope() is seen[0]
    assert current_scope() is None
    generator.close()
    assert current_scope() is None


def test_an_inner_scope_has_the_pins_of_the_outer_one():
    class Pinned(Scope):
        def load_pins(self):
            return Pins([Pin(cluster="default", written_at=1.0)])

    with inside(Pinned()) as outer, scope() as inner:
        assert inner.pins() == outer.pins()


def test_an_inner_scope_is_traced_with_the_outer_one():
    with scope() as outer:
        outer.trace = []
        with scope():
            list(Note.objects.all())
        (read,) = outer.trace
        assert read == Read("notes.Note", "replica1", Reason.REPLICA, read.line)


def test_by_the_clock_a_pin_carries_the_time_alone():
    with freeze_time("2026-01-01"), scope() as work:
        Note.objects.create(text="new")
        (pin,) = work.take_pins()
    assert (pin.cluster, pin.timeline, pin.position) == ("default", "", None)
    assert pin.written_at == 1767225600


def test_a_scope_costs_less_than_two_kibibytes(rf):
    """All that hangs on it alone: not the request, the enum, the connection or the replica."""
    shared = (type, Reason, Replica, Write, str, int, float, type(None), bool)

    def size(item, seen):
        if id(item) in seen or isinstance(item, shared):
            return 0
        seen.add(id(item))
        parts = [item]
        if isinstance(item, dict):
            parts = [*item.values()]
        elif isinstance(item, tuple | list):
            parts = [*item]
        elif type(item).__module__.startswith("pinning"):
            slots = [name for kind in type(item).__mro__ for name in getattr(kind, "__slots__", ())]
            parts = [
                getattr(item, name) for name in slots if name not in {"request", "connections"}
            ]
        else:
            return 0
        return sys.getsizeof(item) + sum(size(part, seen) for part in parts if part is not item)

    work = RequestScope(rf.get("/"))
    with inside(work):
        list(Note.objects.all())
        Note.objects.create(text="new")
        list(Note.objects.all())
    assert 200 < size(work, set()) < 2048


def told(place: int) -> Position:
    return Position(places={"7.1": place}, clock=1000.0 + place)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The clusters that were asked for their position."""
    names: list[str] = []
    pin = Pin(cluster="default", written_at=2000.0, timeline="7.1", position=99)
    monkeypatch.setattr(
        sys.modules["pinning.scopes.scope"],
        "pin_now",
        lambda name, session: names.append(name) or Pins([pin]),
    )
    return names


def test_a_position_that_came_with_the_commit_is_not_asked_for(asked):
    work = Scope()
    work.wrote("default", told(10))
    (pin,) = work.take_pins()
    assert (pin.position, pin.written_at, asked) == (10, 1010.0, [])


def test_of_several_the_largest_counts_in_whatever_order_they_came(asked):
    """Two threads commit, and the first to learn its position may be the last to tell it."""
    work = Scope()
    for place in (10, 30, 20):
        work.wrote("default", told(place))
    (pin,) = work.take_pins()
    assert (pin.position, asked) == (30, [])


@pytest.mark.parametrize("positions", [[told(10), None], [None, told(10)], [None]])
def test_one_without_a_position_has_it_asked_for_all(asked, positions):
    work = Scope()
    for position in positions:
        work.wrote("default", position)
    assert [pin.position for pin in work.take_pins()] == [99]
    assert [pin.position for pin in work.pins_of_writes("default")] == [99]
    assert asked == ["default"]


def test_a_scope_that_writes_for_hours_keeps_few_positions(asked):
    work = Scope()
    for place in range(10_000):
        work.wrote("default", told(place))
    assert len(work.work("default").written._pins) <= 50
    assert [pin.position for pin in work.take_pins()] == [99]
    assert asked == ["default"]


def test_the_scope_around_is_told_as_well(asked):
    outer = Scope()
    with inside(outer):
        inner = Scope()
    inner.wrote("default", told(10))
    inner.close()
    assert [pin.position for pin in outer.take_pins()] == [10]
    assert asked == []


def test_a_position_of_one_cluster_says_nothing_of_another(asked):
    work = Scope()
    work.wrote("default", told(10))
    work.wrote("orders")
    work.take_pins()
    assert asked == ["orders"]
