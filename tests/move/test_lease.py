"""Where rows are is answered from memory, and never by an answer that is too old."""

import threading
import time

import pytest
from django.db import OperationalError, connections

from pinning.move import UnknownHomeError, lease, moved
from pinning.move.records import COPYING, MOVED, Records
from tests.move.conftest import clean

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])


@pytest.fixture
def home(quick, monkeypatch):
    monkeypatch.setattr(lease, "_PATIENCE_SECONDS", 0.3)
    home = moved("shop.Order", from_="default", to="orders")
    yield home
    home.close()
    clean()


@pytest.fixture
def records(home):
    records = Records(connections["default"], home.name)
    records.create("")
    records.put("phase", COPYING)
    return records


def test_before_there_is_a_move_the_rows_are_where_they_were(home):
    assert home() == "default"


def test_it_asks_no_more_than_its_thread_does(records, home, django_assert_num_queries):
    home()
    with django_assert_num_queries(0):
        assert {home() for _ in range(1000)} == {"default"}


def test_it_learns_of_the_switch_within_its_lease(records, home):
    assert home() == "default"
    records.put("phase", MOVED)
    time.sleep(lease.LEASE_SECONDS + 0.05)
    assert home() == "orders"


def test_what_has_moved_stays_so_whatever_the_table_says(records, home):
    records.put("phase", MOVED)
    assert home() == "orders"
    records.clear()
    time.sleep(0.1)
    assert home() == "orders"


def test_an_answer_that_is_too_old_is_no_answer(records, home, monkeypatch):
    assert home() == "default"
    is_down = threading.Event()

    def fail(*_):
        is_down.set()
        raise OperationalError("the server is gone")

    monkeypatch.setattr(lease, "phase_of", fail)
    is_down.wait(5)
    time.sleep(lease.LEASE_SECONDS)
    with pytest.raises(UnknownHomeError, match="the server is gone"):
        home()


def test_an_answer_holds_from_before_it_was_asked(records, home, monkeypatch):
    """Else a slow answer would hold for longer than the move waits."""

    def slow(*_):
        time.sleep(lease.LEASE_SECONDS)

    monkeypatch.setattr(lease, "phase_of", slow)
    with pytest.raises(UnknownHomeError):
        home()


def test_a_question_that_hangs_is_ended_and_asked_anew(records, home, monkeypatch):
    """Its server may be gone without a word, and another one have its address."""
    is_shut = threading.Event()

    def hang(*_):
        assert is_shut.wait(5)
        raise OperationalError("the server is gone")

    monkeypatch.setattr(lease, "phase_of", hang)
    monkeypatch.setattr(lease, "shut", lambda connection: is_shut.set())
    with pytest.raises(UnknownHomeError):
        home()
    assert is_shut.is_set()
    monkeypatch.undo()
    assert home() == "default"


def test_the_move_waits_for_longer_than_an_answer_holds():
    from pinning.move import move

    assert move._MARGIN_SECONDS > 0
    assert move.LEASE_SECONDS is lease.LEASE_SECONDS
