"""What a page of 25 queries costs more for what is counted: bytecodes, the same in each run.

Instructions of libraries written in C are not in it: SQLite and the driver count nothing, so the
share of what is counted looks larger than it is.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from benchmarks.notes.models import Note
from benchmarks.page import results
from pinning.scopes import Write
from pinning.signals import scope_closed

QUERIES, WRITES = 25, 5
PAGES = 3

_OURS = "pinning.middleware.PinningMiddleware"
_SAME = Write("", "default", "OTHER")


def page(request: HttpRequest) -> HttpResponse:
    """Read, and then write, as a page editor or a counter does."""
    for number in range(QUERIES - WRITES):
        list(Note.objects.filter(pk=number))
    for number in range(WRITES):
        Note.objects.filter(pk=number).update(text="seen")
    return HttpResponse()


urlpatterns = [path("page", page)]


def _no_name(*_: object, **__: object) -> Write:
    return _SAME


def _no_count(*_: object) -> None:
    pass


@contextmanager
def without_names() -> Iterator[None]:
    """Writes are noticed, and not counted by what they write."""
    with (
        mock.patch("pinning.writes.recorder.write_of", _no_name),
        mock.patch("pinning.scopes.written.count", _no_count),
    ):
        yield


@contextmanager
def with_prometheus() -> Iterator[None]:
    """The receiver of Prometheus hears of each request."""
    from pinning.contrib import prometheus

    scope_closed.connect(prometheus.count)
    try:
        yield
    finally:
        scope_closed.disconnect(prometheus.count)
        scope_closed.disconnect(dispatch_uid="pinning.contrib.prometheus")


@contextmanager
def as_ever() -> Iterator[None]:
    """``scope.writes``, and nobody who looks."""
    yield


WAYS: dict[str, Callable[[], Any]] = {
    "nothing counted": without_names,
    "`scope.writes`": as_ever,
    "and Prometheus": with_prometheus,
}


def bytecodes(run: Callable[[], object]) -> int:
    """How many are executed."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(None)
    return count


def measure(directory: Path) -> None:
    """Visit the page in each way, and save the figures."""
    for alias in ("default", "replica1"):
        with connections[alias].schema_editor() as editor:
            editor.create_model(Note)
    rows: list[dict[str, Any]] = []
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[_OURS], ALLOWED_HOSTS=["*"]):
        for way, block in WAYS.items():
            with ExitStack() as stack:
                stack.enter_context(block())
                visit = lambda: Client().get("/page")  # noqa: E731
                visit()  # what is done once
                found = min(bytecodes(visit) for _ in range(PAGES))
            first = rows[0]["bytecodes"] if rows else found
            rows.append({"way": way, "bytecodes": found, "ratio": round(found / first, 4)})
    print(*(f"  {row['way']}: {row['ratio']} x, {row['bytecodes']:,}" for row in rows), sep="\n")
    results.save(directory, "counters", {"rows": rows})
