"""Positions on real servers: never caught up too early, never late without a reason."""

import contextlib
import os
import signal
import time
from dataclasses import replace

import psycopg
import pytest
from django.db import Error

from pinning import databases
from pinning.databases import forget
from pinning.pins.pin import Position
from tests.live.conftest import on_each_database, on_postgresql_and_mariadb
from tests.live.site.pair import Pair
from tests.live.site.reaching import (
    STALL_SECONDS,
    count,
    has_reached,
    pin_of,
    wait_until_reached,
    write,
)

#: Until so many positions were at the end of a page of 8 KB: some 1 of 900 is.
PAGES = 25


@on_each_database
def test_a_paused_replica_has_not_reached_a_write_and_a_resumed_one_has(pair, connect):
    primary, replica = connect(pair.primary), connect(pair.replica)
    pair.replica.pause_replay()
    write(primary)
    pin = pin_of(primary)
    assert not has_reached(replica, pin)
    assert count(replica) == 0
    pair.replica.resume_replay()
    assert wait_until_reached(replica, pin) < STALL_SECONDS
    assert count(replica) == 1


def test_no_capture_on_an_idle_primary_waits_for_a_page_header(pair, connect, figure):
    primary, replica = connect(pair.primary), connect(pair.replica)
    longest = captures = boundaries = stalls = 0
    with primary.cursor() as cursor:
        cursor.execute("INSERT INTO notes_tag (name) VALUES ('counter')")
        while boundaries < PAGES:
            cursor.execute("UPDATE notes_tag SET name = %s", [str(captures)])
            pin = pin_of(primary)
            captures += 1
            boundaries += pin.position % 8192 == 0
            seconds = wait_until_reached(replica, pin)
            stalls += seconds >= STALL_SECONDS
            longest = max(longest, seconds)
    figure(
        f"Of {captures} captures, {boundaries} at a page's end",
        f"{stalls} stalls, longest wait {longest * 1000:.0f} ms",
    )
    assert stalls == 0


def test_a_switch_of_the_log_file_makes_no_replica_look_late(pair, connect):
    primary, replica = connect(pair.primary), connect(pair.replica)
    write(primary)
    pair.execute("SELECT pg_switch_wal()")
    assert wait_until_reached(replica, pin_of(primary)) < STALL_SECONDS


def test_asynchronous_commits_are_covered(pair, connect):
    primary, replica = connect(pair.primary), connect(pair.replica)
    with primary.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    caught_up = 0
    for number in range(1, 200):
        write(primary)
        pin = pin_of(primary)
        for _ in range(20):
            if has_reached(replica, pin):
                caught_up += 1
                assert count(replica) >= number
                break
    assert wait_until_reached(replica, pin) < STALL_SECONDS


def assert_known_without_asking(pair, connection, pin):
    pair.replica.stop()
    try:
        assert has_reached(connection, pin)  # the server cannot have been asked
        forget(connection)
        assert not has_reached(connection, pin)
    finally:
        pair.replica.start()


@on_each_database
def test_what_a_connection_has_reached_is_asked_once(pair, connect, monkeypatch):
    primary, replica = connect(pair.primary), connect(pair.replica)
    write(primary)
    pin = pin_of(primary)
    pair.replica.wait_until_caught_up()
    assert has_reached(replica, pin)
    assert_known_without_asking(pair, replica, pin)


@on_each_database
def test_what_another_connection_has_seen_is_not_asked_again(pair, connect):
    primary, first, second = connect(pair.primary), connect(pair.replica), connect(pair.replica)
    for replica in (first, second):
        has_reached(replica, pin_of(primary))  # to know which server it leads to
    write(primary)
    pin = pin_of(primary)
    pair.replica.wait_until_caught_up()
    assert has_reached(first, pin)
    assert_known_without_asking(pair, second, pin)


@on_each_database
def test_what_another_connection_has_seen_is_not_in_an_older_snapshot(pair, connect):
    primary, first, second = connect(pair.primary), connect(pair.replica), connect(pair.replica)
    for replica in (first, second):
        has_reached(replica, pin_of(primary))
    second.set_autocommit(False)
    with second.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert count(second) == 0
    write(primary)
    pin = pin_of(primary)
    pair.replica.wait_until_caught_up()
    assert has_reached(first, pin)
    assert count(second) == 0
    assert not has_reached(second, pin)
    second.rollback()
    second.set_autocommit(True)
    assert has_reached(second, pin)
    assert count(second) == 1


