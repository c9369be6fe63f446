"""Which wait would have been long enough, by what a replica answers when each would end."""

import threading
from collections.abc import Iterator

import pytest

from pinning.pins import Pin, Position
from pinning.shadow import WAITS, races
from pinning.shadow.races import Races

PINS = (Pin(cluster="default", written_at=1.0, timeline="7.1", position=6),)


def at(place: int) -> Position:
    return Position(places={"7.1": place}, clock=1.0)


@pytest.fixture(autouse=True)
def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads ask, and an answer counts however late it is on a busy machine."""
    monkeypatch.setattr(races, "is_under_test", lambda: False)
    monkeypatch.setattr(races, "_LATE", 1000)


def outcome(
    answers: list[Position | None],
    monkeypatch: pytest.MonkeyPatch,
    limits: tuple[float, ...] = WAITS,
    aliases: tuple[str, ...] = ("replica1",),
) -> tuple[float, ...] | None:
    told: Iterator[Position | None] = iter(answers)
    monkeypatch.setattr(Races, "_ask", lambda *_: next(told))
    return Races().begin(aliases, PINS, limits).result(30)


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([at(6)], WAITS[1:]),
        ([at(5), at(7)], WAITS[2:]),
        ([at(5), at(5), at(6)], WAITS[3:]),
        ([at(5), at(5), at(5)], ()),
        ([at(5), None], None),
    ],
)
def test_it_is_asked_when_each_wait_would_end(answers, waits, monkeypatch):
    assert outcome(answers, monkeypatch) == waits


def test_one_replica_of_several_is_enough(monkeypatch):
    answers = [None, at(6)]
    assert outcome(answers, monkeypatch, aliases=("replica1", "replica2")) == WAITS[1:]


def test_a_time_of_its_own_holds_for_all(monkeypatch):
    assert outcome([at(6)], monkeypatch, (0.01,) * 4) == WAITS
    assert outcome([at(5)], monkeypatch, (0.01,) * 4) == ()


def test_an_answer_that_came_late_says_nothing_if_the_replica_has_it_by_then(monkeypatch):
    monkeypatch.setattr(races, "_LATE", -1)
    assert outcome([at(6)], monkeypatch) is None
    assert outcome([at(5)] * 3, monkeypatch) == ()


def test_of_too_many_nobody_knows(monkeypatch):
    monkeypatch.setattr(races, "_MOST", 0)
    assert outcome([], monkeypatch) is None


def test_several_end_in_their_order(monkeypatch):
    monkeypatch.setattr(Races, "_ask", lambda *_: at(6))
    found = Races()
    late = found.begin(["replica1"], PINS, (0, 1, 1, 1))
    early = found.begin(["replica1"], PINS, (0, 0.01, 0.01, 0.01))
    order = []
    ended = threading.Event()
    early.add_done_callback(lambda _: order.append("early"))
    late.add_done_callback(lambda _: order.append("late") or ended.set())
    assert ended.wait(30)
    assert order == ["early", "late"]
