"""Triggers on SQLite: one for each event. Only one transaction writes at a time."""

import contextlib
import sqlite3
from collections.abc import Sequence
from typing import ClassVar

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.move.dialects.base import Dialect, Triggers, ask
from pinning.move.names import PREFIX, Name
from pinning.move.parts import Part

_LOGGED = {
    "INSERT": "('{code}', NEW.{key})",
    "UPDATE": "('{code}', OLD.{key}), ('{code}', NEW.{key})",
    "DELETE": "('{code}', OLD.{key})",
}
_ROWS = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}


class SQLite(Dialect):
    """Two writers never overlap, so that nobody is waited for."""

    number_type: ClassVar[str] = "integer PRIMARY KEY AUTOINCREMENT"

    def __init__(self, connection: BaseDatabaseWrapper, name: Name) -> None:
        super().__init__(connection, name)
        self._lock: sqlite3.Connection | None = None

    def log_triggers(self, part: Part) -> Triggers:
        """Three."""
        key = self.quoted(part.key.column)
        return {
            name: [
                f"CREATE TRIGGER {name} AFTER {event} ON {self.quoted(part.table)} BEGIN "
                f"INSERT INTO {self.log_table} (part, row_key) "
                f"VALUES {_LOGGED[event].format(code=part.code, key=key)}; END"
            ]
            for name, event in self._names("log", part)
        }

    def guards(self, part: Part, text: str) -> Triggers:
        """Three. That of UPDATE refuses rows that come or go, too."""
        return {
            name: [self._guard(name, part, event, text)]
            for name, event in self._names("guard", part)
        }

    def existing(self) -> set[str]:
        """Of this file."""
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s"
        return {name for (name,) in ask(self.connection, sql, [f"{PREFIX}_%"])}

    def drop(self, trigger: str, part: Part) -> Sequence[str]:  # noqa: ARG002
        """By its name."""
        return [f"DROP TRIGGER IF EXISTS {trigger}"]

    def literal(self, value: object) -> str:
        """As SQLite quotes it."""
        return str(ask(self.connection, "SELECT quote(%s)", [value])[0][0])

    def lock(self) -> bool:
        """A lock on another file, as one on this would keep the site from writing."""
        path = f"{self.connection.settings_dict['NAME']}-{PREFIX}-{self.name.code}"
        self._lock = sqlite3.connect(path, timeout=0, isolation_level=None)
        with contextlib.suppress(sqlite3.OperationalError):
            self._lock.execute("BEGIN EXCLUSIVE")
            return True
        return False

    def unlock(self) -> None:
        """That lock. The empty file stays: whoever removes it may remove another's lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def next_number(self, part: Part) -> int | None:
        """As the table of sequences has it."""
        if not self.is_automatic(part):
            return None
        sql = "SELECT seq FROM sqlite_sequence WHERE name = %s"
        rows = ask(self.connection, sql, [part.table])
        return rows[0][0] + 1 if rows else 1

    def skip_to(self, part: Part, number: int) -> None:
        """SQLite itself does not go back behind the largest key."""
        if not self.is_automatic(part) or number <= (self.next_number(part) or 0):
            return
        with self.connection.cursor() as cursor:
            last = number - 1
            change = "UPDATE sqlite_sequence SET seq = %s WHERE name = %s"
            cursor.execute(change, [last, part.table])
            if not cursor.rowcount:
                new = "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)"
                cursor.execute(new, [part.table, last])

    def is_busy(self, error: DatabaseError) -> bool:
        """By its words, which are all that the driver tells."""
        return "locked" in str(error)

    def _names(self, kind: str, part: Part) -> list[tuple[str, str]]:
        return [(self.trigger(kind, part, f"_{event.lower()}"), event) for event in _ROWS]

    def _guard(self, name: str, part: Part, event: str, text: str) -> str:
        moves = " OR ".join(filter(None, (self.condition(part, row) for row in _ROWS[event])))
        condition = f"NOT {self.is_passing()}" + (f" AND ({moves})" if moves else "")
        return (
            f"CREATE TRIGGER {name} BEFORE {event} ON {self.quoted(part.table)} "
            f"WHEN {condition} BEGIN SELECT RAISE(ABORT, {self.literal(text)}); END"
        )
