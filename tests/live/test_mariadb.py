"""What MariaDB alone has: domains, GTIDs that come twice, implicit commits, its own statements."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.db.models.expressions import RawSQL

from pinning import Reason, breaker, databases, scope, source_of
from pinning.pins.pin import Pin
from pinning.testing.mariadb import MariaDB
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
from tests.notes.models import Note
from tests.services import service


@pytest.fixture
def vendor() -> str:
    return "mariadb"


@pytest.fixture
def site(pair: Pair, django_db_blocker: Any, connect: Any) -> Iterator[Pair]:
    """The pair in the places of "default" and "replica1"."""
    before = {alias: connections[alias] for alias in ("default", "replica1")}
    servers = {"default": pair.primary, "replica1": pair.replica}
    for alias, server in servers.items():
        connection = connect(server, TEST={}, CONN_MAX_AGE=0)
        connection.alias = alias
        connections[alias] = connection
    yield pair
    for alias, connection in before.items():
        connections[alias] = connection


@pytest.fixture
def bare_pair() -> Iterator[Pair]:
    """Servers that the test may break, with no more than two tables."""
    with service(MariaDB.primary()) as primary, primary.replica() as replica:
        pair = Pair(primary, replica)
        primary.create_database(DATABASE)
        for table, column in (("note", "text"), ("tag", "name")):
            columns = f"id bigint AUTO_INCREMENT PRIMARY KEY, {column} varchar(50)"
            pair.execute(f"CREATE TABLE notes_{table} ({columns})")
        replica.wait_until_caught_up()
        yield pair


def sequence(gtid: str) -> int:
    return int(gtid.rpartition("-")[2])


# Positions


def test_a_position_covers_the_commits_of_every_connection(pair: Pair, connect):
    """@@last_gtid would not: it knows the last one of its own session."""
    writer, other = connect(pair.primary), connect(pair.primary)
    for _ in range(20):
        write(writer)
        assert pin_of(other).position >= sequence(run(writer, "SELECT @@last_gtid")[0])
    writer.close()
    assert run(writer, "SELECT @@last_gtid") == ("",)
    assert pin_of(writer).position == pin_of(other).position


@pytest.mark.parametrize("appliers", [0, 4])
def test_no_read_is_stale_under_many_writers(pair: Pair, connect, appliers: int):
    pair.replica.execute(f"STOP SLAVE; SET GLOBAL slave_parallel_threads = {appliers}; START SLAVE")
    seen = many_writers(pair, connect)
    pair.replica.execute("STOP SLAVE; SET GLOBAL slave_parallel_threads = 0; START SLAVE")
    assert seen.stale == []
    assert seen.had > 100
    assert seen.asked > seen.had  # the replica was behind at times


def test_tables_without_transactions_and_definitions_have_positions_too(pair: Pair, connect):
    primary, replica = connect(pair.primary), connect(pair.replica)
    for step in range(20):
        run(primary, f"CREATE TABLE plain{step} (id int) ENGINE=MyISAM")
        assert wait_until_reached(replica, pin_of(primary)) < STALL_SECONDS
        assert run(replica, f"SELECT count(*) FROM plain{step}") == (0,)
        run(primary, f"INSERT INTO plain{step} VALUES (1)")
        assert wait_until_reached(replica, pin_of(primary)) < STALL_SECONDS
        assert run(replica, f"SELECT count(*) FROM plain{step}") == (1,)
        run(primary, f"DROP TABLE plain{step}")


def test_a_replica_need_not_be_connected_by_gtid(pair: Pair, connect):
    primary, replica = connect(pair.primary), connect(pair.replica)
    write(primary)
    pair.replica.wait_until_caught_up()
    pair.replica.execute("STOP SLAVE; CHANGE MASTER TO MASTER_USE_GTID = no; START SLAVE")
    write(primary)
    pin = pin_of(primary)
    try:
        assert wait_until_reached(replica, pin) < STALL_SECONDS
        assert count(replica) == 2
        pair.replica.pause_replay()
        write(primary)
        assert not has_reached(replica, pin_of(primary))
    finally:
        pair.replica.follow(pair.primary)


def test_a_write_in_a_domain_that_the_replica_has_never_seen_is_waited_for(
    bare_pair: Pair, connect
):
    """However long that takes, and however far the replica is in other domains."""
    pair = bare_pair
    primary, replica = connect(pair.primary, USER="root"), connect(pair.replica)
    write(primary)
    assert wait_until_reached(replica, *pins_of(primary)) < STALL_SECONDS
    pair.replica.pause_replay()
    run(primary, "SET SESSION gtid_domain_id = 5")
    write(primary)
    old, new = sorted(pins_of(primary), key=lambda pin: pin.timeline)
    assert [pin.timeline.partition(".")[0] for pin in (old, new)] == ["0", "5"]
    assert has_reached(replica, old)
    assert not has_reached(replica, new)
    assert not has_reached(replica, old, new)
    seen = databases.of_replica(replica)
    assert not new.is_over(seen, new.written_at + 59, window=5, max_pin=60)
    pair.replica.resume_replay()
    assert wait_until_reached(replica, old, new) < STALL_SECONDS
    assert count(replica) == 2
    # Each domain is compared with itself
    for _ in range(5):
        write(primary)
    (further,) = (pin for pin in pins_of(primary) if pin.timeline == new.timeline)
    pair.replica.wait_until_caught_up()
    run(primary, "SET SESSION gtid_domain_id = 0")
    pair.replica.pause_replay()
    write(primary)
    behind = next(pin for pin in pins_of(primary) if pin.timeline == old.timeline)
    assert has_reached(replica, further)
    assert not has_reached(replica, behind)


@pytest.mark.parametrize("timeline", ["junk", "0-1-1", "0", "0.", "'", "0.1, 0.2", "9" * 200])
def test_a_junk_position_is_not_reached_and_no_error(pair: Pair, connect, caplog, timeline: str):
    now = time.time()
    for position in (0, 2**63 - 1):
        pin = Pin(cluster="default", written_at=now, timeline=timeline, position=position)
        assert not has_reached(connect(pair.replica), pin)
    assert caplog.text == ""


def test_a_lost_write_is_not_reached_where_its_number_is_given_again(bare_pair: Pair, connect):
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
        write(promoted, "instead")
        instead = pin_of(promoted)
        assert instead.position == lost.position
        second.wait_until_caught_up()
        for server in (second, pair.replica):
            replica = connect(server)
            assert run(replica, "SELECT group_concat(text ORDER BY id) FROM notes_note") == (
                "kept,instead",
            )
            assert not has_reached(replica, lost)
            seen = databases.of_replica(replica)
            assert not lost.is_over(seen, lost.written_at + 4.9, window=5, max_pin=60)
        assert has_reached(connect(second), instead)
        # What the promoted server had replayed it has for good
        assert has_reached(connect(pair.replica), kept)


def test_a_write_of_the_replicas_own_hides_nothing(bare_pair: Pair, connect):
    """By somebody who is let write there. Its number is as high as the primary's may get."""
    pair = bare_pair
    pair.replica.execute("STOP SLAVE; SET GLOBAL gtid_strict_mode = OFF; START SLAVE")
    primary, replica = connect(pair.primary), connect(pair.replica)
    errant = connect(pair.replica, USER="root")

    def write_errant() -> None:
        run(errant, "INSERT INTO notes_tag (name) VALUES (uuid())")

    for _ in range(5):
        write_errant()
    write(primary)
    assert wait_until_reached(replica, pin_of(primary)) < STALL_SECONDS
    assert count(replica) == 1
    write_errant()
    assert has_reached(connect(pair.replica), pin_of(primary))
    pair.replica.pause_replay()
    write(primary)
    assert not has_reached(replica, pin_of(primary))


