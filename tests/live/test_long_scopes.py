"""Work that goes on for seconds: it leaves the primary again, and never sees less than before."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from asgiref.sync import async_to_sync
from django.db import connections
from django.db.models import Max

from pinning import Reason, carried, current_scope, in_scope, scope
from tests.live.conftest import on_each_database
from tests.live.site.pair import DATABASE, Pair
from tests.notes.models import Note

#: The servers take this many seconds, and whole ones.
LAG_SECONDS = {"postgresql": 0.2, "mariadb": 1, "mysql": 1}
CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


def write() -> str:
    """What a task is given whose user has just written."""
    with scope():
        Note.objects.create(text="mine")
        return carried()


def newest() -> int:
    return Note.objects.aggregate(newest=Max("pk"))["newest"]


def for_seconds(seconds: float) -> Iterator[None]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.01)


@contextmanager
def others_write(pair: Pair) -> Iterator[None]:
    """Somebody else writes all the time, but for a pause that is longer than the lag."""
    over = threading.Event()

    def go_on() -> None:
        with pair.primary.connect(DATABASE) as connection, closing(connection.cursor()) as cursor:
            while not over.is_set():
                for _ in range(70):  # that is for longer than a scope stays
                    cursor.execute("INSERT INTO notes_note (text) VALUES ('other')")
                    over.wait(0.02)
                over.wait(LAG_SECONDS["mariadb"] + 0.8)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def assert_never_less(seen: list[int]) -> None:
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


@on_each_database
def test_a_task_that_begins_before_the_replica_has_the_write_moves_there_soon(
    pair_here: Pair, vendor: str, figure: Callable[[str, object], None]
):
    pair_here.replica.set_delay(LAG_SECONDS[vendor])
    with scope(carried=write()) as work:
        for _ in for_seconds(5):
            newest()
    reads = work.reads["default"]
    share = reads[Reason.PINNED] / sum(reads.values())
    figure(f"Of a pinned task of 5 s, {vendor}, read from the primary", f"{share:.0%}")
    assert share < 0.6


@on_each_database
def test_it_never_sees_less_than_before_while_others_write(pair_here: Pair, vendor: str):
    pair_here.replica.set_delay(LAG_SECONDS[vendor])
    with others_write(pair_here), scope(carried=write()) as work:
        seen = [newest() for _ in for_seconds(8)]
        for _ in for_seconds(30):  # on a busy machine it takes longer until it moves
            if Reason.CAUGHT_UP in work.reads["default"]:
                break
            seen.append(newest())
    assert_never_less(seen)
    assert Reason.CAUGHT_UP in work.reads["default"]


def test_none_of_its_threads_does(pair_here: Pair):
    pair_here.replica.set_delay(LAG_SECONDS["postgresql"])

    def read() -> list[int]:
        try:
            return [newest() for _ in for_seconds(6)]
        finally:
            connections.close_all()

    with others_write(pair_here), scope(carried=write()) as work, ThreadPoolExecutor(4) as pool:
        run = in_scope(read)
        for future in [pool.submit(run) for _ in range(4)]:
            assert_never_less(future.result())
    assert work.reads["default"][Reason.CAUGHT_UP] > 0


def test_nor_does_asynchronous_code_which_is_also_routed_on_the_event_loop(pair_here: Pair):
    pair_here.replica.set_delay(LAG_SECONDS["postgresql"])

    async def read() -> list[int]:
        seen = []
        async with scope(carried=text):
            for turn in range(300):
                if turn % 100 == 50:  # more than a second lies between
                    async for note in Note.objects.order_by("-pk")[:1].aiterator():
                        seen.append(note.pk)
                else:
                    seen.append((await Note.objects.aaggregate(newest=Max("pk")))["newest"])
                await asyncio.sleep(0.02)
            moved.append(current_scope().reads["default"][Reason.CAUGHT_UP])
        return seen

    moved: list[int] = []
    text = write()
    with others_write(pair_here):
        assert_never_less(async_to_sync(read)())
    assert moved[0] > 0


def test_after_an_outage_of_a_moment_it_comes_back_to_the_replica(pair_here: Pair):
    with scope() as work:
        assert newest() is None
        pair_here.replica.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
        )
        work.trace = []
        for _ in for_seconds(2):
            newest()
    assert work.trace[0].reason == Reason.REPLICA  # it was run again on the primary
    assert work.trace[1].reason == Reason.NO_REPLICA
    assert work.trace[-1].reason == Reason.REPLICA


def test_threads_that_ended_leave_no_connection(pair_here: Pair):
    with scope():
        newest()
        before = pair_here.replica.execute(CLIENTS)[0][0]
        for _ in range(30):
            thread = threading.Thread(target=in_scope(newest))
            thread.start()
            thread.join()
        pair_here.primary.execute("SELECT pg_sleep(0.2)")  # they take leave
        assert pair_here.replica.execute(CLIENTS)[0][0] == before
