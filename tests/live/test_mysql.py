"""What Oracle's MySQL alone has: gaps, tags, modes of GTIDs, and its own statements.

It runs where PINNING_TEST_MYSQL says where the server is: ``make engines`` fetches one.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from pinning import databases, scope
from pinning.pins.pin import Pin
from pinning.testing.mysql import CHOSEN_BY, MySQL, is_chosen
from tests.live.site.pair import DATABASE, Pair
from tests.live.site.reaching import (
    STALL_SECONDS,
    count,
    has_reached,
    pin_of,
    pins_of,
    run,
    wait_until_reached,
    write,
)
from tests.live.site.writers import many_writers

pytestmark = pytest.mark.skipif(not is_chosen(), reason=f"{CHOSEN_BY} does not say where MySQL is.")


@pytest.fixture
def vendor() -> str:
    return "mysql"


@pytest.fixture
def site(pair: Pair, aliases: None) -> Pair:
    """The pair in the places of "default" and "replica1"."""
    return pair


@pytest.fixture
def bare_pair() -> Iterator[Pair]:
    """Servers that the test may break, with no more than two tables."""
    with MySQL.primary() as primary, primary.replica() as replica:
        pair = Pair(primary, replica)
        primary.create_database(DATABASE)
        for table, column in (("note", "text"), ("tag", "name")):
            columns = f"id bigint AUTO_INCREMENT PRIMARY KEY, {column} varchar(50)"
            pair.execute(f"CREATE TABLE notes_{table} ({columns})")
        replica.wait_until_caught_up()
        yield pair


def by_source(pins: tuple[Pin, ...], ending: str) -> Pin:
    """The one whose source, or tag, ends so."""
    (pin,) = (pin for pin in pins if pin.timeline.removesuffix(".").endswith(ending))
    return pin


# Positions


@pytest.mark.parametrize("appliers", [1, 4])
@pytest.mark.parametrize("is_ordered", ["ON", "OFF"])
def test_no_read_is_stale_under_many_writers(pair: Pair, connect, figure, appliers, is_ordered):
    """Also where the appliers commit out of order, and leave gaps for a while."""
    told = {"replica_parallel_workers": appliers, "replica_preserve_commit_order": is_ordered}
    before = configure(pair, told)
    try:
        seen = many_writers(pair, connect)
    finally:
        configure(pair, before)
    figure(
        f"MySQL, {appliers} appliers, in order {is_ordered}", f"{seen.had} of {seen.asked} had it"
    )
    assert seen.stale == []
    assert seen.had > 100
    assert seen.asked > seen.had  # the replica was behind at times


def configure(pair: Pair, told: dict[str, Any]) -> dict[str, Any]:
    """Change settings of the replica's appliers; what they were."""
    names = ", ".join(f"@@GLOBAL.{name}" for name in told)
    (before,) = pair.replica.execute(f"SELECT {names}")
    changes = ", ".join(f"GLOBAL {name} = {value}" for name, value in told.items())
    pair.replica.execute(f"STOP REPLICA; SET {changes}; START REPLICA")
    return dict(zip(told, before, strict=True))


def test_a_primary_has_what_it_has_written_itself(pair: Pair, connect):
    """Its history is one set, whoever wrote it."""
    primary = connect(pair.primary)
    write(primary)
    assert has_reached(primary, pin_of(primary))


def test_a_write_with_a_tag_is_waited_for(bare_pair: Pair, connect):
    """A tag has numbers of its own. Since MySQL 8.3."""
    pair = bare_pair
    plain, tagged = connect(pair.primary), connect(pair.primary, USER="root")
    replica = connect(pair.replica)
    run(tagged, "SET SESSION gtid_next = 'AUTOMATIC:import'")
    write(plain)
    write(tagged)
    assert wait_until_reached(replica, *pins_of(plain)) < STALL_SECONDS
    assert count(replica) == 2
    pair.replica.pause_replay()
    before = by_source(pins_of(plain), ":import")
    write(tagged)
    after = by_source(pins_of(plain), ":import")
    assert after.position == before.position + 1
    assert has_reached(replica, before)
    assert not has_reached(replica, after)
    pair.replica.resume_replay()
    assert wait_until_reached(replica, after) < STALL_SECONDS
    assert count(replica) == 3
    seen = many_writers(pair, connect, first="SET gtid_next = 'AUTOMATIC:import'", USER="root")
    assert seen.stale == []
    assert by_source(pins_of(plain), ":import").position > after.position


def test_what_lies_behind_a_gap_is_not_reached_until_the_gap_is_filled(bare_pair: Pair, connect):
    """As where appliers commit out of order, or somebody has skipped a transaction."""
    pair = bare_pair
    primary, replica = connect(pair.primary), connect(pair.replica)
    write(primary)
    first = pin_of(primary)
    assert wait_until_reached(replica, first) < STALL_SECONDS
    pair.replica.pause_replay()
    write(primary)
    second = pin_of(primary)
    write(primary)
    third = pin_of(primary)
    source = third.timeline.removesuffix(".")
    pair.replica.execute(
        f"SET gtid_next = '{source}:{third.position}'; BEGIN; COMMIT; SET gtid_next = 'AUTOMATIC'"
    )
    assert f"-{first.position}:{third.position}" in run(replica, "SELECT @@gtid_executed")[0]
    assert has_reached(replica, first)
    assert not has_reached(replica, third)
    pair.replica.resume_replay()
    assert wait_until_reached(replica, second, third) < STALL_SECONDS
    assert count(replica) == 2


