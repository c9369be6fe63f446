"""The reads that shadow mode compares: what that costs the request, and the process."""

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from pinning.conf import shadow_alias
from pinning.shadow import samples
from pinning.shadow.counts import Counts
from pinning.shadow.samples import Samples, compare
from tests.notes.models import Note, Tag

pytestmark = pytest.mark.django_db(databases=["default", "replica1"], transaction=True)

ALIAS = shadow_alias("default", "replica1").cluster


class TakenMeanwhile(queue.Queue[Any]):
    """Another thread takes the last place after somebody has seen that there is one."""

    def full(self) -> bool:
        return False


def test_a_read_does_not_wait_where_there_is_no_room(shadow_mode, settings, monkeypatch):
    settings.PINNING = {**settings.PINNING, "SHADOW_SAMPLE": 1}
    hangs = threading.Event()
    monkeypatch.setattr(samples, "is_under_test", lambda: False)
    monkeypatch.setattr(samples, "compare", lambda *_: hangs.wait())
    monkeypatch.setattr(queue, "Queue", TakenMeanwhile)
    offered = Samples(Counts())
    query = Note.objects.all().query

    def read_often() -> None:
        for _ in range(20):
            offered.offer(query, ALIAS)

    reader = threading.Thread(target=read_often, daemon=True)
    reader.start()
    reader.join(10)
    is_waiting = reader.is_alive()
    hangs.set()
    assert not is_waiting


def _limits(alias: str, query: Any) -> list[str]:
    with CaptureQueriesContext(connections[alias]) as captured:
        compare(Counts(), query, ALIAS)
    return [each["sql"].rpartition("LIMIT")[2].strip() for each in captured.captured_queries]


#: Whatever the query asks, so many rows of it are fetched at most.
ROWS: dict[str, tuple[Callable[[], Any], str]] = {
    "all rows": (lambda: Note.objects.all(), "1000"),
    "a few": (lambda: Note.objects.all()[:3], "3"),
    "more": (lambda: Note.objects.all()[:5000], "1000"),
    "two queries together": (
        lambda: Note.objects.values("pk").union(Tag.objects.values("pk")),
        "1000",
    ),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("alias", ["default", "replica1"])
def test_what_has_many_rows_is_not_loaded_whole(shadow_mode, name, alias):
    """The view may fetch them part by part."""
    make, most = ROWS[name]
    assert _limits(alias, make().query) == [most]


def test_the_query_of_the_view_stays_as_it_is(shadow_mode):
    query = Note.objects.all().query
    compare(Counts(), query, ALIAS)
    assert not query.is_sliced
