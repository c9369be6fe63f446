"""Positions of MariaDB and MySQL: what GTIDs say. tests/live asks real servers of both."""

import logging
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from pinning.databases.gtids import (
    UnknownFormatError,
    mariadb_places,
    mysql_beginnings,
    mysql_ends,
)
from pinning.databases.mysql import MySQLPositions
from pinning.pins.pin import Pin

ONE = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
TWO = "3e11fa47-71ca-11e1-9e33-c80aa9429563"
MICROSECONDS = 1_000_000


class Server:
    """Stands for Django's connection: answers each statement by the first words it knows.

    For Oracle's MySQL, of which most machines have no server.
    """

    alias = "replica1"
    wrap_database_errors = nullcontext()

    def __init__(
        self,
        answers: dict[str, Any],
        *,
        is_mariadb: bool = False,
        version: tuple[int, ...] = (9, 7, 4),
    ) -> None:
        self.mysql_is_mariadb = is_mariadb
        self.mysql_version = version
        self.connection = self
        self.asked: list[str] = []
        self._answers = answers

    def ensure_connection(self) -> None:
        pass

    def thread_id(self) -> int:
        return 8

    def cursor(self) -> Any:
        return nullcontext(self)

    def execute(self, sql: str) -> None:
        self.asked.append(sql)

    def fetchone(self) -> Any:
        return next((row for word, row in self._answers.items() if word in self.asked[-1]), None)


def mysql(gtids: Any, *, number: int = 8, name: str = "2 host 3306", **more: Any) -> Server:
    answers = {
        "log_bin": (gtids, 7 * MICROSECONDS, 1, "ON"),
        "gtid_executed": (gtids, 7 * MICROSECONDS, number, name),
    }
    return Server({**answers, **more})


def mariadb(gtids: Any, *, number: int = 8, name: str = "2 host 3306") -> Server:
    answers = {
        "gtid_binlog_pos": (gtids, 7 * MICROSECONDS),
        "gtid_slave_pos": (gtids, 7 * MICROSECONDS, number, name),
    }
    return Server(answers, is_mariadb=True)


@pytest.mark.parametrize(
    ("gtids", "places"),
    [
        ("", {}),
        ("0-1-100", {"0.1": 100}),
        ("0-1-100,5-7-3", {"0.1": 100, "5.7": 3}),
        ("4294967295-4294967295-9223372036854775807", {"4294967295.4294967295": 2**63 - 1}),
    ],
)
def test_gtids_of_mariadb(gtids, places):
    assert mariadb_places(gtids) == places


@pytest.mark.parametrize(
    ("gtids", "ends", "beginnings"),
    [
        ("", {}, {}),
        (f"{ONE}:1-5", {ONE: 5}, {ONE: 5}),
        (f"{ONE}:1", {ONE: 1}, {ONE: 1}),
        (f"{ONE.upper()}:1-5,\n{TWO}:1-7", {ONE: 5, TWO: 7}, {ONE: 5, TWO: 7}),
        # What is missing in between was not executed
        (f"{ONE}:1-5:9-12", {ONE: 12}, {ONE: 5}),
        (f"{ONE}:1-5:7:9", {ONE: 9}, {ONE: 5}),
        (f"{ONE}:3-5", {ONE: 5}, {ONE: 0}),
        # Tags, since MySQL 8.3
        (f"{ONE}:1-3:tag:1-7", {ONE: 3, f"{ONE}:tag": 7}, {ONE: 3, f"{ONE}:tag": 7}),
        (f"{ONE}:a:1:b:2-3", {f"{ONE}:a": 1, f"{ONE}:b": 3}, {f"{ONE}:a": 1, f"{ONE}:b": 0}),
    ],
)
def test_gtids_of_mysql(gtids, ends, beginnings):
    assert mysql_ends(gtids) == {f"{source}.": place for source, place in ends.items()}
    assert mysql_beginnings(gtids) == {f"{name}.": place for name, place in beginnings.items()}


