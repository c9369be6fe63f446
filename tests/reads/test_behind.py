"""Whether work that can be done later should be."""

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction

from pinning import Reason, is_behind, scope, use_primary, use_replica
from pinning.health import replica
from pinning.pins import Pins
from pinning.scopes.scope import Scope, inside
from tests.notes.models import Note
from tests.reads.test_replica import Pinned, Scripted, route, scripted

__all__ = ["scripted"]

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

BEHIND, THERE = {"replica1": {"1": 99}}, {"replica1": {"1": 100}}


@pytest.fixture(autouse=True)
def one_replica(settings):
    settings.PINNING = {**settings.PINNING, "REPLICAS": {"default": ["replica1"]}}


@pytest.mark.parametrize(("places", "behind"), [(BEHIND, True), (THERE, False)])
def test_it_tells_where_the_reads_of_a_pinned_scope_go(scripted: Scripted, places, behind):
    scripted.places = dict(places)
    with inside(Pinned()) as work:
        assert is_behind() is behind
        assert route() == ("default" if behind else "replica1")
    assert scripted.asked == ["replica1"]  # once for both
    assert work.reads == {"default": {Reason.PINNED if behind else Reason.CAUGHT_UP: 1}}


def test_outside_a_scope_and_without_pins_nothing_is_behind(scripted: Scripted):
    scripted.places = dict(BEHIND)
    assert not is_behind()
    with scope():
        assert not is_behind()
    assert scripted.asked == []


def test_nor_where_the_primary_serves_for_another_reason(scripted: Scripted):
    """To come back later would change nothing."""
    scripted.places = dict(BEHIND)
    with inside(Pinned()):
        with use_primary():
            assert not is_behind()
        with use_replica():
            assert not is_behind()
        with transaction.atomic():
            assert not is_behind()
        Note.objects.create(text="mine")
        assert not is_behind()
    replica("replica1").mark_down()
    with inside(Pinned()):
        assert not is_behind()


def test_nor_where_no_store_answers(scripted: Scripted):
    class Lost(Scope):
        def load_pins(self) -> Pins | None:
            return None

    with inside(Lost()):
        assert not is_behind()


def test_nor_on_an_event_loop_which_must_not_wait(scripted: Scripted):
    scripted.places = dict(BEHIND)

    async def ask() -> bool:
        return is_behind()

    with inside(Pinned()):
        assert not async_to_sync(ask)()
    assert scripted.asked == []
