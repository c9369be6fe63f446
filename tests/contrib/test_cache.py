"""The cache that keeps nothing older than the last deletion: each way in which it might."""

import contextlib
import contextvars
import functools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from freezegun import freeze_time

from pinning import Reason, in_scope, scope, traced, use_primary, use_replica
from pinning.contrib.cache import TrueCache, rules, sightings
from pinning.contrib.cache.cell import Cell
from pinning.contrib.cache.work import Work, memory_of
from pinning.databases import VENDORS, forget
from pinning.databases.base import Positions
from pinning.middleware import PinningMiddleware
from pinning.pins import NOBODY, Pin, Pins, Position
from pinning.scopes.scope import Scope, inside
from pinning.signals import is_heard, scope_closed
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica1"])

P = ParamSpec("P")
R = TypeVar("R")

CACHES = {
    "default": {"BACKEND": "pinning.contrib.cache.TrueCache", "LOCATION": "plain"},
    "plain": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "true"},
}


class Log(Positions):
    """How far the primary's log is, and the replica."""

    def __init__(self) -> None:
        self.places = {"default": 10, "replica1": 10}

    def of_primary(self, connection: Any) -> Position | None:
        return self._told(connection)

    def of_replica(self, connection: Any) -> Position | None:
        return self._told(connection)

    def _told(self, connection: Any) -> Position | None:
        place, server = self.places[connection.alias], connection.alias
        return Position(places={"7.1": place}, clock=place, server=server)

    def commit(self) -> None:
        """Write a row, in a transaction of its own or in the open one."""
        Note.objects.create(text="row")
        self.places["default"] += 1

    def catch_up(self) -> None:
        self.places["replica1"] = self.places["default"]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    log = Log()
    monkeypatch.setitem(VENDORS, "sqlite", log)
    sightings.reset()
    forget(connections["replica1"])
    with override_settings(CACHES=CACHES):
        caches["plain"].clear()
        yield log
    forget(connections["replica1"])


@pytest.fixture
def read(log: Log) -> Callable[[], int]:
    """Reads a row as the router says, and gives how far the database was."""

    def read() -> int:
        with traced() as lines:
            Note.objects.count()
        return log.places[lines[-1].alias]

    return read


@pytest.fixture
def cache() -> Any:
    return caches["default"]


def by_another(function: Callable[P, R]) -> Callable[P, R]:
    """Run it as if no scope were open."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return contextvars.Context().run(function, *args, **kwargs)

    return run


@by_another
def get(cache: Any, key: str = "key") -> Any:
    """What an unpinned visitor gets."""
    with scope():
        return cache.get(key)


@by_another
def fill(cache: Any, read: Callable[[], int], key: str = "key") -> Any:
    """What an unpinned visitor does who needs the value."""
    with scope():
        return cache.get_or_set(key, read)


@by_another
def write(log: Log, cache: Any, key: str = "key") -> None:
    """What a writer does."""
    with scope():
        log.commit()
        cache.delete(key)


def pins_at(place: int) -> Pins:
    return Pins([Pin(cluster="default", written_at=place, timeline="7.1", position=place)])


class Pinned(Scope):
    """A scope whose user has written: the primary's log was at that place then."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place = place

    def load_pins(self) -> Pins | None:
        return pins_at(self.place)


class Told(Scope):
    """A scope whose pins are ``stored`` on a server. Its user is ``who``, once resolved."""

    def __init__(self) -> None:
        super().__init__()
        self.stored, self.who = Pins(), NOBODY

    def user_ids(self) -> tuple[str, ...]:
        return self.who

    def load_pins(self) -> Pins | None:
        return self.stored


@by_another
def pinned(place: int, function: Callable[[], Any]) -> Any:
    """What a visitor does whose last write is there."""
    with inside(Pinned(place)):
        return function()


