"""What a move says to a database: the base class of the vendors."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.exceptions import one_line
from pinning.move.errors import MoveError
from pinning.move.log import Log
from pinning.move.names import PREFIX, Name
from pinning.move.parts import Part, target_of
from pinning.move.records import TABLE

#: How often a trigger is tried that others do not let in, and how long it is waited in between.
_TRIES = 30
_PAUSE_SECONDS = 0.5

#: The triggers of a part: by name, the statements that make each.
Triggers = Mapping[str, Sequence[str]]


class Dialect(ABC):
    """Makes and removes the triggers of one move on one database, and asks it what it is."""

    #: At the end of CREATE TABLE.
    table_suffix: ClassVar[str] = ""
    #: How the number of a log entry is made.
    number_type: ClassVar[str]
    #: Whether what ON DELETE or ON UPDATE of a key changes runs no triggers.
    hides_cascades: ClassVar[bool] = False
    #: Whether a key with ON DELETE removes rows also while constraints are not checked.
    cascades_always: ClassVar[bool] = False

    def __init__(self, connection: BaseDatabaseWrapper, name: Name) -> None:
        self.connection, self.name = connection, name
        self.log_table = Log(connection, name).table

    @abstractmethod
    def log_triggers(self, part: Part) -> Triggers:
        """Those that write the keys of changed rows to the log."""

    @abstractmethod
    def guards(self, part: Part, text: str) -> Triggers:
        """Those that refuse to change rows that move, with ``text``, except where ``passing``."""

    @abstractmethod
    def existing(self) -> set[str]:
        """The names of all triggers of this move."""

    @abstractmethod
    def drop(self, trigger: str, part: Part) -> Sequence[str]:
        """The statements that drop a trigger."""

    @abstractmethod
    def literal(self, value: object) -> str:
        """``value`` as it is written in SQL."""

    @abstractmethod
    def lock(self) -> bool:
        """Keep other commands from this move, until the process ends. False: one has it."""

    @abstractmethod
    def unlock(self) -> None:
        """Let others have it."""

    @abstractmethod
    def next_number(self, part: Part) -> int | None:
        """The next automatic key, or a number below it. None if its keys are not automatic."""

    @abstractmethod
    def skip_to(self, part: Part, number: int) -> None:
        """Let the next automatic key be ``number`` or more."""

    def why_not(self, part: Part) -> Iterator[str]:  # noqa: ARG002
        """What the database has against a move of a table."""
        yield from ()

    def cascades(self, part: Part) -> list[str]:
        """The keys of the table that change rows by themselves."""
        raise NotImplementedError

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """A block whose statements wait for two seconds at most for others to leave a table."""
        yield

    def create_log(self) -> None:
        """Make the log, if there is none."""
        if self.log_table not in self.connection.introspection.table_names():
            columns = f"id {self.number_type}, part varchar(16) NOT NULL, row_key text NOT NULL"
            self.run(f"CREATE TABLE {self.log_table} ({columns}){self.table_suffix}")

    def drop_log(self) -> None:
        """Drop it, if there is one."""
        if self.log_table in self.connection.introspection.table_names():
            self.run(f"DROP TABLE {self.log_table}")

    def install(self, triggers: Triggers) -> None:
        """Make those that are missing. When it returns, no earlier transaction writes any more.

        The table is locked for a moment. If others hold it, this waits for two seconds, lets them
        go on, and tries again. Raises MoveError if it never succeeds.
        """
        existing = self.existing()
        for name, statements in triggers.items():
            if name not in existing:
                self._insist(statements)

    def remove(self, triggers: Triggers, part: Part) -> None:
        """Drop those that are there."""
        existing = self.existing()
        for name in triggers:
            if name in existing:
                self._insist(self.drop(name, part))

    def run(self, *statements: str) -> None:
        """Run statements."""
        with self.connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)

    def quoted(self, name: str) -> str:
        """A name as an identifier."""
        return self.connection.ops.quote_name(name)

    def trigger(self, kind: str, part: Part, event: str = "") -> str:
        """The name of a trigger."""
        return f"{PREFIX}_{kind}_{part.code}{event}"

    def is_automatic(self, part: Part) -> bool:
        """Whether the database makes the keys."""
        return part.key.get_internal_type() in {"AutoField", "BigAutoField", "SmallAutoField"}

    def condition(self, part: Part, row: str) -> str:
        """Whether a row, OLD or NEW, is one of those that move. Empty: each is."""
        texts = []
        for attname, value in part.where.items():
            field = part.model._meta.get_field(attname)
            stored = target_of(field).get_db_prep_value(value, self.connection)
            texts.append(f"{row}.{self.quoted(field.column)} = {self.literal(stored)}")
        return " AND ".join(texts)

    def is_passing(self, table: str = TABLE) -> str:
        """Whether the open transaction is one of ``Records.passing``."""
        return f"EXISTS (SELECT 1 FROM {table} WHERE name = '{self.name.code}' AND part = 'pass')"

    def _insist(self, statements: Iterable[str]) -> None:
        statements = list(statements)
        for tried in range(1, _TRIES + 1):
            try:
                with self.impatient():
                    self.run(*statements)
                return
            except DatabaseError as error:
                if not self.is_busy(error):
                    raise MoveError(
                        f"{self.connection.alias!r} refuses: {one_line(error)}"
                    ) from error
                if tried == _TRIES:
                    raise MoveError(
                        f"Somebody holds a table of {self.connection.alias!r} for longer than this "
                        f"waits. Find the transaction that does not end: {one_line(error)}"
                    ) from error
            time.sleep(_PAUSE_SECONDS)

    @abstractmethod
    def is_busy(self, error: DatabaseError) -> bool:
        """Whether a statement failed because others hold the table."""


def ask(connection: BaseDatabaseWrapper, sql: str, values: Sequence[Any] = ()) -> list[Any]:
    """The rows of a question."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values) or None)
        return list(cursor.fetchall())
