"""Pins for what was committed until now, where the primary can be asked and where it cannot."""

import pytest
from django.db import OperationalError, connections, transaction

from pinning import current_scope, scope
from pinning.databases import VENDORS, pin_now
from pinning.databases.base import Positions
from pinning.databases.clock import ClockPositions
from pinning.databases.state import state_of
from pinning.pins import Position
from pinning.pins.pin import HELD
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

PLACE = Position(places={"7.1": 10}, clock=1000.0)


class Primary(Positions):
    """A primary that tells its position, until it is gone."""

    def __init__(self) -> None:
        self.is_gone = False

    def of_primary(self, connection):
        if self.is_gone:
            raise OperationalError("the server is gone")
        return PLACE

    of_replica = of_primary


@pytest.fixture(autouse=True)
def primary(monkeypatch):
    positions = Primary()
    monkeypatch.setitem(VENDORS, "sqlite", positions)
    return positions


@pytest.fixture
def without_positions(monkeypatch):
    monkeypatch.delitem(VENDORS, "sqlite")


def timelines():
    """The timeline of each pin: none for one that holds by the clock."""
    return [pin.timeline for pin in pin_now("default")]


def test_a_primary_that_answers_tells_its_position():
    assert timelines() == ["7.1"]


def test_a_primary_that_is_gone_leaves_a_hold(primary):
    primary.is_gone = True
    assert timelines() == [HELD]


def test_a_transaction_that_is_open_leaves_a_hold():
    with transaction.atomic():
        assert timelines() == [HELD]


def test_a_connection_that_waits_for_a_commit_leaves_a_hold():
    connection = connections["default"]
    connection.ensure_connection()
    transaction.set_autocommit(False)
    try:
        assert timelines() == [HELD]
    finally:
        transaction.set_autocommit(True)


def test_a_transaction_that_sql_has_begun_leaves_a_hold():
    connection = connections["default"]
    connection.ensure_connection()
    state_of(connection).has_begun = True
    try:
        assert timelines() == [HELD]
    finally:
        state_of(connection).has_begun = False


def test_where_no_position_is_known_the_clock_decides_in_a_transaction_too(without_positions):
    assert timelines() == [""]
    with transaction.atomic():
        assert timelines() == [""]


def test_a_vendor_that_tells_no_position_goes_by_the_clock(monkeypatch):
    monkeypatch.setitem(VENDORS, "sqlite", ClockPositions())
    assert timelines() == [""]


def test_a_server_that_refuses_the_question_goes_by_the_clock_in_a_transaction_too():
    connection = connections["default"]
    connection.ensure_connection()
    state_of(connection).is_refused = True
    try:
        assert timelines() == [""]
        with transaction.atomic():
            assert timelines() == [""]
    finally:
        state_of(connection).is_refused = False


def test_after_a_hold_the_position_is_asked_for_again(primary):
    with scope():
        Note.objects.create(text="new")
        primary.is_gone = True
        assert [pin.timeline for pin in current_scope().pins_of_writes("default")] == [HELD]
        primary.is_gone = False
        assert [pin.timeline for pin in current_scope().pins_of_writes("default")] == ["7.1"]
