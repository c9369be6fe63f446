"""Reads that wait for a real replica which lags: none is stale, and the primary is left alone."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.db import connections
from django.db.models.expressions import RawSQL

from pinning import Reason, Scope, carried, scope, wait_for_replica
from pinning.databases import VENDORS
from pinning.health import monitor
from pinning.pins import Pins, signing
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.live.site.reaching import wait_until_it_sleeps
from tests.notes.models import Note


def write(text: str = "mine") -> str:
    """What a user carries who has just written."""
    with scope():
        Note.objects.create(text=text)
        return carried()


def read(text: str, seconds: float) -> tuple[Scope, int]:
    with scope(carried=text) as work, wait_for_replica(seconds):
        found = Note.objects.filter(text="mine").count()
    return work, found


def be_connected() -> None:
    """Until the replica serves: a young process may not know at once how late it is."""
    text = write("other")
    until = time.monotonic() + 30
    while read(text, 30)[0].reads != {"default": {Reason.CAUGHT_UP: 1}}:
        assert time.monotonic() < until


@contextmanager
def resumed_after(pair: Pair, seconds: float) -> Iterator[None]:
    """Nothing is replayed until so long after the block has begun."""
    pair.replica.pause_replay()
    timer = threading.Timer(seconds, pair.replica.resume_replay)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@on_each_database
def test_a_read_waits_until_the_replica_has_the_write(pair_here: Pair, figure: Callable[..., None]):
    be_connected()
    pair_here.catch_up()
    with resumed_after(pair_here, 0.3):
        work, found = read(write(), 30)
    assert (found, work.reads) == (1, {"default": {Reason.CAUGHT_UP: 1}})
    assert work.waited["default"] > 0.1
    figure("A wait for a replica that replays again after 0.3 s, seconds", work.waited["default"])


@on_each_database
def test_a_read_that_may_not_wait_so_long_goes_to_the_primary(pair_here: Pair):
    pair_here.replica.pause_replay()
    work, found = read(write(), 0.05)
    assert (found, work.reads) == (1, {"default": {Reason.PINNED: 1}})
    assert work.waited["default"] > 0.04


def test_of_many_who_write_and_read_at_once_nobody_reads_old_rows(
    pair_here: Pair, figure: Callable[..., None]
):
    """Replay is 20 ms late, and 0.2 s later half way through."""
    pair_here.replica.set_delay(0.02)
    reasons: dict[str, int] = {}
    late = threading.Timer(1, pair_here.replica.set_delay, [0.2])
    late.start()

    def visit(user: int) -> int:
        stale = 0
        for turn in range(60):
            with scope():
                Note.objects.create(text=f"{user} {turn}")
                text = carried()
            with scope(carried=text) as work, wait_for_replica(0.05):
                stale += Note.objects.filter(text=f"{user} {turn}").count() != 1
            for reason, count in work.reads["default"].items():
                reasons[reason] = reasons.get(reason, 0) + count
            time.sleep(0.01)
        connections.close_all()
        return stale

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(visit, range(8))) == 0
    late.join()
    assert reasons[Reason.CAUGHT_UP] > 0
    for reason, count in sorted(reasons.items()):
        figure(f"Reads right after a write, WAIT 50 ms, lag 20 ms and then 200 ms, {reason}", count)


def test_tasks_whose_replica_is_milliseconds_late_leave_the_primary_alone(
    pair_here: Pair, settings, figure: Callable[..., None]
):
    """As long as they wait by default. Each begins right after its request has written."""
    settings.PINNING = {"REPLICAS": {"default": ["replica1"]}}
    pair_here.replica.set_delay(0.005)
    works: list[Scope] = []

    def run(user: int) -> int:
        stale = 0
        for turn in range(80):
            text = write(f"{user} {turn}")
            with scope(carried=text) as work:
                stale += Note.objects.filter(text=f"{user} {turn}").count() != 1
            works.append(work)
        connections.close_all()
        return stale

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(run, range(4))) == 0
    on_replica = sum(Reason.CAUGHT_UP in work.reads["default"] for work in works)
    waits = [work.waited["default"] for work in works if work.waited]
    figure("Of 320 tasks, 5 ms late, read from the replica", on_replica)
    figure("Of these, waited, and for so many seconds at most", f"{len(waits)}, {max(waits):.3f}")
    assert on_replica >= 0.99 * len(works)


def test_far_behind_a_wait_is_tried_once_and_then_no_more(pair_here: Pair):
    """Whoever writes while the replica is known to be late goes to the primary at once."""
    pair_here.replica.pause_replay()
    tried, _ = read(write(), 0.05)
    assert tried.waited["default"] > 0.04
    time.sleep(0.1)
    read(write(), 0.05)  # sees that it still lacks the first write
    others = [read(write(), 0.05)[0] for _ in range(5)]
    assert [work.waited for work in others] == [{}] * 5


@pytest.mark.parametrize("vendor", ["mariadb"], indirect=True)
def test_mariadb_tells_when_it_has_the_write(
    pair_here: Pair, monkeypatch: pytest.MonkeyPatch, figure: Callable[..., None]
):
    """One statement waits, for a tenth of a second at most, and a question proves it."""
    be_connected()
    pair_here.catch_up()
    asked: list[str] = []
    ask = VENDORS["mysql"].of_replica
    monkeypatch.setattr(
        VENDORS["mysql"], "of_replica", lambda known: asked.append(known.alias) or ask(known)
    )
    with resumed_after(pair_here, 0.3):
        work, found = read(write(), 30)
    assert (found, work.reads) == (1, {"default": {Reason.CAUGHT_UP: 1}})
    figure("Questions in a wait of some 0.3 s, MariaDB", len(asked))
    assert len(asked) < 2 + work.waited["default"] / 0.1


@on_each_database
def test_nobody_waits_for_what_another_primary_wrote(pair_here: Pair):
    """As after a failover. MariaDB's wait ends at once: it looks at the number alone."""
    (pin,) = signing.unsign_carried(write())
    pair_here.catch_up()
    log, _, _ = pin.timeline.rpartition(".")
    old = Pins([replace(pin, timeline=f"{log}.77")])
    work, found = read(signing.sign(old, signing.CARRIED), 1)
    assert (found, work.reads) == (1, {"default": {Reason.PINNED: 1}})
    assert "default" not in work.waited