class TestFilling:
    def test_a_value_is_stored_and_shown(self, cache, read):
        assert fill(cache, read) == 10
        assert get(cache) == 10

    def test_what_a_late_replica_gave_after_a_deletion_is_not_stored(self, log, cache, read):
        write(log, cache)
        assert fill(cache, read) == 10
        assert get(cache) is None

    def test_the_first_fill_after_the_replica_has_it_is_proof_and_the_next_is_stored(
        self, log, cache, read
    ):
        """The first one has begun before this process knew that the replica has it."""
        write(log, cache)
        log.catch_up()
        assert (fill(cache, read), get(cache)) == (11, None)
        assert (fill(cache, read), get(cache)) == (11, 11)

    def test_a_fill_that_began_before_the_replica_had_it_is_not_stored(self, log, cache, read):
        write(log, cache)
        with scope():
            old = read()
            log.catch_up()
            cache.get_or_set("key", lambda: old)
        assert get(cache) is None

    def test_nor_in_a_process_that_knows_of_it_by_another_scope(self, log, cache, read):
        write(log, cache)
        with scope():
            old = read()
            log.catch_up()
            fill(cache, read)
            cache.get_or_set("key", lambda: old)
        assert get(cache) is None

    def test_a_deletion_between_miss_and_set(self, log, cache, read):
        with scope():
            assert cache.get("key") is None
            old = read()
            write(log, cache)
            cache.set("key", old)
        assert get(cache) is None

    def test_on_the_primary_too(self, log, cache, read):
        with scope(), use_primary():
            assert cache.get("key") is None
            old = read()
            write(log, cache)
            cache.set("key", old)
        assert get(cache) is None

    def test_what_the_primary_gave_after_the_deletion_was_seen_is_stored(self, log, cache, read):
        write(log, cache)
        with scope(), use_primary():
            assert cache.get("key") is None
            cache.set("key", read())
        assert get(cache) == 11

    def test_what_was_read_on_the_primary_before_is_not(self, log, cache, read):
        with scope(), use_primary():
            old = read()
            write(log, cache)
            assert cache.get("key") is None
            cache.set("key", old)
        assert get(cache) is None

    def test_the_writer_s_next_request_fills_it_at_once(self, log, cache, read):
        write(log, cache)
        with inside(Pinned(11)) as work:
            assert cache.get_or_set("key", read) == 11
            assert work.reads == {"default": {Reason.PINNED: 1}}
        assert get(cache) == 11

    def test_a_value_that_stands_is_not_replaced_by_an_older_one(self, log, cache, read):
        with scope():
            cache.get("key")
            old = read()
            write(log, cache)
            pinned(11, lambda: cache.get_or_set("key", read))
            cache.set("key", old)
        assert get(cache) == 11

    def test_a_value_that_ends_leaves_the_barrier(self, log, cache, read):
        with freeze_time() as clock:
            write(log, cache)
            with inside(Pinned(11)):
                cache.get_or_set("key", read, 1)
            clock.tick(2)
            assert (fill(cache, read), get(cache)) == (10, None)

    def test_a_barrier_ends(self, log, cache, read):
        with freeze_time() as clock:
            write(log, cache)
            clock.tick(rules.barrier_seconds() + 1)
            assert (fill(cache, read), get(cache)) == (10, 10)

    def test_a_fill_that_takes_longer_than_a_barrier_could_last_is_not_stored(
        self, log, cache, read, monkeypatch
    ):
        with scope():
            cache.get("key")
            old = read()
            began = time.monotonic()
            monkeypatch.setattr(time, "monotonic", lambda: began + rules.FILL_SECONDS + 1)
            cache.set("key", old)
        assert get(cache) is None

    def test_use_replica_tells_nothing(self, log, cache, read):
        write(log, cache)
        log.catch_up()
        for _ in range(2):
            with scope(), use_replica():
                cache.get_or_set("key", read)
        assert get(cache) is None

    def test_two_threads_of_a_scope_have_read(self, log, cache, read):
        write(log, cache)
        log.catch_up()
        fill(cache, read)
        with scope(), ThreadPoolExecutor(1) as pool:
            cache.get("key")
            pool.submit(in_scope(Note.objects.count)).result()
            cache.set("key", read())
            pool.submit(connections.close_all)
        assert get(cache) is None

    def test_where_the_database_tells_no_position_the_window_counts(
        self, log, cache, read, monkeypatch
    ):
        monkeypatch.setattr(log, "_told", lambda connection: None)
        with freeze_time() as clock:
            write(log, cache)
            assert (fill(cache, read), get(cache)) == (10, None)
            clock.tick(6)
            fill(cache, read)
            clock.tick(1)
            assert (fill(cache, read), get(cache)) == (10, 10)

    def test_outside_of_scopes_each_task_has_misses_of_its_own(self, log, cache):
        """On an event loop they take turns, and all of them call the cache in one thread."""
        one, other = contextvars.Context(), contextvars.Context()
        one.run(cache.get, "key")
        one.run(Note.objects.count)
        write(log, cache)
        other.run(cache.get, "key")
        one.run(cache.set, "key", 10)
        assert get(cache) is None