UNKNOWN = [
    *(None, b"0-1-1", 5, "junk", ",", "0-1", "0-1-1,", "0-1-1-1", "-1-1-1", "0-1-x", "0 -1-1"),
    *(f"0-1-{2**63}", f"0-1-{10**19}", "0-1-١", f"{ONE}", f"{ONE}:", f"{ONE}:1-", f"{ONE}:1-2-3"),
    *(f"{ONE}:1-5,junk", f"{ONE}:-5", f"{ONE}:1-{2**63}", f"{ONE[:-1]}:1-5", f"{ONE}:1-5:!:1"),
]


@pytest.mark.parametrize("gtids", UNKNOWN)
def test_what_reads_like_no_gtid_is_told_from_none(gtids):
    for parse in (mariadb_places, mysql_ends, mysql_beginnings):
        with pytest.raises(UnknownFormatError):
            parse(gtids)


@pytest.mark.parametrize("server", [mariadb("new-format"), mysql("new-format"), mysql(None)])
def test_an_unknown_format_is_left_to_the_clock_with_one_warning(server, caplog):
    positions = MySQLPositions()
    for _ in range(3):
        assert positions.of_primary(server) is None
        assert positions.of_replica(server) is None
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("pinning", logging.WARNING)
    assert "unknown format" in record.getMessage()


@pytest.mark.parametrize("server", [mariadb(""), mysql("")])
def test_a_primary_without_gtids_leaves_it_to_the_clock(server):
    """A position without places would pin nobody."""
    assert MySQLPositions().of_primary(server) is None
    assert MySQLPositions().of_replica(server).places == {}


@pytest.mark.parametrize(("make", "gtids"), [(mariadb, "0-1-5"), (mysql, f"{ONE}:1-5")])
def test_a_replica_has_a_name_where_the_connection_is_its_own(make, gtids):
    """A pooler in between has connections of its own, whose next statement may go elsewhere."""
    assert MySQLPositions().of_replica(make(gtids)).server == "2 host 3306"
    assert MySQLPositions().of_replica(make(gtids, number=9)).server == ""


def test_a_driver_that_does_not_tell_the_connections_number_may_have_a_pooler_in_between():
    server = mariadb("0-1-5")
    server.connection = SimpleNamespace(cursor=server.cursor)
    assert MySQLPositions().of_replica(server).server == ""


def test_a_position_has_the_servers_clock():
    assert MySQLPositions().of_replica(mariadb("0-1-5")).clock == 7.0
    assert MySQLPositions().of_primary(mysql(f"{ONE}:1-5")).clock == 7.0


@pytest.mark.parametrize(
    ("log_bin", "gtid_mode", "is_known"),
    [
        (1, "ON", True),
        (1, "ON_PERMISSIVE", True),
        (1, "OFF_PERMISSIVE", False),
        (1, "OFF", False),
        (0, "ON", False),
        ("1", "ON", True),  # as text, from a commit
        ("0", "ON", False),
    ],
)
def test_a_primary_that_gives_no_gtids_leaves_it_to_the_clock(log_bin, gtid_mode, is_known):
    server = Server({"gtid_executed": (f"{ONE}:1-5", 7 * MICROSECONDS, log_bin, gtid_mode)})
    assert (MySQLPositions().of_primary(server) is not None) is is_known
    assert len(server.asked) == 2  # the other one is asked once for each connection: is it Aurora?


def test_aurora_leaves_it_to_the_clock_and_is_asked_once():
    server = mysql(f"{ONE}:1-5", aurora=("aurora_version", "3.05.2"))
    for _ in range(2):
        assert MySQLPositions().of_primary(server) is None
        assert MySQLPositions().of_replica(server) is None
    assert len(server.asked) == 1


def pins(gtids: str) -> list[Pin]:
    position = MySQLPositions().of_primary(mysql(gtids))
    return [
        Pin(cluster="default", written_at=position.clock, timeline=name, position=place)
        for name, place in position.places.items()
    ]


