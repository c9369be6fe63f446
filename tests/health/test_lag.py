"""How far a replica lags, by what its primary had before."""

import pytest

from pinning.health.lag import History
from pinning.pins.pin import Position


def at(place: int, timeline: str = "7.1") -> Position:
    return Position(places={timeline: place}, clock=0.0)


def lag(history: History, now: float, replica: Position) -> float:
    """With a primary that is where it was."""
    if history._seen:
        history.add(now, history._seen[-1][1])
    return history.lag(now, replica)


@pytest.fixture
def history() -> History:
    """The primary wrote 10 bytes a second for 10 seconds."""
    history = History(30)
    for second in range(11):
        history.add(second, at(second * 10))
    return history


@pytest.mark.parametrize(
    ("place", "seconds"), [(100, 0), (99, 0), (90, 0), (89, 1), (55, 4), (0, 9), (-1, 10)]
)
def test_a_replica_lags_since_the_primary_had_what_it_lacks(history, place, seconds):
    expected = 0.0 if place == 99 else seconds
    assert lag(history, 10, at(place)) == expected


def test_without_history_nothing_lags():
    assert lag(History(30), 10, at(0)) == 0


def test_an_idle_primary_makes_no_replica_late(history):
    for second in range(11, 1000):
        history.add(second, at(100))
    assert lag(history, 1000, at(100)) == 0
    history.add(1000, at(101))
    assert lag(history, 1001, at(100)) == 1


def test_it_remembers_one_place_from_before_its_memory(history):
    for second in range(11, 100):
        history.add(second, at(100))
    assert len(history._seen) == 31
    assert lag(history, 101, at(99)) >= 30


@pytest.mark.parametrize("new", [at(90), at(101, "7.2")])
def test_after_a_failover_it_begins_anew(history, new):
    history.add(11, new)
    assert lag(history, 12, at(0)) == 1


def test_the_timeline_does_not_matter_for_lag(history):
    """An ordinary role is not told which one a standby of PostgreSQL is on."""
    history.add(11, at(110, "7.2"))
    assert lag(history, 20, at(110, "7.1")) == 0
    assert lag(history, 20, at(110, "7.?")) == 0
    assert lag(history, 20, at(109, "7.?")) == 9


def test_every_log_that_the_replica_knows_counts():
    """A domain that a replica of MariaDB never had may be one that nobody uses any more."""
    history = History(30)
    history.add(0, Position(places={"0.1": 5, "1.1": 5}, clock=0.0))
    assert lag(history, 3, Position(places={"0.1": 9, "1.1": 4}, clock=0.0)) == 3
    assert lag(history, 3, Position(places={"0.1": 9, "1.2": 5}, clock=0.0)) == 0
    assert lag(history, 3, Position(places={"0.1": 9}, clock=0.0)) == 0
    assert lag(history, 3, Position(places={"0.1": 5, "1.1": 5, "2.1": 1}, clock=0.0)) == 0


def test_what_a_primary_had_as_it_died_makes_no_replica_late(history):
    """It may never have left it, and nobody else is there to serve reads."""
    assert history.lag(1000, at(99)) == 0
    assert history.lag(1000, at(0)) == 9


def test_at_most_it_lags_since_the_primary_had_what_it_has(history):
    assert history.most(10, at(100)) == 0
    assert history.most(10, at(95)) == 1
    assert history.most(9.5, at(100)) == 0  # asked before the primary was
    assert history.most(10, at(0)) == 10
    assert history.most(1000, at(0)) == 10  # the primary was not seen since


def test_it_may_lag_for_ever_if_all_that_is_known_is_missing():
    history = History(30)
    assert history.most(10, at(99)) == float("inf")
    history.add(10, at(100))
    assert history.most(10, at(99)) == float("inf")


def test_unless_it_tells_when_its_last_transaction_was_committed():
    history = History(30)
    history.add(10, Position(places={"7.1": 100}, clock=1000.0))
    behind = Position(places={"7.1": 99}, clock=5000.0, replayed_at=993.0)
    assert history.most(12, behind) == 7  # by the primary's clock alone
    ahead = Position(places={"7.1": 99}, clock=5000.0, replayed_at=1003.0)
    assert history.most(12, ahead) == 0