@on_each_database
@pytest.mark.parametrize("end", ["kill", "freeze"])
def test_a_dead_or_silent_replica_ends_the_wait(
    end: str,
    fresh_pair: Pair,
    here: Callable[[Pair], None],
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[..., None],
):
    monkeypatch.setattr(monitor, "is_under_test", lambda: False)
    here(fresh_pair)
    be_connected()
    fresh_pair.replica.wait_until_caught_up()
    fresh_pair.replica.pause_replay()
    ended: list[float] = []

    def stop() -> None:
        getattr(fresh_pair.replica, end)()
        ended.append(time.monotonic())

    timer = threading.Timer(0.3, stop)
    timer.start()
    work, found = read(write(), 60)
    over = time.monotonic()
    timer.join()
    if end == "freeze":
        fresh_pair.replica.thaw()
    figure(f"A wait for a replica ends so many seconds after {end}", over - ended[0])
    assert (found, work.reads) == (1, {"default": {Reason.PINNED: 1}})
    assert work.waited["default"] < 10


@on_each_database
@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_a_read_under_which_a_replica_freezes_is_run_again(
    moment: str,
    vendor: str,
    fresh_pair: Pair,
    here: Callable[[Pair], None],
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[..., None],
):
    monkeypatch.setattr(monitor, "is_under_test", lambda: False)
    here(fresh_pair)
    be_connected()
    fresh_pair.replica.wait_until_caught_up()
    slowly = RawSQL("pg_sleep(1)::text" if vendor == "postgresql" else "sleep(1)", [])

    def freeze() -> None:
        if moment == "meanwhile":
            wait_until_it_sleeps(fresh_pair.replica)
        fresh_pair.replica.freeze()

    freezer = threading.Thread(target=freeze)
    thaw = threading.Timer(30, fresh_pair.replica.thaw)  # what is not ended waits until then
    freezer.start()
    thaw.start()
    try:
        if moment == "before":
            freezer.join()
        began = time.monotonic()
        with scope() as work:
            found = len(Note.objects.annotate(slowly=slowly))
        seconds = time.monotonic() - began
    finally:
        thaw.cancel()
        freezer.join()
        fresh_pair.replica.thaw()
    figure(f"A read is run again after a freeze {moment} it, {vendor}", seconds)
    assert (found, work.reads) == (1, {"default": {Reason.REPLICA: 1}})
    assert seconds < 10
