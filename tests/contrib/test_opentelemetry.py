"""The metrics and events, in the real SDK. The spans are in tests/live/test_opentelemetry.py."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.backends.signals import connection_created
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from pinning import Reason, scope
from pinning.breaker import breaker_of
from pinning.contrib import opentelemetry
from pinning.health import replica
from pinning.signals import replica_down, replica_up, scope_closed
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

UID = "pinning.contrib.opentelemetry"
RECEIVERS = [
    (scope_closed, opentelemetry.count),
    (replica_down, opentelemetry.note_down),
    (replica_up, opentelemetry.note_up),
]
for _signal in (connection_created, *(each for each, _ in RECEIVERS)):  # no other test is heard
    _signal.disconnect(dispatch_uid=UID)

READER = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([READER]))
EVENTS = InMemoryLogRecordExporter()
_LOGS = LoggerProvider()
_LOGS.add_log_record_processor(SimpleLogRecordProcessor(EVENTS))
set_logger_provider(_LOGS)


@pytest.fixture(autouse=True)
def connected() -> Iterator[None]:
    for signal, receiver in RECEIVERS:
        signal.connect(receiver, dispatch_uid=UID)
    EVENTS.clear()
    yield
    for signal, _ in RECEIVERS:
        signal.disconnect(dispatch_uid=UID)


def points(name: str, **attributes: str) -> list[Any]:
    """What was exported of a metric, with these attributes."""
    data = READER.get_metrics_data()
    wanted = {f"pinning.{key}": value for key, value in attributes.items()}
    return [
        point
        for resource in ([] if data is None else data.resource_metrics)
        for measured in resource.scope_metrics
        for metric in measured.metrics
        for point in metric.data.data_points
        if metric.name == name and dict(point.attributes) == wanted
    ]


def value(name: str, **attributes: str) -> float | None:
    return next((point.value for point in points(name, **attributes)), None)


def test_reads_and_writes_are_counted():
    read = {"cluster": "default", "alias": "replica1", "reason": "replica"}
    wrote = {"cluster": "default", "model": "notes.Note", "statement": "INSERT"}
    before = value("pinning.reads", **read) or 0, value("pinning.writes", **wrote) or 0
    with scope():
        Note.objects.count()
        Note.objects.count()
        Note.objects.create(text="new")
    after = value("pinning.reads", **read), value("pinning.writes", **wrote)
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1)


def test_waits_and_reruns_are_measured():
    before = sum(point.sum for point in points("pinning.wait", cluster="default"))
    reruns = value("pinning.reruns", cluster="default") or 0
    with scope() as work:
        work.work("default").waited = 0.25
        work.work("default").reruns = 2
    (point,) = points("pinning.wait", cluster="default")
    assert point.sum - before == 0.25
    assert point.explicit_bounds[0] == 0.001
    assert value("pinning.reruns", cluster="default") - reruns == 2


def test_the_state_of_replicas_and_stores_is_exported_when_it_is_asked_for():
    assert value("pinning.replica_out", alias="replica1") == 0
    assert value("pinning.store_out", store="cookie") == 0
    assert points("pinning.replica_lag", alias="replica1") == []
    replica("replica1").set_aside(OperationalError("gone"))
    replica("replica1").lag = 1.5
    breaker_of("store", "cookie").set_aside(10)
    assert value("pinning.replica_out", alias="replica1") == 1
    assert value("pinning.replica_lag", alias="replica1") == 1.5
    assert value("pinning.store_out", store="cookie") == 1


def test_events_tell_of_a_replica_and_belong_to_the_trace_that_found_out():
    with TracerProvider().get_tracer("tests").start_as_current_span("request") as span:
        replica("replica1").set_aside(OperationalError("gone"))
    replica("replica1").restore()
    down, up = (each.log_record for each in EVENTS.get_finished_logs())
    assert down.event_name == "pinning.replica_down"
    assert down.attributes["pinning.alias"] == "replica1"
    assert "gone" in down.attributes["exception.message"]
    assert down.trace_id == span.get_span_context().trace_id
    assert (up.event_name, dict(up.attributes)) == (
        "pinning.replica_up",
        {"pinning.alias": "replica1"},
    )


@pytest.fixture
def said() -> Iterator[list[dict[str, str]]]:
    """What is said of each statement that runs."""
    seen: list[dict[str, str]] = []

    def listen(execute: Any, *args: Any) -> Any:
        seen.append(dict(opentelemetry._statement.get() or {}))
        return execute(*args)

    for connection in (connections["default"], connections["replica1"]):
        opentelemetry.watch(connection)
        connection.execute_wrappers.append(listen)
    yield seen
    for connection in (connections["default"], connections["replica1"]):
        connection.execute_wrappers.clear()


def test_two_reads_that_were_asked_for_before_one_ran_have_no_reason(said):
    with scope() as work:
        work.locked("default")
        assert Note.objects.none().db == "default"
        work.work("default").bound = Reason.WRITTEN
        Note.objects.count()
        Note.objects.count()
    assert [each.get("pinning.reason") for each in said] == [None, "written"]


def test_a_statement_that_no_router_was_asked_about_has_an_alias_alone(said):
    with scope():
        Note.objects.count()
        Note.objects.using("replica1").count()
    assert said == [
        {"pinning.alias": "replica1", "pinning.reason": "replica"},
        {"pinning.alias": "replica1"},
    ]
    assert opentelemetry._statement.get() is None


def test_a_connection_is_watched_once():
    connection = connections["default"]
    before = list(connection.execute_wrappers)
    with connection.execute_wrapper(lambda execute, *args: execute(*args)):
        opentelemetry.watch(connection)  # it was opened in somebody's block
        opentelemetry.watch(connection)
    kinds = [type(each) for each in connection.execute_wrappers if each not in before]
    connection.execute_wrappers[:] = before
    assert kinds == [opentelemetry.Statements]


def test_nothing_is_set_on_a_span_while_no_statement_runs():
    provider = TracerProvider()
    provider.add_span_processor(opentelemetry.PinningSpanProcessor())
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("elsewhere", kind=trace.SpanKind.CLIENT) as span:
        assert not span.attributes
