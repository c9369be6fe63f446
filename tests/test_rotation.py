"""What is out of the rotation, and that a change is told once."""

from django.db import OperationalError

from pinning import rotation
from pinning.conf.clusters import Cluster
from pinning.signals import replica_up

CLUSTER = Cluster("default", ("replica1", "replica2"))
ERROR = OperationalError("down")


def test_a_replica_is_out_while_it_rests_or_lags():
    assert not rotation.is_out("replica1")
    rotation.set_aside("replica1", ERROR)
    rotation.mark_lagging("replica1", ERROR)
    rotation.restore("replica1")
    assert rotation.is_out("replica1")
    rotation.unmark_lagging("replica1")
    assert not rotation.is_out("replica1")


def test_it_is_back_only_when_nothing_keeps_it_out():
    told = []
    up = lambda alias, **_: told.append(alias)  # noqa: E731
    replica_up.connect(up)
    rotation.set_aside("replica1", ERROR)
    rotation.mark_lagging("replica1", ERROR)
    rotation.restore("replica1")
    assert told == []
    rotation.unmark_lagging("replica1")
    assert told == ["replica1"]
    replica_up.disconnect(up)


def test_that_all_are_out_is_told_once_until_one_is_back(caplog):
    rotation.set_aside("replica1", ERROR)
    rotation.note_exhausted(CLUSTER)
    assert "is left" not in caplog.text
    rotation.mark_lagging("replica2", ERROR)
    for _ in range(3):
        rotation.note_exhausted(CLUSTER)
    assert caplog.text.count("No replica of 'default' is left") == 1
    rotation.restore("replica1")
    rotation.set_aside("replica1", ERROR)
    rotation.note_exhausted(CLUSTER)
    assert caplog.text.count("No replica of 'default' is left") == 2


def test_a_cluster_without_replicas_has_not_lost_any(caplog):
    rotation.note_exhausted(Cluster("default", ()))
    assert caplog.records == []
