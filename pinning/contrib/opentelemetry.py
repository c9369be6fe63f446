"""OpenTelemetry: the alias and the reason on the spans of statements, metrics, events of replicas.

An import of this module connects it. To have it imported, put ``"pinning.contrib.opentelemetry"``
into INSTALLED_APPS. The spans are those of the instrumentation of the driver, as
``opentelemetry-instrumentation-psycopg``; the providers are the global ones.
"""

import functools
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber, get_logger
from opentelemetry.metrics import CallbackOptions, Observation, get_meter
from opentelemetry.sdk.trace import Span, SpanProcessor

from pinning import conf
from pinning.conf import clusters
from pinning.contrib import samples
from pinning.contrib.samples import Metric, Sample
from pinning.scopes import ON_REPLICA, Reason, Scope, current_scope
from pinning.signals import replica_down, replica_up, scope_closed

_meter = get_meter("pinning")
_events = get_logger("pinning")
_statement: ContextVar[dict[str, str] | None] = ContextVar("pinning_statement", default=None)


class PinningSpanProcessor(SpanProcessor):
    """Sets ``pinning.alias`` and ``pinning.reason`` on the spans of Django's statements.

    The global tracer provider gets one by itself. Any other needs ``add_span_processor`` with it.
    """

    def on_start(self, span: Span, parent_context: Any = None) -> None:  # noqa: ARG002
        """Set them, if ``span`` is that of a statement which runs now."""
        attributes = _statement.get()
        if attributes is not None and span.kind is trace.SpanKind.CLIENT:
            span.set_attributes(attributes)


class Statements:
    """An execute wrapper of one connection, which says of each statement where it runs, and why.

    The reason is that of the scope's read on the alias since the last statement there. It is left
    out if there was none, as for writes and ``using()``, or if there were two that differ.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        """Take the connection that it will stand on."""
        self._alias = connection.alias
        self._scope: Scope | None = None
        self._counts: dict[Reason, int] = {}

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run the statement."""
        token = _statement.set({"pinning.alias": self._alias, **self._reason()})
        try:
            return execute(sql, params, many, context)
        finally:
            _statement.reset(token)

    def _reason(self) -> dict[str, str]:
        cluster, scope = clusters().of_alias(self._alias), current_scope()
        if cluster is None or scope is None:
            return {}
        before = self._counts if scope is self._scope else {}
        work = scope.works.get(cluster.primary)
        self._scope, self._counts = scope, {} if work is None else dict(work.reads)
        is_replica = self._alias != cluster.primary
        new = [reason for reason, times in self._counts.items() if times > before.get(reason, 0)]
        fitting = [reason for reason in new if (reason in ON_REPLICA) is is_replica]
        return {"pinning.reason": str(fitting[0])} if len(fitting) == 1 else {}


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive ``connection_created``."""
    provider = trace.get_tracer_provider()
    if hasattr(provider, "add_span_processor"):
        _add_processor(provider)
    wrappers = connection.execute_wrappers
    if not any(isinstance(wrapper, Statements) for wrapper in wrappers):
        wrappers.insert(0, Statements(connection))  # not last: that one is somebody's to pop


@functools.lru_cache(8)
def _add_processor(provider: Any) -> None:
    """Once for each provider."""
    provider.add_span_processor(PinningSpanProcessor())


_COUNTERS = {
    metric: _meter.create_counter(f"pinning.{metric.name}", description=metric.description)
    for metric in samples.COUNTERS
}
_HISTOGRAMS = {
    metric: _meter.create_histogram(
        f"pinning.{metric.name}",
        "s",
        metric.description,
        explicit_bucket_boundaries_advisory=metric.buckets,
    )
    for metric in samples.HISTOGRAMS
}


def count(scope: Scope, **_: object) -> None:
    """Receive ``scope_closed``: count what the scope did."""
    for metric, labels, value in samples.of_scope(scope):
        if metric.buckets:
            _HISTOGRAMS[metric].record(value, _attributes(metric, labels))
        else:
            _COUNTERS[metric].add(value, _attributes(metric, labels))


def _attributes(metric: Metric, labels: tuple[str, ...]) -> dict[str, str]:
    pairs = zip(metric.labels, labels, strict=True)
    return {f"pinning.{name}": str(value) for name, value in pairs}


def _observed(metric: Metric, _: CallbackOptions) -> Iterator[Observation]:
    """What the process knows when the metrics are exported."""
    known: Iterable[Sample] = (*samples.of_replicas(conf.settings().replicas), *samples.of_stores())
    for told, labels, value in known:
        if told is metric:
            yield Observation(float(value), _attributes(metric, labels))


for _metric in (samples.REPLICA_OUT, samples.REPLICA_LAG, samples.STORE_OUT):
    _meter.create_observable_gauge(
        f"pinning.{_metric.name}",
        [functools.partial(_observed, _metric)],
        "s" if _metric is samples.REPLICA_LAG else "",
        _metric.description,
    )


def note_down(alias: str, error: object = None, **_: object) -> None:
    """Receive ``replica_down``: an event, which belongs to the trace that found it out, if any."""
    told = {"pinning.alias": str(alias), "exception.message": str(error)}
    name = "pinning.replica_down"
    _events.emit(event_name=name, severity_number=SeverityNumber.WARN, attributes=told)


def note_up(alias: str, **_: object) -> None:
    """Receive ``replica_up``: the event that ends it."""
    told = {"pinning.alias": str(alias)}
    name = "pinning.replica_up"
    _events.emit(event_name=name, severity_number=SeverityNumber.INFO, attributes=told)


for _signal, _receiver in (
    (connection_created, watch),
    (scope_closed, count),
    (replica_down, note_down),
    (replica_up, note_up),
):
    _signal.connect(_receiver, dispatch_uid="pinning.contrib.opentelemetry")