# Writes


@pytest.mark.parametrize(
    ("statement", "writes"),
    [
        ("INSERT INTO notes_tag (name) VALUES ('new')", True),
        ("INSERT INTO notes_tag (name) VALUES ('new') RETURNING id", True),
        ("REPLACE INTO notes_tag (name) VALUES ('new')", True),
        ("INSERT INTO notes_tag (name) VALUES ('a') ON DUPLICATE KEY UPDATE name = 'b'", True),
        ("INSERT IGNORE INTO notes_tag (name) VALUES ('new')", True),
        (
            "SET STATEMENT max_statement_time=9 FOR INSERT INTO notes_tag (name) VALUES (1)",
            True,
        ),
        ("/*!50000 INSERT */ INTO notes_tag (name) VALUES ('new')", True),
        ("/*M! INSERT */ INTO notes_tag (name) VALUES ('new')", True),
        ("SELECT 1; INSERT INTO notes_tag (name) VALUES ('new')", True),
        ("BEGIN NOT ATOMIC REPLACE INTO notes_tag (name) VALUES ('new'); END", True),
        ("EXECUTE IMMEDIATE 'REPLACE INTO notes_tag (name) VALUES (1)'", True),
        ("CREATE TABLE made AS SELECT 1 AS id", True),
        ("ANALYZE UPDATE notes_tag SET name = 'new'", True),
        ("WITH one AS (SELECT 1) SELECT * FROM one", False),
        ("SELECT * FROM notes_tag FOR UPDATE", False),
        ("SELECT * FROM notes_tag LOCK IN SHARE MODE", False),
        ("SELECT REPLACE('a', 'a', 'b') AS `update`", False),
        ("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", False),
        ("SHOW CREATE TABLE notes_tag", False),
        ("DESCRIBE notes_tag", False),
    ],
)
def test_statements_of_mariadb(site: Pair, statement: str, writes: bool):
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


