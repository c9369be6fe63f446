"""Triggers on PostgreSQL: functions that run with their owner's rights, with qualified names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from django.db import DatabaseError, transaction

from pinning.move.dialects.base import Dialect, Triggers, ask
from pinning.move.names import PREFIX
from pinning.move.parts import Part
from pinning.move.records import TABLE

#: lock_not_available, deadlock_detected.
_BUSY = frozenset({"55P03", "40P01"})

# SECURITY DEFINER: the site's role needs no rights on the log. So the search_path is fixed.
_FUNCTION = """CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $pinning$ BEGIN {body} END $pinning$"""

_LOG = """
IF TG_OP <> 'INSERT' THEN
  INSERT INTO {log} (part, row_key) VALUES ('{code}', OLD.{key}::text);
END IF;
IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.{key} IS DISTINCT FROM OLD.{key}) THEN
  INSERT INTO {log} (part, row_key) VALUES ('{code}', NEW.{key}::text);
END IF;
RETURN NULL;
"""
_GUARD = """
IF {passes} THEN
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END IF;
RAISE EXCEPTION USING MESSAGE = {text}, ERRCODE = '55000';
"""
_REFUSE = "RAISE EXCEPTION USING MESSAGE = {text}, ERRCODE = '55000';"


class PostgreSQL(Dialect):
    """A CREATE TRIGGER waits for all transactions that have written to the table."""

    number_type: ClassVar[str] = "bigserial PRIMARY KEY"
    cascades_always: ClassVar[bool] = True

    def log_triggers(self, part: Part) -> Triggers:
        """One for rows, and one that refuses TRUNCATE, which no row trigger sees."""
        body = _LOG.format(
            log=self._qualified(self.log_table),
            code=part.code,
            key=self.quoted(part.key.column),
        )
        text = self.literal(f"{part.table} is being moved: delete its rows instead of TRUNCATE.")
        truncate = self.trigger("cut", part)
        return {
            **self._trigger(self.trigger("log", part), part, "AFTER", body),
            truncate: [
                self._function(truncate, _REFUSE.format(text=text)),
                f"CREATE TRIGGER {truncate} BEFORE TRUNCATE ON {self.quoted(part.table)} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {self._qualified_name(truncate)}()",
            ],
        }

    def guards(self, part: Part, text: str) -> Triggers:
        """One for all events."""
        passes = self.is_passing(self._qualified(TABLE))
        old, new = self.condition(part, "OLD"), self.condition(part, "NEW")
        if old:
            passes += f" OR NOT (COALESCE({old}, FALSE) OR COALESCE({new}, FALSE))"
        body = _GUARD.format(passes=passes, text=self.literal(text))
        return self._trigger(self.trigger("guard", part), part, "BEFORE", body)

    def existing(self) -> set[str]:
        """By their names, which no other move has, and the schema of their functions.

        Another schema may be the other side.
        """
        sql = """SELECT tgname FROM pg_catalog.pg_trigger t
            JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
            JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) p.pronamespace
            WHERE tgname LIKE %s AND c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%s)"""
        return {name for (name,) in ask(self.connection, sql, [f"{PREFIX}\\_%", TABLE])}

    def drop(self, trigger: str, part: Part) -> Sequence[str]:
        """With its function."""
        return [
            f"DROP TRIGGER IF EXISTS {trigger} ON {self.quoted(part.table)}",
            f"DROP FUNCTION IF EXISTS {self._qualified_name(trigger)}()",
        ]

    def literal(self, value: object) -> str:
        """As the server quotes it."""
        return str(ask(self.connection, "SELECT pg_catalog.quote_nullable(%s)", [value])[0][0])

    def lock(self) -> bool:
        """An advisory lock of the session."""
        number = int(self.name.code, 16)
        return bool(ask(self.connection, f"SELECT pg_catalog.pg_try_advisory_lock({number})")[0][0])

    def unlock(self) -> None:
        """That lock."""
        ask(self.connection, f"SELECT pg_catalog.pg_advisory_unlock({int(self.name.code, 16)})")

    def next_number(self, part: Part) -> int | None:
        """What its sequence gave last."""
        sequence = self._sequence(part)
        if not sequence:
            return None
        ((last,),) = ask(self.connection, f"SELECT last_value FROM {sequence}")
        return int(last) + 1

    def skip_to(self, part: Part, number: int) -> None:
        """Never back: other rows may have been made there."""
        sequence = self._sequence(part)
        if sequence and number > (self.next_number(part) or 0):
            ask(self.connection, "SELECT pg_catalog.setval(%s, %s, false)", [sequence, number])

    def why_not(self, part: Part) -> Iterator[str]:
        """The right to make triggers."""
        sql = "SELECT pg_catalog.has_table_privilege(%s, 'TRIGGER')"
        if not ask(self.connection, sql, [self.quoted(part.table)])[0][0]:
            yield f"{self.connection.alias!r} does not permit its user triggers on {part.table}."

    def cascades(self, part: Part) -> list[str]:
        """The constraints whose confdeltype or confupdtype is no restriction."""
        sql = """SELECT conname, contype::pg_catalog.text, confdeltype::pg_catalog.text,
            confupdtype::pg_catalog.text FROM pg_catalog.pg_constraint
            WHERE conrelid OPERATOR(pg_catalog.=) %s::pg_catalog.regclass"""
        found = ask(self.connection, sql, [self.quoted(part.table)])
        return [name for name, kind, *acts in found if kind == "f" and not {*acts} <= {"a", "r"}]

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """In a transaction, so that the setting ends with it."""
        with transaction.atomic(using=self.connection.alias):
            self.run("SET LOCAL lock_timeout = '2s'")
            yield

    def is_busy(self, error: DatabaseError) -> bool:
        """By its SQLSTATE."""
        cause = error.__cause__
        return getattr(cause, "sqlstate", getattr(cause, "pgcode", None)) in _BUSY

    def _trigger(self, name: str, part: Part, when: str, body: str) -> Triggers:
        return {
            name: [
                self._function(name, body),
                f"CREATE TRIGGER {name} {when} INSERT OR UPDATE OR DELETE "
                f"ON {self.quoted(part.table)} "
                f"FOR EACH ROW EXECUTE FUNCTION {self._qualified_name(name)}()",
            ]
        }

    def _function(self, name: str, body: str) -> str:
        return _FUNCTION.format(function=self._qualified_name(name), body=body)

    def _schema(self) -> str:
        """Where our own tables are."""
        sql = """SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
            WHERE c.oid OPERATOR(pg_catalog.=) %s::pg_catalog.regclass"""
        return str(ask(self.connection, sql, [TABLE])[0][0])

    def _qualified(self, table: str) -> str:
        return f"{self._schema()}.{table}"

    def _qualified_name(self, function: str) -> str:
        return f"{self._schema()}.{function}"

    def _sequence(self, part: Part) -> str | None:
        if not self.is_automatic(part):
            return None
        sql = "SELECT pg_catalog.pg_get_serial_sequence(%s, %s)"
        found: str | None = ask(self.connection, sql, [self.quoted(part.table), part.key.column])[
            0
        ][0]
        return found
