"""What is out of the rotation, and that a change is told once."""

import time

from django.db import OperationalError

from pinning.conf.clusters import Cluster
from pinning.health import status
from pinning.signals import replica_down, replica_up

CLUSTER = Cluster("default", ("replica1", "replica2"))
ERROR = OperationalError("down")


def test_a_replica_is_out_while_it_rests_or_lags():
    assert not status.replica("replica1").is_out
    status.replica("replica1").set_aside(ERROR)
    status.replica("replica1").mark_lagging(ERROR)
    status.replica("replica1").restore()
    assert status.replica("replica1").is_out
    status.replica("replica1").unmark_lagging()
    assert not status.replica("replica1").is_out


def test_it_is_back_only_when_nothing_keeps_it_out():
    told = []
    up = lambda alias, **_: told.append(alias)  # noqa: E731
    replica_up.connect(up)
    status.replica("replica1").set_aside(ERROR)
    status.replica("replica1").mark_lagging(ERROR)
    status.replica("replica1").restore()
    assert told == []
    status.replica("replica1").unmark_lagging()
    assert told == ["replica1"]
    replica_up.disconnect(up)


def test_that_all_are_out_is_told_once_until_one_is_back(caplog):
    status.replica("replica1").set_aside(ERROR)
    status.note_exhausted(CLUSTER)
    assert "is left" not in caplog.text
    status.replica("replica2").mark_lagging(ERROR)
    for _ in range(3):
        status.note_exhausted(CLUSTER)
    assert caplog.text.count("No replica of 'default' is left") == 1
    status.replica("replica1").restore()
    status.replica("replica1").set_aside(ERROR)
    status.note_exhausted(CLUSTER)
    assert caplog.text.count("No replica of 'default' is left") == 2


def test_a_cluster_without_replicas_has_not_lost_any(caplog):
    status.note_exhausted(Cluster("default", ()))
    assert caplog.records == []


def test_what_lags_is_told_once_and_comes_back_once(caplog):
    told = []
    down = lambda alias, **_: told.append(("down", alias))  # noqa: E731
    up = lambda alias, **_: told.append(("up", alias))  # noqa: E731
    replica_down.connect(down)
    replica_up.connect(up)
    for change in ("mark", "mark", "unmark", "unmark", "mark"):
        if change == "mark":
            status.replica("replica1").mark_lagging(ERROR)
        else:
            status.replica("replica1").unmark_lagging()
    replica_down.disconnect(down)
    replica_up.disconnect(up)
    assert told == [("down", "replica1"), ("up", "replica1"), ("down", "replica1")]


def test_of_two_failures_in_a_row_the_second_says_nothing():
    replica = status.replica("replica1")
    assert replica.mark_down()
    assert not replica.mark_down()
    replica.restore()
    assert not replica.is_out
    assert replica.mark_down()


def test_a_lag_is_told_only_while_it_is_measured(monkeypatch):
    known = status.replica("replica1")
    assert known.lag is None
    known.lag = 0.5
    assert known.lag == 0.5
    later = time.monotonic() + 11
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert known.lag is None