@pytest.mark.parametrize(
    ("written", "executed", "reached"),
    [
        (f"{ONE}:1-5", f"{ONE}:1-5", True),
        (f"{ONE}:1-5", f"{ONE}:1-9", True),
        (f"{ONE}:1-5", f"{ONE}:1-4", False),
        (f"{ONE}:1-5", f"{ONE}:1-3:5", False),
        (f"{ONE}:1-5", f"{ONE}:2-9", False),
        (f"{ONE}:1-5,{TWO}:1-2", f"{ONE}:1-5,{TWO}:1-2", True),
        (f"{ONE}:1-5,{TWO}:1-2", f"{ONE}:1-5", False),
        (f"{ONE}:1-5,{TWO}:1-2", f"{ONE}:1-5,{TWO}:1", False),
        # Another server's transactions are no substitute for what the old primary lost
        (f"{ONE}:1-5", f"{ONE}:1-4,{TWO}:1-900", False),
        (f"{ONE}:1-5", f"{TWO}:1-900", False),
        # An earlier one may still be under way on the primary
        (f"{ONE}:1-3:5", f"{ONE}:1-3", False),
        (f"{ONE}:1-3:5", f"{ONE}:1-5", True),
    ],
)
def test_a_replica_of_mysql_has_reached_what_it_has_executed(written, executed, reached):
    """Up to the longest time, whatever the window."""
    seen = MySQLPositions().of_replica(mysql(executed))
    over = [pin.is_over(seen, 7.0 + 59, window=5, max_pin=60) for pin in pins(written)]
    assert all(over) is reached


def lacked(*gtids: tuple[str, int]) -> list[Pin]:
    return [
        Pin(cluster="default", written_at=1.0, timeline=timeline, position=place)
        for timeline, place in gtids
    ]


@pytest.mark.parametrize(
    ("pins", "gtids"),
    [
        (lacked(("0.1", 5)), "0-1-5"),
        (lacked(("0.1", 5), ("3.1", 7)), "0-1-5,3-1-7"),
        (lacked(("0.1", 5), ("0.2", 9)), "0-2-9"),  # a server was promoted
        (lacked(("0.1", 9), ("0.2", 5)), "0-1-9"),
        ([], ""),
        (lacked((f"{ONE}.", 5)), ""),
        (lacked(("7.1", 5), ("0') OR SLEEP(9) -- .1", 5)), ""),
        ([Pin(cluster="default", written_at=1.0)], ""),
    ],
)
def test_what_mariadb_waits_for(pins, gtids):
    statement = MySQLPositions().waiting_for(mariadb(""), pins, 0.02)
    assert statement == (f"SELECT MASTER_GTID_WAIT('{gtids}', 0.020000)" if gtids else "")


@pytest.mark.parametrize(
    ("pins", "gtids"),
    [
        (lacked((f"{ONE}.", 5)), f"{ONE}:1-5"),
        (lacked((f"{ONE}.", 5), (f"{TWO}:tag.", 7)), f"{ONE}:1-5,{TWO}:tag:1-7"),
        (lacked((f"{ONE}.", 0)), ""),
        (lacked(("0.1", 5)), ""),
        (lacked((f"{ONE}:t'.", 5)), ""),
        ([Pin(cluster="default", written_at=1.0)], ""),
        ([], ""),
    ],
)
def test_what_mysql_waits_for(pins, gtids):
    statement = MySQLPositions().waiting_for(mysql(""), pins, 0.02)
    wait = f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{gtids}', 0.020000)"
    assert statement == (wait if gtids else "")


def test_a_wait_in_mysql_is_never_without_end():
    statement = MySQLPositions().waiting_for(mysql(""), lacked((f"{ONE}.", 5)), 0.0)
    assert statement.endswith("0.001000)")


def test_in_an_older_mysql_nobody_waits():
    server = Server({}, version=(8, 4, 3))
    assert MySQLPositions().waiting_for(server, lacked((f"{ONE}.", 5)), 0.02) == ""