def test_without_gtids_the_clock_decides_and_with_them_again_the_position(bare_pair: Pair, connect):
    """The modes of GTIDs, step by step, while the server runs."""
    pair = bare_pair
    primary = connect(pair.primary)
    steps = {"ON_PERMISSIVE": True, "OFF_PERMISSIVE": False, "OFF": False}
    pair.replica.stop_receiving()
    pair.replica.execute("CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 0")
    for mode, is_known in [*steps.items(), *reversed(steps.items()), ("ON", True)]:
        pair.primary.execute(f"SET GLOBAL gtid_mode = {mode}")
        write(primary)
        assert (databases.of_primary(primary) is not None) is is_known, mode


def test_a_lost_write_is_never_reached_and_the_new_primarys_are(bare_pair: Pair, connect):
    pair = bare_pair
    with pair.replica.replica() as second:
        old = connect(pair.primary)
        write(old, "kept")
        kept = pin_of(old)
        pair.replica.wait_until_caught_up()
        second.wait_until_caught_up()
        pair.replica.stop()
        write(old, "lost")
        lost = pin_of(old)
        assert lost.position == kept.position + 1
        pair.primary.kill()
        pair.replica.start()
        pair.replica.promote()
        promoted = connect(pair.replica)
        for _ in range(5):
            write(promoted, "instead")
        instead = pins_of(promoted)
        assert wait_until_reached(connect(second), *instead) < 2 * STALL_SECONDS
        for server in (second, pair.replica):
            replica = connect(server)
            assert run(replica, "SELECT count(*) FROM notes_note WHERE text = 'lost'") == (0,)
            assert not has_reached(replica, lost)
            assert has_reached(replica, kept)
            assert has_reached(replica, *instead)
            seen = databases.of_replica(replica)
            assert not lost.is_over(seen, lost.written_at + 59, window=5, max_pin=60)


@pytest.mark.parametrize("seconds", [0.001, 0.1, 0.3])
def test_the_server_waits_for_parts_of_a_second(pair: Pair, connect, seconds: float):
    primary, replica = connect(pair.primary), connect(pair.replica)
    pair.replica.pause_replay()
    write(primary)
    statement = databases.positions_of(replica).waiting_for(replica, pins_of(primary), seconds)
    begun = time.monotonic()
    assert run(replica, statement) == (1,)  # not reached
    assert seconds <= time.monotonic() - begun < seconds + 0.2
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    assert run(replica, statement) == (0,)


# Writes


@pytest.mark.parametrize(
    ("statement", "writes"),
    [
        ("INSERT INTO notes_tag (name) VALUES ('new')", True),
        ("INSERT INTO notes_tag SET name = 'new'", True),
        ("REPLACE INTO notes_tag (name) VALUES ('new')", True),
        (
            "INSERT INTO notes_tag (name) VALUES ('a') AS new ON DUPLICATE KEY UPDATE name = 'b'",
            True,
        ),
        ("INSERT IGNORE INTO notes_tag (name) VALUES ('new')", True),
        ("/*!50000 INSERT */ INTO notes_tag (name) VALUES ('new')", True),
        ("/*!80000 INSERT */ INTO notes_tag (name) VALUES ('new')", True),
        ("SELECT 1; INSERT INTO notes_tag (name) VALUES ('new')", True),
        ("WITH one AS (SELECT 1 AS n) UPDATE notes_tag, one SET name = 'new'", True),
        ("EXPLAIN ANALYZE SELECT * FROM notes_tag", False),
        ("CREATE TABLE made AS SELECT 1 AS id", True),
        ("WITH one AS (SELECT 1) SELECT * FROM one", False),
        ("TABLE notes_tag", False),
        ("VALUES ROW(1), ROW(2)", False),
        ("SELECT * FROM notes_tag FOR UPDATE", False),
        ("SELECT * FROM notes_tag FOR SHARE", False),
        ("SELECT REPLACE('a', 'a', 'b') AS `update`", False),
        ("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", False),
        ("SHOW CREATE TABLE notes_tag", False),
        ("DESCRIBE notes_tag", False),
    ],
)
def test_statements_of_mysql(site: Pair, statement: str, writes: bool):
    """What counts is what gets a GTID."""
    primary = connections["default"]
    primary.ensure_connection()
    run(primary, "INSERT INTO notes_tag (name) VALUES ('old')")
    before = pin_of(primary).position
    with scope() as work:
        run(primary, statement)
        assert work.has_written("default") is writes
    assert (pin_of(primary).position > before) is writes
    run(primary, "DROP TABLE IF EXISTS made")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE made (id int)",
        "DROP TABLE IF EXISTS made",
        "CALL make()",
        "LOCK TABLES notes_note READ",
        "CHECK TABLE notes_note",
        "BEGIN",
        "CREATE TABLE notes_note (id int)",  # it fails, and has committed before
        "DO 1; TRUNCATE notes_tag",
        "/*!80000 ALTER TABLE notes_note ADD COLUMN more int */",
    ],
)
def test_a_statement_that_commits_by_the_way_makes_earlier_writes_count(site: Pair, statement: str):
    primary = connections["default"]
    run(primary, "DROP PROCEDURE IF EXISTS make")
    run(primary, "CREATE PROCEDURE make() CREATE TABLE IF NOT EXISTS made (id int)")
    with scope() as work:
        with suppress(ZeroDivisionError, OperationalError), transaction.atomic():
            write(primary)
            run(primary, statement)
            raise ZeroDivisionError
        assert work.has_written("default")
    run(primary, "UNLOCK TABLES")
    assert count(primary) == 1
    run(primary, "DROP TABLE IF EXISTS made")
    if "ADD COLUMN" in statement:
        run(primary, "ALTER TABLE notes_note DROP COLUMN more")