class TestDeletions:
    def test_later_deletions_keep_the_places_of_earlier_ones(self, log, cache, read):
        """The one who has written first may delete last."""
        with scope():
            log.commit()
            pinned(12, lambda: cache.delete("key"))
            cache.delete("key")
        log.places["replica1"] = 11
        for _ in range(2):
            assert (fill(cache, read), get(cache)) == (11, None)

    def test_it_tells_whether_there_was_a_value(self, cache, read):
        fill(cache, read)
        assert (cache.delete("key"), cache.delete("key")) == (True, False)

    def test_a_task_deletes_what_the_request_has_written(self, log, cache, read):
        with inside(Pinned(11)):
            cache.delete("key")
        assert (fill(cache, read), get(cache)) == (10, None)

    def test_outside_of_scopes_it_counts_for_all_that_was_committed(self, log, cache, read):
        log.commit()
        cache.delete("key")
        assert (fill(cache, read), get(cache)) == (10, None)

    def test_a_command_deletes_and_sets(self, log, cache, read):
        cache.set("key", 1)
        cache.delete("key")
        assert cache.get("key") is None
        cache.set("key", 2)
        assert get(cache) == 2

    def test_of_many(self, log, cache, read):
        with scope():
            log.commit()
            cache.delete_many(["key", "other"])
        for key in ("key", "other"):
            assert (fill(cache, read, key), get(cache, key)) == (10, None)

    def test_of_everything(self, log, cache, read):
        fill(cache, read)
        with scope():
            log.commit()
            cache.clear()
        assert (fill(cache, read), get(cache)) == (10, None)
        log.catch_up()
        for _ in range(3):
            assert fill(cache, read) == 11
        assert get(cache) == 11

    def test_a_set_to_end_at_once_is_one(self, log, cache, read):
        with scope():
            log.commit()
            cache.set("key", 1, 0)
        assert (fill(cache, read), get(cache)) == (10, None)


@by_another
def set_after_writing(log: Log, cache: Any) -> None:
    with scope():
        log.commit()
        cache.set("key", "new")


class TestWriters:
    def test_what_a_writer_sets_is_shown_and_is_not_replaced(self, log, cache, read):
        with scope():
            assert cache.get("key") is None
            old = read()
            set_after_writing(log, cache)
            cache.set("key", old)
        assert get(cache) == "new"

    def test_what_it_sets_is_no_newer_than_what_it_has_read(self, log, cache, read):
        with scope(), use_primary():
            cache.get("key")
            old = read()
            write(log, cache)
            log.commit()
            cache.set("key", old)
        assert get(cache) is None

    def test_it_fills_what_it_has_deleted(self, log, cache, read):
        with scope():
            log.commit()
            cache.delete("key")
            assert cache.get_or_set("key", read) == 11
            assert cache.get("key") == 11
        assert get(cache) == 11

    def test_what_was_filled_before_it_wrote_is_not_shown_to_it(self, log, cache, read):
        fill(cache, read)
        with scope():
            assert cache.get("key") == 10
            log.commit()
            assert cache.get("key") is None
            assert cache.get_or_set("key", read) == 11
        assert get(cache) == 11


