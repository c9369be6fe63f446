"""What metrics tell, whoever shows them: the numbers of a scope, and the state of the process."""

import functools
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.apps import apps

from pinning import conf
from pinning.breaker import breaker_of
from pinning.conf import clusters
from pinning.health import replica
from pinning.scopes import Reason, Scope


class Metric(NamedTuple):
    """What is counted, and the names of its labels. ``buckets`` are in seconds."""

    name: str
    description: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


#: The metric, the values of its labels in their order, and the number.
Sample = tuple[Metric, tuple[str, ...], float]

READS = Metric("reads", "Answers of the router.", ("cluster", "alias", "reason"))
WRITES = Metric("writes", "Committed writes that pin.", ("cluster", "model", "statement"))
RERUNS = Metric(
    "reruns", "Queries that failed on a replica and ran again on the primary.", ("cluster",)
)
WAITED = Metric(
    "wait",
    "How long the reads of a scope have waited for a replica to catch up, if they have.",
    ("cluster",),
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2),
)
PIN_AGE = Metric(
    "pin_age",
    "The age of a visitor's last pin when a scope ends that has read with the reason.",
    ("cluster", "reason"),
    (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60),
)
REPLICA_OUT = Metric(
    "replica_out", "Whether the process leaves the replica alone: it failed, or lags.", ("alias",)
)
REPLICA_LAG = Metric(
    "replica_lag", "By how much the replica lagged at least when last measured.", ("alias",)
)
STORE_OUT = Metric(
    "store_out", "Whether the process leaves the store alone since it failed.", ("store",)
)

COUNTERS = (READS, WRITES, RERUNS)
HISTOGRAMS = (WAITED, PIN_AGE)

#: The reasons that a pin leads to: it holds, a replica has the write, it is over by the clock.
_OF_PINS = (Reason.PINNED, Reason.CAUGHT_UP, Reason.WINDOW_OVER)

#: What a write is called that no model names.
_RAW = "raw SQL"
_NAMELESS = frozenset({_RAW, "mark_written()", "others"})


def of_scope(scope: Scope) -> Iterator[Sample]:
    """What a scope that ends adds to counters and histograms."""
    for labels, times in scope.reads_by_alias.items():
        yield READS, labels, times
    if scope.parent is None or scope.parent.is_closed:  # which else has counted them as well
        for write, times in scope.writes.items():
            yield WRITES, (write.alias, _bounded(write.model), write.statement), times
    for cluster, times in scope.reruns.items():
        yield RERUNS, (cluster,), times
    for cluster, seconds in scope.waited.items():
        yield WAITED, (cluster,), seconds
    if scope.loaded_pins:
        yield from _ages(scope)


def _ages(scope: Scope) -> Iterator[Sample]:
    now = time.time()
    written: dict[str, float] = {}
    for pin in scope.loaded_pins or ():
        written[pin.cluster] = max(pin.written_at, written.get(pin.cluster, 0.0))
    for cluster, reads in scope.reads.items():
        if cluster in written:
            for reason in _OF_PINS:
                if reason in reads:
                    yield PIN_AGE, (cluster, reason), max(0.0, now - written[cluster])


@functools.lru_cache(1000)
def _bounded(model: str) -> str:
    """A model's label. Tables that no model has are one: SQL may name any number of them."""
    if model in _NAMELESS:
        return model
    try:
        apps.get_model(model)
    except (LookupError, ValueError):
        return _RAW
    return model


def of_replicas(primaries: Iterable[str]) -> Iterator[Sample]:
    """The state of the replicas of these clusters, as the process knows it. This asks nobody."""
    for primary in primaries:
        cluster = clusters().of_alias(primary)
        for alias in () if cluster is None else cluster.replicas:
            known = replica(alias)
            yield REPLICA_OUT, (alias,), known.is_out
            if known.lag is not None:
                yield REPLICA_LAG, (alias,), known.lag


def of_stores() -> Iterator[Sample]:
    """Which stores the process leaves alone."""
    for store in conf.settings().stores:
        yield STORE_OUT, (store,), breaker_of("store", store).is_resting