def name_when_it_receives(replica):
    """The server's name, as soon as it answers and has one."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(Error):
            if name := databases.of_replica(replica).server:
                return name
        replica.close()
        time.sleep(0.05)
    raise AssertionError("The replica receives nothing.")


@on_each_database
def test_a_replica_that_was_killed_has_another_name_than_before(pair, connect):
    """It may begin again from an earlier place than it had told."""
    name = databases.of_replica(connect(pair.replica)).server
    assert name == databases.of_replica(connect(pair.replica)).server != ""
    pair.replica.kill()
    pair.replica.start()
    assert name != name_when_it_receives(connect(pair.replica))


def test_a_standby_that_crashed_under_its_postmaster_has_another_name_than_before(pair, connect):
    replica = connect(pair.replica)
    name = databases.of_replica(replica).server
    with replica.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_postmaster_start_time()")
        backend, started = cursor.fetchone()
    os.kill(backend, signal.SIGKILL)
    after = connect(pair.replica)
    assert name != name_when_it_receives(after)
    with after.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()")
        assert cursor.fetchone() == (started,)


@on_each_database
def test_a_transaction_on_the_replica_is_not_trusted(pair, connect):
    """Its snapshot may be older than what the server has reached since."""
    primary, replica = connect(pair.primary), connect(pair.replica)
    replica.ensure_connection()
    replica.set_autocommit(False)
    with replica.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert count(replica) == 0
    write(primary)
    pin = pin_of(primary)
    pair.replica.wait_until_caught_up()
    assert not has_reached(replica, pin)
    assert count(replica) == 0
    replica.rollback()
    replica.set_autocommit(True)
    assert has_reached(replica, pin)
    assert count(replica) == 1


@on_postgresql_and_mariadb
def test_a_primary_in_the_place_of_a_replica_has_reached_nothing(pair, connect):
    primary = connect(pair.primary)
    write(primary)
    assert databases.of_replica(primary).places == {}
    assert not has_reached(primary, pin_of(primary))


def test_a_replica_in_the_place_of_the_primary_has_no_position(pair, connect):
    with pytest.raises(Error):
        databases.of_primary(connect(pair.replica))


@on_each_database
def test_a_cascaded_replica_is_asked_itself(pair, connect):
    primary = connect(pair.primary)
    with pair.replica.replica() as second:
        cascaded, upstream = connect(second), connect(pair.replica)
        second.pause_replay()
        write(primary)
        pin = pin_of(primary)
        assert wait_until_reached(upstream, pin) < STALL_SECONDS
        assert not has_reached(cascaded, pin)
        second.resume_replay()
        assert wait_until_reached(cascaded, pin) < STALL_SECONDS


def test_a_role_that_may_not_see_the_timeline_waits_for_the_window(pair, connect):
    """What anybody may read is older than the last promotion may be."""
    with contextlib.suppress(psycopg.errors.DuplicateObject):
        pair.primary.create_role("ordinary")
    pair.execute("REVOKE pg_read_all_stats FROM ordinary")
    pair.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO ordinary")
    pair.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ordinary")
    pair.replica.wait_until_caught_up()
    primary = connect(pair.primary, USER="ordinary")
    replica = connect(pair.replica, USER="ordinary")
    pair.replica.pause_replay()
    write(primary)
    pin = pin_of(primary)
    old = replace(pin, written_at=pin.written_at - 6)
    assert not has_reached(replica, old)
    pair.replica.resume_replay()
    assert wait_until_reached(replica, old) < STALL_SECONDS
    assert not has_reached(replica, pin)
    pair.execute("GRANT pg_read_all_stats TO ordinary")
    assert wait_until_reached(replica, pin) < STALL_SECONDS


@on_postgresql_and_mariadb
def test_a_replica_of_a_promoted_one_does_not_take_its_log_for_the_lost_one(
    fresh_pair: Pair, connect
):
    """The write never left the old primary; the new one's log soon passes its position."""
    pair = fresh_pair
    with pair.replica.replica() as second:
        old = connect(pair.primary)
        write(old, "kept")
        pair.replica.wait_until_caught_up()
        second.wait_until_caught_up()
        pair.replica.stop()
        write(old, "lost")
        lost = pin_of(old)
        pair.primary.kill()
        pair.replica.start()
        pair.replica.promote()
        new, replica = connect(pair.replica), connect(second)
        assert not has_reached(new, lost)
        for _ in range(200):
            write(new, "unrelated" * 100)
        second.wait_until_caught_up()
        ((timeline, place),) = databases.of_replica(replica).places.items()
        assert place > lost.position
        assert timeline != lost.timeline
        assert not has_reached(replica, lost)
        later = Position(places={timeline: place}, clock=lost.written_at + 5)
        assert lost.is_over(later, later.clock, window=5, max_pin=60)
        write(new)
        pin = pin_of(new)
        assert wait_until_reached(replica, pin) < STALL_SECONDS
        if new.vendor != "postgresql":  # whose timelines are told apart by numbers alone
            return
        assert not has_reached(connect(second), pin)  # it first sees the timeline after the write
        for server in (pair.replica, second):
            second.wait_until_caught_up()
            server.execute("CHECKPOINT")
        time.sleep(1.1)  # a checkpoint's time is in whole seconds
        write(new)
        assert wait_until_reached(connect(second), pin_of(new)) < STALL_SECONDS


def test_a_crash_recovered_primary_is_no_replica_that_has_caught_up(fresh_pair: Pair, connect):
    pair = fresh_pair
    primary = connect(pair.primary)
    write(primary)
    primary.close()
    pair.primary.kill()
    pair.primary.start()
    write(primary)
    pin = pin_of(primary)
    assert databases.of_replica(primary).places == {}
    assert not has_reached(primary, pin)
    assert wait_until_reached(connect(pair.replica), pin) < 2 * STALL_SECONDS
