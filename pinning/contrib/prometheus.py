"""Prometheus: counts reads, writes, waits and reruns, and tells the state of replicas and stores.

An import of this module connects it. To have it imported, put ``"pinning.contrib.prometheus"``
into INSTALLED_APPS. The metrics are in the client's default registry. All of them work in its
multiprocess mode.
"""

from itertools import chain
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from pinning.contrib import samples
from pinning.contrib.samples import Metric
from pinning.health import replica
from pinning.scopes import Scope
from pinning.signals import replica_down, replica_up, scope_closed


def _histogram(metric: Metric) -> Histogram:
    name = f"pinning_{metric.name}_seconds"
    return Histogram(name, metric.description, metric.labels, buckets=metric.buckets)


_COUNTERS = {
    metric: Counter(f"pinning_{metric.name}", metric.description, metric.labels)
    for metric in samples.COUNTERS
}
_HISTOGRAMS = {metric: _histogram(metric) for metric in samples.HISTOGRAMS}
_GAUGES = {
    samples.REPLICA_OUT: Gauge(
        "pinning_replica_out",
        "How many processes leave the replica alone: it failed, or lags more than MAX_LAG.",
        ["alias"],
        multiprocess_mode="livesum",
    ),
    samples.REPLICA_LAG: Gauge(
        "pinning_replica_lag_seconds",
        "By how much the replica lagged at least when a process last measured it.",
        ["alias"],
        multiprocess_mode="livemostrecent",
    ),
    samples.STORE_OUT: Gauge(
        "pinning_store_out",
        "How many processes leave the store alone since it failed.",
        ["store"],
        multiprocess_mode="livesum",
    ),
}


def count(scope: Scope, **_: object) -> None:
    """Receive ``scope_closed``: count what the scope did, and tell what the process knows."""
    for metric, labels, value in samples.of_scope(scope):
        if metric.buckets:
            _HISTOGRAMS[metric].labels(*labels).observe(value)
        else:
            _COUNTERS[metric].labels(*labels).inc(value)
    for metric, labels, value in chain(samples.of_replicas(scope.works), samples.of_stores()):
        _GAUGES[metric].labels(*labels).set(value)


def note_state(alias: str, **_: Any) -> None:
    """Receive ``replica_down`` and ``replica_up``, which also come when no scope ends."""
    _GAUGES[samples.REPLICA_OUT].labels(alias).set(replica(alias).is_out)


scope_closed.connect(count, dispatch_uid="pinning.contrib.prometheus")
replica_down.connect(note_state, dispatch_uid="pinning.contrib.prometheus")
replica_up.connect(note_state, dispatch_uid="pinning.contrib.prometheus")
