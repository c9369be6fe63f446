"""Prometheus: counts reads, writes, waits and reruns, and tells the state of replicas and stores.

An import of this module connects it. To have it imported, put ``"pinning.contrib.prometheus"``
into INSTALLED_APPS. The metrics are in the client's default registry. All of them work in its
multiprocess mode.
"""

from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from pinning import conf
from pinning.breaker import breaker_of
from pinning.conf import clusters
from pinning.health import replica
from pinning.scopes import Scope
from pinning.signals import replica_down, replica_up, scope_closed

READS = Counter("pinning_reads", "Answers of the router.", ["cluster", "alias", "reason"])
WRITES = Counter("pinning_writes", "Committed writes that pin.", ["cluster", "model", "statement"])
RERUNS = Counter(
    "pinning_reruns", "Queries that failed on a replica and ran on the primary.", ["cluster"]
)
WAITED = Histogram(
    "pinning_wait_seconds",
    "How long the reads of a scope have waited for a replica to catch up, if they have.",
    ["cluster"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2),
)
REPLICA_OUT = Gauge(
    "pinning_replica_out",
    "How many processes leave the replica alone: it failed, or lags more than MAX_LAG.",
    ["alias"],
    multiprocess_mode="livesum",
)
REPLICA_LAG = Gauge(
    "pinning_replica_lag_seconds",
    "By how much the replica lagged at least when a process last measured it.",
    ["alias"],
    multiprocess_mode="livemostrecent",
)
STORE_OUT = Gauge(
    "pinning_store_out",
    "How many processes leave the store alone since it failed.",
    ["store"],
    multiprocess_mode="livesum",
)


def count(scope: Scope, **_: object) -> None:
    """Receive ``scope_closed``: count what the scope did, and tell what the process knows."""
    for labels, times in scope.reads_by_alias.items():
        READS.labels(*labels).inc(times)
    if scope.parent is None or scope.parent.is_closed:  # which else has counted them as well
        for write, times in scope.writes.items():
            WRITES.labels(write.alias, write.model, write.statement).inc(times)
    for cluster, times in scope.reruns.items():
        RERUNS.labels(cluster).inc(times)
    for cluster, seconds in scope.waited.items():
        WAITED.labels(cluster).observe(seconds)
    for name in scope.works:
        _tell_replicas(name)
    for store in conf.settings().stores:
        STORE_OUT.labels(store).set(breaker_of("store", store).is_resting)


def note_state(alias: str, **_: Any) -> None:
    """Receive ``replica_down`` and ``replica_up``, which also come when no scope ends."""
    REPLICA_OUT.labels(alias).set(replica(alias).is_out)


def _tell_replicas(primary: str) -> None:
    cluster = clusters().of_alias(primary)
    for alias in () if cluster is None else cluster.replicas:
        note_state(alias)
        lag = replica(alias).lag
        if lag is not None:
            REPLICA_LAG.labels(alias).set(lag)


scope_closed.connect(count, dispatch_uid="pinning.contrib.prometheus")
replica_down.connect(note_state, dispatch_uid="pinning.contrib.prometheus")
replica_up.connect(note_state, dispatch_uid="pinning.contrib.prometheus")
