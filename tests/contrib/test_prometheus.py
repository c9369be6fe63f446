"""The metrics, in the real client: in one process, and in two that write into one folder."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from pinning import Reason, Write, scope, source_of, use_replica
from pinning.breaker import breaker_of
from pinning.contrib import prometheus
from pinning.health import replica
from pinning.pins import Pins, held
from pinning.signals import replica_down, replica_up, scope_closed
from pinning.writes.naming import subject_of
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

UID = "pinning.contrib.prometheus"
RECEIVERS = [
    (scope_closed, prometheus.count),
    (replica_down, prometheus.note_state),
    (replica_up, prometheus.note_state),
]
for _signal, _ in RECEIVERS:  # no other test is heard
    _signal.disconnect(dispatch_uid=UID)


@pytest.fixture(autouse=True)
def connected():
    for signal, receiver in RECEIVERS:
        signal.connect(receiver, dispatch_uid=UID)
    yield
    for signal, _ in RECEIVERS:
        signal.disconnect(dispatch_uid=UID)


class Seen:
    """What a metric has more than when the test began."""

    def __init__(self, name: str, **labels: str) -> None:
        self._asked = (name, labels)
        self._before = self._value()

    def more(self) -> float:
        return self._value() - self._before

    def _value(self) -> float:
        return REGISTRY.get_sample_value(*self._asked) or 0.0


def reads(alias: str, reason: str, cluster: str = "default") -> Seen:
    return Seen("pinning_reads_total", cluster=cluster, alias=alias, reason=reason)


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_reads_have_their_cluster_alias_and_reason():
    replicas, primary = reads("replica1", "replica"), reads("default", "written")
    asked = reads("replica1", "use_replica")
    with scope():
        Note.objects.count()
        Note.objects.count()
        with use_replica():
            Note.objects.count()
        Note.objects.create(text="new")
        Note.objects.count()
    assert (replicas.more(), primary.more(), asked.more()) == (2, 1, 1)


def test_of_several_replicas_the_one_that_served_is_counted(settings):
    settings.PINNING = {"REPLICAS": {"default": ["replica1", "replica2"]}}
    both = {alias: reads(alias, "replica") for alias in ("replica1", "replica2")}
    served = dict.fromkeys(both, 0)
    Note.objects.create(text="note")
    for _ in range(20):
        with scope():
            served[source_of(Note.objects.get())] += 1
    assert {alias: seen.more() for alias, seen in both.items()} == served
    assert all(served.values())


def test_of_several_replicas_that_were_left_none_is_named(settings):
    settings.PINNING = {"REPLICAS": {"default": ["replica1", "replica2"]}}
    unknown = reads("", "replica")
    with scope():
        Note.objects.count()
        for alias in ("replica1", "replica2"):
            replica(alias).set_aside(OperationalError("gone"))
            connections[alias].errors_occurred = True
        Note.objects.count()
    assert unknown.more() == 1


def test_a_write_counts_once_however_many_scopes_are_open():
    wrote = Seen("pinning_writes_total", cluster="default", model="notes.Note", statement="INSERT")
    with scope(), scope():
        Note.objects.create(text="new")
    assert wrote.more() == 1


def test_tables_of_no_model_share_a_label():
    """SQL may name any number of tables: one for each day, say."""
    raw = Seen("pinning_writes_total", cluster="default", model="raw SQL", statement="DELETE")
    known = Seen("pinning_writes_total", cluster="default", model="notes.Note", statement="DELETE")
    with scope() as work:
        for table in ("day_1", "day_2", "archive.day_3", "notes_note"):
            work.wrote("default", writes={Write(subject_of(table), "default", "DELETE"): 1})
    assert (raw.more(), known.more()) == (3, 1)


@pytest.mark.parametrize("reason", [Reason.PINNED, Reason.CAUGHT_UP])
def test_a_pin_tells_its_age_and_whether_it_held(reason):
    labels = {"cluster": "default", "reason": str(reason)}
    ages = Seen("pinning_pin_age_seconds_count", **labels)
    seconds = Seen("pinning_pin_age_seconds_sum", **labels)
    pins = Pins([held("default", time.time() - 30), held("default", time.time() - 10)])
    with scope() as work:
        work.receive(pins)
        work.pins()
        work.work("default").reads = {reason: 2, Reason.USE_PRIMARY: 1}
    assert ages.more() == 1
    assert 10 <= seconds.more() < 30


def test_nobody_s_pins_have_no_age():
    ages = Seen("pinning_pin_age_seconds_count", cluster="default", reason="pinned")
    with scope() as work:
        work.pins()
        work.work("default").reads = {Reason.PINNED: 1}
    assert ages.more() == 0


def test_waits_and_reruns_are_counted():
    waits = Seen("pinning_wait_seconds_count", cluster="default")
    seconds = Seen("pinning_wait_seconds_sum", cluster="default")
    reruns = Seen("pinning_reruns_total", cluster="default")
    with scope() as work:
        work.work("default").waited = 0.25
        work.work("default").reruns = 2
    with scope() as work:
        work.work("default")
    assert (waits.more(), seconds.more(), reruns.more()) == (1, 0.25, 2)


def test_a_replica_tells_its_state_when_it_changes_and_its_lag_when_a_scope_ends():
    replica("replica1").set_aside(OperationalError("gone"))
    assert gauge("pinning_replica_out", alias="replica1") == 1
    replica("replica1").restore()
    assert gauge("pinning_replica_out", alias="replica1") == 0
    replica("replica1").lag = 1.5
    with scope():
        Note.objects.count()
    assert gauge("pinning_replica_lag_seconds", alias="replica1") == 1.5


def test_a_store_tells_its_state():
    breaker_of("store", "cookie").set_aside(10)
    with scope():
        pass
    assert gauge("pinning_store_out", store="cookie") == 1
    breaker_of("store", "cookie").restore()
    with scope():
        pass
    assert gauge("pinning_store_out", store="cookie") == 0


PROCESS = """
import django
django.setup()
import pinning.contrib.prometheus
from pinning import scope
from pinning.health import replica
from django.contrib.contenttypes.models import ContentType
with scope():
    ContentType.objects.all().db, ContentType.objects.all().db
replica("replica1").set_aside(OSError("gone"))
print(end="told", flush=True)
input()
"""


def test_processes_are_counted_together(tmp_path: Path):
    """Both live when they are asked; the gauges of one that died are gone."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    command = [sys.executable, "-c", PROCESS]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    both = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    try:
        assert [process.stdout.read(4) for process in both] == [b"told"] * 2
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(tmp_path))
        labels = {"cluster": "default", "alias": "replica1", "reason": "replica"}
        assert registry.get_sample_value("pinning_reads_total", labels) == 4
        assert registry.get_sample_value("pinning_replica_out", {"alias": "replica1"}) == 2
        mark_process_dead(both[0].pid, path=str(tmp_path))
        assert registry.get_sample_value("pinning_reads_total", labels) == 4
        assert registry.get_sample_value("pinning_replica_out", {"alias": "replica1"}) == 1
    finally:
        for process in both:
            process.communicate(b"\n")
