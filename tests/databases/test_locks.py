"""How many locks a session holds after a statement."""

import math
import time
from typing import Any

import pytest

from pinning.databases.locks import (
    held_after,
    held_after_error,
    holds_for_transaction,
    holds_tables_after,
)


class Cursor:
    """A driver's cursor that has some rows."""

    def __init__(self, *rows: Any) -> None:
        self.rows, self.rowcount, self.place, self.cursor = rows, len(rows), 0, self

    def fetchone(self) -> Any:
        self.place += 1
        return self.rows[self.place - 1]

    def scroll(self, place: int, mode: str) -> None:
        self.place = place


class Stream(Cursor):
    """One whose rows can be fetched only once."""

    scroll = None

    def __getattribute__(self, name: str) -> Any:
        if name in {"scroll", "fetchone"}:
            raise AttributeError(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize(
    ("held", "sql", "cursor", "after"),
    [
        (0, "SELECT pg_advisory_lock(7)", Cursor(("",)), 1),
        (1, "select pg_catalog.pg_advisory_lock_shared(%s, %s);", Cursor(("",)), 2),
        (0, "SELECT pg_try_advisory_lock(hashtext(%s)) AS taken", Cursor((True,)), 1),
        (0, "SELECT pg_try_advisory_lock(%s)", Cursor((False,)), 0),
        (0, "SELECT GET_LOCK(%s, 5)", Cursor((1,)), 1),
        (0, "SELECT GET_LOCK(%s, 5)", Cursor((0,)), 0),
        (0, "SELECT GET_LOCK(%s, 5)", Cursor((None,)), 0),
        (2, "SELECT pg_advisory_unlock(7)", Cursor((True,)), 1),
        (2, "SELECT pg_advisory_unlock(7)", Cursor((False,)), 2),
        (0, "SELECT RELEASE_LOCK(%s)", Cursor((1,)), 0),
        (1, "SELECT RELEASE_LOCK(%s)", Cursor((None,)), 1),
        (2, "SELECT pg_advisory_unlock_all()", Cursor(("",)), 0),
        (math.inf, "SELECT RELEASE_ALL_LOCKS()", Cursor((7,)), 0),
        (math.inf, "DISCARD ALL", Cursor(), 0),
        # It is over with the transaction, or is no lock by name
        (0, "SELECT pg_advisory_xact_lock(7)", Cursor(("",)), 0),
        (0, "SELECT * FROM notes FOR UPDATE", Cursor((1,)), 0),
        (1, "SELECT archive()", Cursor((1,)), 1),
        # Not known: it is held
        (0, "SELECT id, pg_advisory_lock(7) FROM notes", Cursor((1, ""), (2, "")), math.inf),
        (0, "SELECT 1; SELECT pg_advisory_lock(7)", Cursor((1,)), math.inf),
        (0, "SELECT pg_advisory_lock(archive(7))", Cursor(("",)), math.inf),
        (math.inf, "SELECT pg_advisory_unlock(7)", Cursor((True,)), math.inf),
        (0, "SELECT pg_try_advisory_lock(7)", Stream((False,)), 1),
        (1, "SELECT pg_advisory_unlock(7)", Stream((True,)), 1),
        (0, "SELECT pg_try_advisory_lock(7)", Cursor({"taken": False}), 1),
    ],
)
def test_how_many_are_held(held, sql, cursor, after):
    assert held_after(held, sql, cursor) == after
    assert cursor.place == 0, "the project fetches the row"


@pytest.mark.parametrize(
    ("sql", "holds"),
    [
        ("SELECT pg_advisory_xact_lock(7)", True),
        ("SELECT pg_try_advisory_xact_lock_shared(%s, hashtext(%s))", True),
        ("LOCK TABLE notes IN SHARE MODE NOWAIT;", True),
        ("LOCK TABLES notes READ", False),
        ("SELECT pg_advisory_xact_lock(archive(7))", False),
        ("SELECT pg_advisory_xact_lock(7), set_tenant(1)", False),
        ("SELECT pg_advisory_lock(7)", False),
    ],
)
def test_a_lock_that_is_over_with_the_transaction(sql, holds):
    assert holds_for_transaction(sql) is holds


def test_many_sets_of_parameters_may_lock_as_often():
    many = held_after(0, "SELECT pg_advisory_lock(%s)", None, many=True)
    assert many == math.inf
    assert held_after(1, "SELECT * FROM notes FOR UPDATE", None, many=True) == 1


@pytest.mark.parametrize(
    ("sql", "held"),
    [
        ("SELECT pg_advisory_lock(7)", 0),  # it was not taken
        ("SELECT pg_advisory_lock(id) FROM notes", math.inf),  # some were
        ("DO $$ BEGIN PERFORM pg_advisory_lock(7); RAISE 'no'; END $$", math.inf),
        ("SELECT 1/0", 0),
    ],
)
def test_an_error_gives_back_no_lock(sql, held):
    assert held_after_error(0, sql) == held


@pytest.mark.parametrize(
    ("is_held", "sql", "after"),
    [
        (False, "LOCK TABLES notes READ, tags WRITE", True),
        (False, "lock table notes write;", True),
        (False, "FLUSH TABLES WITH READ LOCK", True),
        (False, "FLUSH LOCAL TABLES notes FOR EXPORT", True),
        (False, "INSERT INTO notes VALUES (1); LOCK TABLES notes READ", True),
        (True, "UNLOCK TABLES", False),
        (True, "unlock table ;", False),
        (False, "FLUSH TABLES", False),
        (True, "FLUSH TABLES", True),
        (True, "SELECT * FROM notes FOR UPDATE", True),
        # Not known: they are held
        (True, "INSERT INTO notes VALUES ('a'); UNLOCK TABLES", True),
        (True, "START TRANSACTION", True),
    ],
)
def test_whether_tables_are_held(is_held, sql, after):
    assert holds_tables_after(sql, is_held=is_held) is after


@pytest.mark.parametrize("part", ["('a for lock in with', 12), ", "a", "lock ", "pg_advisory_"])
def test_ten_million_characters_are_searched_in_a_moment(part: str):
    sql = "INSERT INTO notes VALUES " + part * (10_000_000 // len(part))
    begun = time.process_time()
    held_after(0, sql, Cursor(), many=True)
    held_after_error(0, sql)
    holds_tables_after(sql, is_held=False)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("sql", ["FLUSH TABLES a WITH READ\nLOCK", "Lock\tTables a READ"])
def test_words_that_hold_tables(sql: str):
    assert holds_tables_after(sql, is_held=False)


@pytest.mark.parametrize("sql", ["SELECT 'block tables'", "SELECT a FROM herewith read lock"])
def test_parts_of_words_hold_no_tables(sql: str):
    assert not holds_tables_after(sql, is_held=False)