class TestTransactions:
    def test_before_the_commit_nobody_fills(self, log, cache, read):
        with scope(), transaction.atomic():
            log.commit()
            cache.delete("key")
            for _ in range(2):
                with use_primary():
                    _in_thread(lambda: fill(cache, lambda: "old"))
            assert _in_thread(lambda: get(cache)) is None

    def test_what_was_read_before_the_commit_is_not_stored_after_it(self, log, cache, read):
        """A visitor on the primary: its snapshot does not have what is committed meanwhile."""
        outer = Scope()
        with inside(outer), use_primary():
            cache.get("key")
            old = read()
        with scope(), transaction.atomic():
            log.commit()
            cache.delete("key")
        with inside(outer):
            cache.set("key", old)
        assert get(cache) is None

    def test_after_the_commit_it_counts_with_its_place(self, log, cache, read):
        with scope(), transaction.atomic():
            log.commit()
            cache.delete("key")
        assert (fill(cache, read), get(cache)) == (10, None)
        log.catch_up()
        fill(cache, read)
        assert (fill(cache, read), get(cache)) == (11, 11)

    def test_what_is_set_in_it_is_its_own_until_the_commit(self, log, cache):
        with scope(), transaction.atomic():
            log.commit()
            cache.set("key", "new")
            assert cache.get("key") == "new"
            assert _in_thread(lambda: get(cache)) is None
        assert get(cache) == "new"

    def test_what_is_set_in_one_that_is_rolled_back_is_shown_to_nobody(self, log, cache):
        with scope():
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                log.commit()
                cache.set("key", "never committed")
                raise ZeroDivisionError
            assert _in_thread(lambda: get(cache)) is None
        assert get(cache) is None

    def test_after_a_rollback_it_can_be_filled(self, log, cache, read):
        with scope(), pytest.raises(ZeroDivisionError), transaction.atomic():
            log.commit()
            cache.delete("key")
            raise ZeroDivisionError
        fill(cache, read)
        fill(cache, read)
        assert get(cache) == 10

    def test_a_savepoint_that_is_rolled_back_takes_its_value_with_it(self, log, cache):
        with scope(), transaction.atomic():
            log.commit()
            cache.delete("key")
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                log.commit()
                cache.set("key", "never committed")
                raise ZeroDivisionError
        assert get(cache) is None

    def test_of_two_that_are_open_each_counts(self, log, cache):
        """The second one is committed first: the other is still open."""
        one, other = rules.opened(None, Work(), "one"), rules.opened(None, Work(), "other")
        now = time.time()
        cell = other(one(rules.Cell(), now), now)
        cell = rules.closed(Work(), "other", pins_at(11), keeps_value=True)(cell, now)
        assert [token for token, _ in cell.barrier.open] == ["one"]
        cell = rules.closed(Work(), "one", pins_at(12), keeps_value=True)(cell, now)
        assert (cell.barrier.open, next(iter(cell.barrier.pins)).position) == ((), 12)

    def test_a_barrier_that_is_lost_is_put_up_again(self, log, cache, read):
        with scope(), transaction.atomic():
            log.commit()
            cache.delete("key")
            caches["plain"].clear()
            caches["default"].add("key", "by somebody")
        assert get(cache) is None
        assert (fill(cache, read), get(cache)) == (10, None)

    def test_a_callback_of_the_project_that_fails_keeps_ours_from_running(self, log, cache, read):
        with pytest.raises(ZeroDivisionError), scope(), transaction.atomic():
            log.commit()
            transaction.on_commit(lambda: 1 / 0)
            cache.delete("key")
        assert (fill(cache, read), get(cache)) == (10, None)
        log.catch_up()
        fill(cache, read)
        assert (fill(cache, read), get(cache)) == (11, 11)

    @pytest.mark.parametrize("around", [contextlib.nullcontext, scope])
    def test_outside_of_scopes_nothing_is_remembered_of_one_that_is_over(self, cache, around):
        for number in range(3):
            with transaction.atomic(), around():
                cache.delete(f"key{number}")
        assert memory_of(None).open == {}

    def test_nothing_written_nothing_open(self, cache):
        with scope(), transaction.atomic():
            cache.set("key", 1)
            assert _in_thread(lambda: get(cache)) == 1


def _in_thread(function: Callable[[], Any]) -> Any:
    found = []

    def run() -> None:
        try:
            found.append(function())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


class TestPinnedReaders:
    def test_what_was_read_before_their_write_is_not_shown_to_them(self, log, cache, read):
        fill(cache, read)
        with inside(Pinned(11)):
            assert cache.get("key") is None
        assert get(cache) == 10

    def test_what_they_fill_is(self, log, cache, read):
        fill(cache, read)
        log.places["default"] = 11
        with inside(Pinned(11)):
            assert cache.get_or_set("key", read) == 11
        with inside(Pinned(11)):
            assert cache.get("key") == 11
        with inside(Pinned(10)):
            assert cache.get("key") == 11

    def test_what_no_database_gave_is(self, cache):
        with scope():
            cache.set("session", {"cart": 1})
        with inside(Pinned(11)):
            assert cache.get("session") == {"cart": 1}

    def test_a_page(self, log, cache, read):
        """The page cache asks for the key of the page only if it knows what the page varies by."""
        with scope():
            cache.set("page", HttpResponse(str(read())))
        with inside(Pinned(11)):
            assert cache.get("page") is None

    def test_a_store_that_is_down(self, cache, read):
        class Unknown(Scope):
            def load_pins(self) -> Pins | None:
                return None

        fill(cache, read)
        with inside(Unknown()):
            assert cache.get("key") is None


