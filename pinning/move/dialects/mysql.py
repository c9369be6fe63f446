"""Triggers on MariaDB and MySQL: one for each event."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from django.db import DatabaseError

from pinning.move.dialects.base import Dialect, Triggers, ask
from pinning.move.names import PREFIX
from pinning.move.parts import Part

#: ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK.
_BUSY = frozenset({1205, 1213})

_LOGGED = {
    "INSERT": "('{code}', NEW.{key})",
    "UPDATE": "('{code}', OLD.{key}), ('{code}', NEW.{key})",
    "DELETE": "('{code}', OLD.{key})",
}
_ROWS = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}

_MAY_MAKE_TRIGGERS = """SELECT NOT @@log_bin OR @@log_bin_trust_function_creators OR EXISTS (
    SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'SUPER'
    AND grantee = CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@',
                         QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))))"""


class MySQL(Dialect):
    """A CREATE TRIGGER waits for all transactions that have used the table."""

    table_suffix: ClassVar[str] = " ENGINE=InnoDB"
    number_type: ClassVar[str] = "bigint AUTO_INCREMENT PRIMARY KEY"
    hides_cascades: ClassVar[bool] = True

    def log_triggers(self, part: Part) -> Triggers:
        """Three."""
        key = self.quoted(part.key.column)
        return {
            self.trigger("log", part, f"_{event.lower()}"): [
                f"CREATE TRIGGER {self.trigger('log', part, f'_{event.lower()}')} AFTER {event} "
                f"ON {self.quoted(part.table)} FOR EACH ROW INSERT INTO {self.log_table} "
                f"(part, row_key) VALUES {values.format(code=part.code, key=key)}"
            ]
            for event, values in _LOGGED.items()
        }

    def guards(self, part: Part, text: str) -> Triggers:
        """Three. That of UPDATE refuses rows that come or go, too."""
        return {
            self.trigger("guard", part, f"_{event.lower()}"): [self._guard(part, event, text)]
            for event in _ROWS
        }

    def existing(self) -> set[str]:
        """Of this database."""
        sql = (
            "SELECT trigger_name FROM information_schema.triggers "
            "WHERE trigger_schema = DATABASE() AND trigger_name LIKE %s"
        )
        return {name for (name,) in ask(self.connection, sql, [f"{PREFIX}\\_%"])}

    def drop(self, trigger: str, part: Part) -> Sequence[str]:  # noqa: ARG002
        """By its name."""
        return [f"DROP TRIGGER IF EXISTS {trigger}"]

    def literal(self, value: object) -> str:
        """As the server quotes it."""
        return str(ask(self.connection, "SELECT QUOTE(%s)", [value])[0][0])

    def lock(self) -> bool:
        """A lock of the session by a name."""
        name = f"{PREFIX}_{self.name.code}"
        return bool(ask(self.connection, "SELECT GET_LOCK(%s, 0)", [name])[0][0] == 1)

    def unlock(self) -> None:
        """That lock."""
        ask(self.connection, "SELECT RELEASE_LOCK(%s)", [f"{PREFIX}_{self.name.code}"])

    def next_number(self, part: Part) -> int | None:
        """As the table has it."""
        if not self.is_automatic(part):
            return None
        rows = ask(self.connection, f"SHOW CREATE TABLE {self.quoted(part.table)}")
        _, is_there, rest = rows[0][1].partition("AUTO_INCREMENT=")
        return int(rest.split()[0]) if is_there else 1

    def skip_to(self, part: Part, number: int) -> None:
        """The server itself does not go back behind the largest key."""
        if self.is_automatic(part) and number > (self.next_number(part) or 0):
            sql = f"ALTER TABLE {self.quoted(part.table)} AUTO_INCREMENT = {number:d}"
            self._insist([sql])

    def why_not(self, part: Part) -> Iterator[str]:
        """The engine, as others have no transactions, and the right to make triggers."""
        sql = (
            "SELECT engine FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name = %s"
        )
        engine = ask(self.connection, sql, [part.table])[0][0]
        if engine != "InnoDB":
            yield f"{part.table} of {self.connection.alias!r} has the engine {engine}, not InnoDB."
        if not ask(self.connection, _MAY_MAKE_TRIGGERS)[0][0]:
            yield (
                f"{self.connection.alias!r} permits triggers to SUPER alone, because it has a "
                "binary log: SET GLOBAL log_bin_trust_function_creators = ON."
            )

    def cascades(self, part: Part) -> list[str]:
        """The constraints that are no restriction."""
        sql = """SELECT constraint_name FROM information_schema.referential_constraints
            WHERE constraint_schema = DATABASE() AND table_name = %s
            AND NOT (delete_rule IN ('RESTRICT', 'NO ACTION')
                     AND update_rule IN ('RESTRICT', 'NO ACTION'))"""
        return [name for (name,) in ask(self.connection, sql, [part.table])]

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """With the session's setting as it was, afterwards."""
        before = ask(self.connection, "SELECT @@SESSION.lock_wait_timeout")[0][0]
        self.run("SET SESSION lock_wait_timeout = 2")
        try:
            yield
        finally:
            self.run(f"SET SESSION lock_wait_timeout = {before:d}")

    def is_busy(self, error: DatabaseError) -> bool:
        """By its number."""
        return bool(error.args) and error.args[0] in _BUSY

    def _guard(self, part: Part, event: str, text: str) -> str:
        name = self.trigger("guard", part, f"_{event.lower()}")
        moves = " OR ".join(filter(None, (self.condition(part, row) for row in _ROWS[event])))
        condition = f"NOT {self.is_passing()}" + (f" AND ({moves})" if moves else "")
        return (
            f"CREATE TRIGGER {name} BEFORE {event} ON {self.quoted(part.table)} FOR EACH ROW "
            f"IF {condition} THEN SIGNAL SQLSTATE '45000' "
            f"SET MESSAGE_TEXT = {self.literal(text[:128])}; END IF"
        )
