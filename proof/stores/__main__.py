"""Whether a pin is ever lost, lowered or invented when many save and load at once, on a real Redis.

    python -m proof.stores --interleavings 100000

First interleavings, command by command: all orders of written scenarios, the rest made up by
chance. Then processes of several threads that save and load as fast as they can. Then how often the
``cache`` store, which promises less, loses one of two saves. Ends with status 1 where the ``redis``
store lost anything.
"""

import argparse
import multiprocessing
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from random import Random
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proof.settings")

import django

django.setup()

# What follows needs the settings.
# ruff: noqa: E402
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from pinning.pins.stores import Store
from pinning.pins.stores.cache import CacheStore
from pinning.pins.stores.redis import RedisStore
from pinning.testing.redis import Redis
from proof.stores.interleaving import redis_taking_turns
from proof.stores.scenarios import SCENARIOS, Outcome, by_chance, remember, written_out

NAMES = ("alice", "bob", "carol")
TIMELINES = ("7.1", "7.2")
PROCESSES, THREADS = 2, 4
ROUNDS = 5000  # of one save and one load each, by every thread
PAIRS = 2000
CACHE_INTERLEAVINGS = 2000
MOST_SHOWN = 5


def interleavings(wanted: int, seed: int) -> Iterator[Outcome]:
    """At most four fifths are those of written scenarios, so that chance has its part too."""
    written = islice(written_out(RedisStore), wanted * 4 // 5)
    return chain(written, by_chance(RedisStore, seed))


def run_interleavings(wanted: int, seed: int) -> int:
    """Run as many that differ, say what was run, and return how many lost something."""
    begun, seen, distinct, failed = time.monotonic(), Counter[str](), set[int](), 0
    for outcome in interleavings(wanted, seed):
        seen[outcome.scenario if outcome.scenario in SCENARIOS else "made up by chance"] += 1
        distinct.add(hash((outcome.scenario, outcome.order)))
        if outcome.losses:
            failed += 1
            if failed <= MOST_SHOWN:
                print(f"LOST in {outcome.scenario}, order {outcome.order}: {outcome.losses}")
        if len(distinct) == wanted:
            break
    for name, number in seen.items():
        print(f"  {number:7,}  {name}")
    print(
        f"{len(distinct):,} interleavings that differ, {sum(seen.values()):,} in all, in "
        f"{time.monotonic() - begun:.0f} s, seed {seed}: {failed} lost a pin",
        flush=True,
    )
    return failed


class Board:
    """In memory that processes share: what each thread was told is saved, by name and timeline."""

    def __init__(self) -> None:
        self.width = len(NAMES) * len(TIMELINES)
        self.cells = multiprocessing.Array("q", PROCESSES * THREADS * self.width, lock=False)

    def note(self, thread: int, name: int, timeline: int, position: int) -> None:
        """Each thread writes cells of its own."""
        cell = thread * self.width + name * len(TIMELINES) + timeline
        self.cells[cell] = max(self.cells[cell], position)

    def known(self, name: int) -> list[int]:
        """The largest position that anybody was told is saved, on each timeline."""
        first = name * len(TIMELINES)
        cells = range(first, first + len(TIMELINES))
        return [max(self.cells[cell :: self.width]) for cell in cells]


def race(number: int, board: Board, lost: Any) -> None:
    """One thread: save, tell all others, load what all were told."""
    store, chance = RedisStore(), Random(number)
    for turn in range(1, ROUNDS + 1):
        name, timeline = chance.randrange(len(NAMES)), chance.randrange(len(TIMELINES))
        position = turn * 100 + chance.randrange(1000)
        pin = Pin(
            cluster="default",
            written_at=time.time(),
            timeline=TIMELINES[timeline],
            position=position,
        )
        store.save(Visitor(cookies={}, identities=(NAMES[name],)), Pins([pin]), None)
        board.note(number, name, timeline, position)
        reader = chance.randrange(len(NAMES))
        known = board.known(reader)
        loaded = store.load(Visitor(cookies={}, identities=(NAMES[reader],))).pins
        positions = {each.timeline: each.position or 0 for each in loaded}
        if any(positions.get(t, 0) < p for t, p in zip(TIMELINES, known, strict=True)):
            with lost.get_lock():
                lost.value += 1


def race_in_threads(url: str, process: int, board: Board, lost: Any) -> None:
    """One process."""
    with redis_taking_turns(url):  # nobody is a hand here, so nobody waits
        numbers = range(process * THREADS, (process + 1) * THREADS)
        threads = [threading.Thread(target=race, args=[n, board, lost]) for n in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def run_processes(url: str) -> int:
    """All at once, in no order that anybody chose. How many loads lacked something."""
    remember()
    spawn = multiprocessing.get_context("fork")
    board, lost, begun = Board(), spawn.Value("i", 0), time.monotonic()
    workers = [
        spawn.Process(target=race_in_threads, args=[url, number, board, lost])
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    crashed = sum(worker.exitcode != 0 for worker in workers)
    print(
        f"{PROCESSES * THREADS * ROUNDS:,} saves and as many loads by {PROCESSES} processes of "
        f"{THREADS} threads in {time.monotonic() - begun:.0f} s: {lost.value} loads lacked a pin"
    )
    return int(lost.value) + crashed


def pairs_that_lost(store: Store, apart_ms: float) -> int:
    """Of PAIRS of saves for one user, the second so much later, how many left one pin alone."""
    lost = 0
    barrier = threading.Barrier(2)

    def save(name: str, cluster: str, delay: float) -> None:
        pin = Pin(cluster=cluster, written_at=time.time(), timeline="7.1", position=1)
        barrier.wait()
        time.sleep(delay)
        store.save(Visitor(cookies={}, identities=(name,)), Pins([pin]), None)

    def all_saves(cluster: str, delay: float) -> None:
        for number in range(PAIRS):
            save(f"{apart_ms}.{number}", cluster, delay)

    other = threading.Thread(target=all_saves, args=["orders", apart_ms / 1000])
    other.start()
    all_saves("default", 0.0)
    other.join()
    for number in range(PAIRS):
        found = store.load(Visitor(cookies={}, identities=(f"{apart_ms}.{number}",))).pins
        lost += len(found) < 2
    return lost


def run_cache(seed: int) -> None:
    """Say how often the cache store loses a pin, which its documentation admits."""
    outcomes = list(islice(by_chance(CacheStore, seed), CACHE_INTERLEAVINGS))
    failed = sum(bool(outcome.losses) for outcome in outcomes)
    print(f"The cache store lost a pin in {failed:,} of {len(outcomes):,} interleavings")
    remember()
    for apart_ms in (0, 1, 5, 20):
        lost = {
            kind.__name__: pairs_that_lost(kind(), apart_ms) for kind in (CacheStore, RedisStore)
        }
        print(f"Of {PAIRS:,} pairs of saves {apart_ms} ms apart, one was lost in: {lost}")


def main() -> int:
    """Run all. 1 where the redis store lost anything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interleavings", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with Redis() as server, redis_taking_turns(server.url):
        lost = run_processes(server.url) + run_interleavings(
            arguments.interleavings, arguments.seed
        )
        run_cache(arguments.seed)
    return min(lost, 1)


if __name__ == "__main__":
    sys.exit(main())