class TestPinsThatCameLater:
    """What a scope is told of after it has read is not what it has read."""

    def test_by_another_request_of_the_user_that_overlaps(self, log, cache, read):
        """A read on the primary asks no store, so the pins are loaded when the value is stored."""
        work = Told()
        with inside(work), use_primary():
            assert cache.get("key") is None
            old = read()
            write(log, cache)
            work.stored = pins_at(11)
            cache.set("key", old)
        assert get(cache) is None

    def test_by_a_user_who_is_resolved(self, log, cache, read):
        write(log, cache)
        work = Told()
        with inside(work):
            assert cache.get("key") is None
            old = read()
            work.stored, work.who = pins_at(11), ("5",)
            cache.set("key", old)
        assert get(cache) is None

    def test_by_a_user_who_is_resolved_and_has_deleted_nothing(self, log, cache, read):
        log.commit()
        work = Told()
        with inside(work):
            assert cache.get("key") is None
            old = read()
            work.stored, work.who = pins_at(11), ("5",)
            cache.set("key", old)
        assert pinned(11, lambda: cache.get("key")) is None
        assert get(cache) == 10

    def test_by_a_task(self, log, cache, read):
        write(log, cache)
        with scope() as work:
            assert cache.get("key") is None
            old = read()
            work.receive(pins_at(11))
            cache.set("key", old)
        assert get(cache) is None

    def test_by_a_scope_inside(self, log, cache, read):
        write(log, cache)
        with scope():
            assert cache.get("key") is None
            old = read()
            with inside(Pinned(11)):
                cache.set("key", old)
        assert get(cache) is None


class TestWhatIsNoRow:
    """Sessions, locks, counters, codes: to lose one is worse than to keep it."""

    def test_a_set_without_a_miss_stands_after_a_deletion_that_the_replica_has(
        self, log, cache, read
    ):
        write(log, cache)
        log.catch_up()
        with scope():
            read()
            cache.set("key", "code")
        assert get(cache) == "code"

    def test_a_set_on_the_primary_stands_at_once(self, log, cache, read):
        write(log, cache)
        with scope(), use_primary():
            read()
            cache.set("key", "code")
        assert get(cache) == "code"

    def test_a_set_by_work_on_a_replica_that_lacks_the_deletion_does_not(self, log, cache, read):
        write(log, cache)
        with scope():
            read()
            cache.set("key", "perhaps of a row")
        assert get(cache) is None

    def test_a_lock_is_taken_as_soon_as_it_is_free(self, log, cache, read):
        with scope():
            assert cache.add("lock", 1)
            log.commit()
            assert cache.delete("lock")
        with scope():
            read()
            assert cache.get("lock") is None
            assert cache.add("lock", 2)
        with scope():
            assert not cache.add("lock", 3)

    def test_a_lock_that_a_transaction_frees_and_another_takes(self, log, cache):
        with scope():
            cache.add("lock", 1)
        with scope(), transaction.atomic():
            log.commit()
            cache.delete("lock")
            assert _in_thread(lambda: cache.add("lock", 2))
        assert not cache.add("lock", 3)
        assert get(cache, "lock") == 2

    def test_a_lock_that_is_taken_in_a_transaction_is_seen_by_others(self, log, cache):
        with scope(), transaction.atomic():
            log.commit()
            assert cache.add("lock", 1)
            assert not _in_thread(lambda: cache.add("lock", 2))

    def test_a_counter_of_one_who_has_written(self, log, cache):
        with scope():
            log.commit()
            cache.set("counter", 5)
        assert (cache.incr("counter"), cache.decr("counter", 2)) == (6, 4)
        assert get(cache, "counter") == 4

    def test_a_plain_counter_keeps_its_end(self, cache):
        with freeze_time() as clock:
            cache.set("counter", 5, 10)
            assert cache.incr("counter") == 6
            clock.tick(11)
            assert cache.get("counter") is None

    @pytest.mark.parametrize("is_deleted", [True, False])
    def test_there_is_no_counter(self, log, cache, is_deleted):
        if is_deleted:
            write(log, cache, "counter")
        with pytest.raises(ValueError, match="not found"):
            cache.incr("counter")


