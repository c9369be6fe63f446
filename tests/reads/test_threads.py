"""Threads that read at the same time in one scope, before its database is chosen."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, router

from pinning import Reason, current_scope, in_scope
from pinning.conf import clusters
from pinning.pins import Pins
from pinning.reads.decision import decide
from pinning.scopes.scope import Scope, inside
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

THREADS = 20


class Slow(Scope):
    """A scope whose pins take a moment to load, and which does ``meanwhile`` then."""

    def __init__(self, meanwhile=lambda: None) -> None:
        super().__init__()
        self.trace = []
        self.meanwhile = meanwhile

    def load_pins(self):
        time.sleep(0.1)
        self.meanwhile()
        return Pins()


def route():
    try:
        return router.db_for_read(Note)
    finally:
        connections.close_all()


def reasons(scope: Scope) -> dict[Reason, int]:
    return dict(Counter(read.reason for read in scope.trace))


def test_all_of_them_read_from_the_replica():
    together = threading.Barrier(THREADS, timeout=10)

    def meet():
        together.wait()
        return route()

    with inside(Slow()) as mine, ThreadPoolExecutor(THREADS) as pool:
        run = in_scope(meet)
        routes = [pool.submit(run) for _ in range(THREADS)]
        assert len({each.result() for each in routes}) == 1
    assert reasons(mine) == {Reason.REPLICA: THREADS}


def test_what_a_store_reads_while_the_scope_chooses_is_read_from_the_primary():
    seen = []
    with inside(Slow(lambda: seen.append(router.db_for_read(Note)))) as mine:
        assert router.db_for_read(Note) != "default"
    assert seen == ["default"]
    assert reasons(mine) == {Reason.STORES_DOWN: 1, Reason.REPLICA: 1}


def test_so_is_what_a_store_reads_in_a_thread_that_takes_the_scope_along():
    seen = []

    def read_aside():
        thread = threading.Thread(target=in_scope(lambda: seen.append(route())))
        thread.start()
        thread.join()

    with inside(Slow(read_aside)):
        assert router.db_for_read(Note) != "default"
    assert seen == ["default"]


class Ending(Scope):
    """A scope that another thread ends while a read is decided."""

    def bound(self, cluster):
        self.close()
        return super().bound(cluster)


def test_the_primary_answers_if_the_scope_ends_while_a_read_is_decided():
    with inside(Scope()), inside(Ending()):
        assert decide(clusters().named("default"), Note, None, current_scope()) == (
            "default",
            Reason.NO_SCOPE,
        )


def test_a_choice_that_fails_leaves_nothing_behind():
    def fail():
        raise ZeroDivisionError

    with inside(Slow(fail)) as mine:
        with pytest.raises(ZeroDivisionError):
            router.db_for_read(Note)
        mine.meanwhile = lambda: None
        assert router.db_for_read(Note) != "default"
