"""Threads: without a scope the primary serves, with one along they are part of it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, router

from pinning import Reason, current_scope, in_scope, scope, use_primary
from pinning.pins import Pin, Pins, signing
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def work(text=""):
    """In a thread: the scope, and where a read would go."""
    try:
        if text:
            Note.objects.create(text=text)
        return current_scope(), router.db_for_read(Note)
    finally:
        connections.close_all()


def run(function, *args):
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*args)))
    thread.start()
    thread.join()
    return results[0]


def test_a_thread_has_no_scope_and_reads_from_the_primary():
    with scope():
        assert run(work) == (None, "default")


def test_a_thread_takes_the_scope_along():
    with scope() as mine:
        assert run(in_scope(work)) == (mine, "replica1")


def test_what_a_thread_writes_counts():
    with scope() as mine:
        run(in_scope(work), "new")
        assert mine.has_written("default")
        assert router.db_for_read(Note) == "default"


def test_a_pool_runs_it_several_times_at_once():
    together = threading.Barrier(2, timeout=5)

    def meet(number):
        together.wait()
        return number, current_scope()

    with scope() as mine, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(in_scope(meet), range(2))) == [(0, mine), (1, mine)]
        assert pool.submit(in_scope(work)).result()[0] is mine
        assert pool.submit(work).result() == (None, "default")


def test_the_blocks_around_it_hold_as_well():
    with scope() as mine:
        with use_primary():
            function = in_scope(work)
        assert run(function) == (mine, "default")


def test_after_the_scope_has_ended_the_primary_serves():
    with scope() as mine:
        mine.trace = []
        function = in_scope(work)
    assert run(function) == (None, "default")
    assert Reason.REPLICA not in {read.reason for read in mine.trace}


def test_it_keeps_its_name():
    assert in_scope(work).__name__ == "work"


def job():
    """Work with a scope of its own, in a thread whose scope has ended meanwhile."""
    try:
        with scope():
            return router.db_for_read(Note)
    finally:
        connections.close_all()


def test_a_scope_that_opens_after_the_one_around_has_ended_sees_what_that_wrote():
    with scope():
        Note.objects.create(text="new")
        later = in_scope(job)
    assert run(later) == "default"


def test_and_what_that_had_pins_for():
    text = signing.sign(Pins([Pin(cluster="default", written_at=time.time())]), signing.CARRIED)

    with scope(carried=text):
        assert router.db_for_read(Note) == "default"
        later = in_scope(job)
    assert run(later) == "default"


def test_if_there_was_nothing_to_see_it_reads_from_the_replica():
    with scope():
        list(Note.objects.all())
        later = in_scope(job)
    assert run(later) == "replica1"
