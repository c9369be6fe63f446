"""Shadow mode on a real replica that lags: its forecast, its races and its sample."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.db.models.expressions import RawSQL

from benchmarks.peers import forecast, servers
from pinning import carried, scope
from pinning.conf import shadow_alias
from pinning.pins import Pin, signing
from pinning.shadow import WAITS, Counts, process
from pinning.shadow.races import Races
from pinning.shadow.samples import compare
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Note
from tests.services import programs

USERS = 8

#: In seconds: the lag, and how long the crowd is watched.
LAG, SECONDS = 0.5, 12


@pytest.mark.parametrize("kind", ["users", "programs"])
def test_the_forecast_comes_true(kind: str, figure: Callable[..., None]):
    ways = forecast.ways_of(kind, waits=(0, 50))
    with ExitStack() as stack:
        with programs():
            machines = stack.enter_context(servers.running(ways[0], len(ways) * USERS))
        sites = [stack.enter_context(machines.site(way)) for way in ways]
        rows = forecast.compare(machines, sites, LAG, SECONDS, users=USERS, kind=kind)
    for row in rows:
        told = f"forecast {row.forecast:.1%}, measured {row.measured:.1%}"
        figure(f"Reads on replicas, {kind}, lag {LAG} s, WAIT {row.wait} ms", told)
    assert rows[0].forecast < 0.9
    for row in rows:
        assert row.forecast == pytest.approx(row.measured, abs=0.1)


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads ask, as on a site."""
    for module in ("pinning.shadow.races", "pinning.shadow.samples"):
        monkeypatch.setattr(f"{module}.is_under_test", lambda: False)


def pins_of_a_write() -> tuple[Pin, ...]:
    with scope():
        Note.objects.create(text="mine")
        return tuple(signing.unsign_carried(carried()))


@on_each_database
@pytest.mark.usefixtures("asking")
def test_a_race_tells_which_wait_would_have_been_long_enough(pair_here: Pair):
    pair_here.replica.pause_replay()
    timer = threading.Timer(0.5, pair_here.replica.resume_replay)
    timer.start()
    found = Races().begin(["replica1"], pins_of_a_write(), (0, 0.01, 5, 5)).result(30)
    timer.join()
    assert found == WAITS[2:]


@on_each_database
@pytest.mark.usefixtures("asking")
def test_a_race_that_no_replica_wins(pair_here: Pair):
    pair_here.replica.pause_replay()
    assert Races().begin(["replica1"], pins_of_a_write(), WAITS).result(30) == ()


@pytest.mark.usefixtures("asking")
def test_nobody_knows_what_a_dead_replica_would_have_done(
    fresh_pair: Pair, here: Callable[[Pair], None]
):
    here(fresh_pair)
    pins = pins_of_a_write()
    fresh_pair.replica.kill()
    assert Races().begin(["replica1"], pins, WAITS).result(30) is None


ALIAS = shadow_alias("default", "replica1").cluster


@on_each_database
def test_the_sample_tells_what_is_late(pair_here: Pair):
    counts = Counts()
    with pair_here.paused():
        Note.objects.create(text="late")
        compare(counts, Note.objects.all().query, ALIAS)
    assert counts.all() == {("compared", "notes.Note"): 1, ("stale", "notes.Note"): 1}
    pair_here.catch_up()
    compare(counts, Note.objects.filter(text="late").query, ALIAS)
    assert counts.all() == {("compared", "notes.Note"): 2, ("stale", "notes.Note"): 1}


def test_the_sample_counts_no_rows_that_are_others_each_time(pair_here: Pair):
    counts = Counts()
    Note.objects.create(text="one")
    compare(counts, Note.objects.annotate(chance=RawSQL("random()", [])).query, ALIAS)
    compare(counts, Note.objects.none().query, ALIAS)
    assert not counts.all()


def test_the_sample_runs_nothing_that_leaves_a_mark(pair_here: Pair):
    pair_here.execute("CREATE SEQUENCE marks")
    Note.objects.create(text="one")
    pair_here.catch_up()
    counts = Counts()
    compare(counts, Note.objects.annotate(mark=RawSQL("nextval('marks')", [])).query, ALIAS)
    assert not counts.all()
    assert pair_here.execute("SELECT is_called FROM marks") == [(False,)]
    pair_here.execute("DROP SEQUENCE marks")


@pytest.mark.usefixtures("asking")
def test_a_share_of_the_reads_is_compared(pair_here: Pair, settings: Any):
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": "shadow", "SHADOW_SAMPLE": 1}
    pins_of_a_write()
    pair_here.catch_up()
    with pair_here.paused():
        Note.objects.create(text="late")
        with scope():
            assert Note.objects.count() == 2
        counts, end = process._own().counts, time.monotonic() + 30
        while ("compared", "notes.Note") not in counts.all() and time.monotonic() < end:
            time.sleep(0.01)
    assert counts.all()["stale", "notes.Note"] == 1