FAIL = """CREATE OR REPLACE PROCEDURE fail()
BEGIN COMMIT; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'after its commit'; END"""


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE made (id int)",
        "DROP TABLE IF EXISTS made",
        "SET STATEMENT max_statement_time = 9 FOR CREATE TABLE made (id int)",
        "CALL make()",
        "LOCK TABLES notes_note READ",
        "CHECK TABLE notes_note",
        "BEGIN",
        "CREATE TABLE notes_note (id int)",  # it fails, and has committed before
        "CALL fail()",
        "DO 1; TRUNCATE notes_tag",
        "/*!40000 ALTER TABLE notes_note DISABLE KEYS */",
    ],
)
def test_a_statement_that_commits_by_the_way_makes_earlier_writes_count(site: Pair, statement: str):
    primary = connections["default"]
    run(primary, "CREATE OR REPLACE PROCEDURE make() CREATE OR REPLACE TABLE made (id int)")
    run(primary, FAIL)
    with scope() as work:
        with suppress(ZeroDivisionError, OperationalError), transaction.atomic():
            write(primary)
            run(primary, statement)
            raise ZeroDivisionError
        assert work.has_written("default")
    run(primary, "UNLOCK TABLES")
    assert count(primary) == 1
    run(primary, "DROP TABLE IF EXISTS made")


def test_a_procedure_that_shows_rows_is_asked_where_it_shows_the_tenants(site: Pair):
    site.execute("INSERT INTO notes_note (text) VALUES ('one'), ('two')")
    site.execute("CREATE PROCEDURE shown() SELECT * FROM notes_note WHERE text = @tenant")
    site.replica.wait_until_caught_up()
    try:
        with scope():
            run(connections["replica1"], "SET @tenant = 'two'")  # for somebody else
        with scope():
            run(connections["default"], "SET @tenant = 'one'")
            assert [note.text for note in Note.objects.raw("CALL shown()")] == ["one"]
    finally:
        site.execute("DROP PROCEDURE shown")


@pytest.mark.parametrize(
    "statement",
    [
        "SET SESSION `autocommit` = 0",
        "SET @@session.`autocommit` = 0",
        "EXECUTE IMMEDIATE CONCAT('SET auto', 'commit = 0')",
        "CALL begin_again()",
    ],
)
def test_autocommit_is_seen_to_be_off_whatever_has_turned_it_off(site: Pair, statement: str):
    """A position from before the commit would be reached by replicas that do not have it."""
    site.execute("CREATE PROCEDURE begin_again() SET autocommit = 0")
    try:
        with scope() as work:
            run(connections["default"], statement)
            write(connections["default"])
            assert [pin.is_by_clock for pin in work.take_pins()] == [True]
            run(connections["default"], "COMMIT")
            assert [pin.is_by_clock for pin in work.take_pins()] == [False]
    finally:
        connections["default"].close()
        site.execute("DROP PROCEDURE begin_again")


# Reads whose replica fails under them


def aliases() -> set[str]:
    return {source_of(note) for note in Note.objects.all()}


def end_connections(pair: Pair, how: str = "CONNECTION") -> None:
    processes = "SELECT id FROM information_schema.processlist WHERE user = %s"
    for (process,) in pair.replica.execute(processes, [pair.replica.site_user]):
        pair.replica.execute(f"KILL {how} {process}")


@pytest.fixture
def note(site: Pair) -> Pair:
    site.execute("INSERT INTO notes_note (text) VALUES ('note')")
    site.replica.wait_until_caught_up()
    return site


def test_a_killed_connection_costs_the_reader_nothing(note: Pair):
    with scope() as work:
        assert aliases() == {"replica1"}
        end_connections(note)
        assert Note.objects.count() == 1
        assert aliases() == {"default"}
        assert work.reads["default"][Reason.NO_REPLICA] > 0


def test_a_replica_that_was_killed_costs_the_reader_nothing(note: Pair):
    try:
        with scope():
            assert aliases() == {"replica1"}
            note.replica.kill()
            assert Note.objects.count() == 1
            assert [found.text for found in Note.objects.iterator()] == ["note"]
    finally:
        note.replica.start()
    breaker.reset()
    with scope():
        assert aliases() == {"replica1"}


def test_a_query_that_somebody_killed_is_not_run_again(note: Pair):
    def kill() -> None:
        time.sleep(0.5)
        end_connections(note, "QUERY")

    killer = threading.Thread(target=kill)
    with scope():
        assert aliases() == {"replica1"}
        killer.start()
        with pytest.raises(OperationalError, match="1317"):
            list(Note.objects.annotate(slept=RawSQL("benchmark(1000000000, md5('a'))", [])))
        assert aliases() == {"replica1"}
    killer.join()