class TestMethods:
    def test_plain_values_are_kept_as_they_are(self, cache):
        cache.set("key", 5)
        assert caches["plain"].get(":1:key") == 5

    def test_a_list_of_a_client_s_is_none_of_ours(self, cache):
        value = [*Cell(value=1, is_filled=True).packed()[:-1], 5]
        cache.set("key", value)
        assert cache.get("key") == value

    def test_a_lock_of_the_project_s_beside_the_key_is_in_nobody_s_way(self, cache):
        with scope():
            assert cache.add("key:lock", 1)
            cache.set("key", 5)
            assert cache.get("key") == 5

    def test_none_is_a_value(self, cache):
        cache.set("key", None)
        assert cache.has_key("key")
        assert cache.get("key", 1) is None

    def test_many(self, log, cache, read):
        with scope():
            assert cache.set_many({"one": 1, "two": 2}) == []
        write(log, cache, "two")
        assert cache.get_many(["one", "two", "three"]) == {"one": 1}

    def test_versions(self, log, cache, read):
        cache.set("key", 1, version=2)
        assert (cache.get("key"), cache.get("key", version=2)) == (None, 1)
        assert cache.incr_version("key", version=2) == 3
        assert cache.get("key", version=3) == 1

    @pytest.mark.parametrize("has_written", [True, False])
    def test_touch(self, log, cache, has_written):
        with freeze_time() as clock:
            with scope():
                if has_written:
                    log.commit()
                cache.set("key", 1, 10)
            assert cache.touch("key", 1000)
            clock.tick(100)
            assert get(cache) == 1
            assert cache.touch("key", None)
            clock.tick(10_000_000)
            assert get(cache) == 1
            assert cache.touch("key", 0)
            assert not cache.touch("key")

    def test_the_timeout_of_its_own_entry_counts(self):
        own = {**CACHES["default"], "TIMEOUT": 10, "KEY_PREFIX": "own"}
        with override_settings(CACHES={**CACHES, "default": own}), freeze_time() as clock:
            caches["default"].set("key", 1)
            assert caches["plain"].get("own:1:key") == 1
            clock.tick(11)
            assert caches["default"].get("key") is None

    def test_asynchronous(self, log, cache):
        async def work() -> Any:
            async with scope():
                await cache.aset("key", 1)
                await sync_to_async(log.commit)()
                await cache.adelete("key")
                return await cache.aget("key")

        assert async_to_sync(work)() is None

    def test_on_an_event_loop_nothing_waits(self, log, cache, read):
        fill(cache, read)

        async def work() -> Any:
            async with scope():
                return cache.get("key"), cache.set("other", 1), cache.get("other")

        assert async_to_sync(work)() == (None, None, 1)

    @pytest.mark.parametrize("name", ["keys", "sadd", "expire"])
    def test_what_it_cannot_keep_true_says_so(self, cache, name):
        with pytest.raises(AttributeError, match="TrueCache has no"):
            getattr(cache, name)


class TestRequests:
    def test_a_visitor_after_a_writer(self, log, cache, read):
        def change(request: Any) -> HttpResponse:
            log.commit()
            cache.delete("key")
            return HttpResponse()

        def show(request: Any) -> HttpResponse:
            return HttpResponse(str(cache.get_or_set("key", read)))

        asked = RequestFactory()
        changed = PinningMiddleware(change)(asked.post("/"))
        assert PinningMiddleware(show)(asked.get("/")).content == b"10"
        mine = asked.get("/")
        mine.COOKIES = {name: each.value for name, each in changed.cookies.items()}
        assert PinningMiddleware(show)(mine).content == b"11"
        assert PinningMiddleware(show)(asked.get("/")).content == b"11"


def test_a_location_that_is_no_other_cache_is_told():
    with pytest.raises(ImproperlyConfigured, match=r"'nowhere'.*E048"):
        TrueCache("nowhere", {}).get("key")
    with pytest.raises(ImproperlyConfigured, match=r"'default'.*E048"):
        TrueCache("default", {}).get("key")


def test_the_end_of_scopes_is_not_listened_to_before_a_transaction_leaves_a_key_pending(cache):
    """It would take each asynchronous request from the event loop."""
    with scope():
        cache.set("key", 1)
        cache.delete("key")
    assert not is_heard(scope_closed, Scope)
    with scope(), transaction.atomic():
        cache.delete("key")
    assert is_heard(scope_closed, Scope)
