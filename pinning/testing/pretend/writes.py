"""Watches the connection of a pretended primary: what is written, and when it counts as committed.

The transaction of a TestCase is never committed. It counts as none here, and so the outermost block
of ``atomic`` that the code opens inside it is a transaction.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from pinning.databases import as_text, blocks_of, is_tests_own, state_of, statement_of
from pinning.testing.pretend.log import Log
from pinning.testing.pretend.people import Who
from pinning.writes.recorder import Recorder, recorder_of


class Change(NamedTuple):
    """A statement that has written. ``tables`` are in lower case, ``line`` is ``file:line``."""

    model: str
    tables: frozenset[str]
    statement: str
    line: str
    who: Who


#: Makes a Change of a statement's text. None: it does not matter who reads without it.
Describe = Callable[[str], Change | None]


class Writes:
    """The writes on one connection of a pretended primary, from ``start`` to ``stop``."""

    def __init__(self, connection: BaseDatabaseWrapper, log: Log[Change]) -> None:
        self.connection = connection
        self.log = log
        #: What tells more of each write, if somebody wants to know.
        self.describe: Describe = lambda _: None
        self._pending: list[Change | str | None] = []  # a text is a savepoint's name

    def start(self) -> None:
        """Watch it from now on."""
        connection: Any = self.connection
        connection.ensure_connection()
        state_of(connection).looks_past_tests = True
        connection.execute_wrappers.append(self._run)
        self._watch_blocks(connection)
        connection_created.connect(self._watch_blocks)

    def stop(self) -> None:
        """Leave the connection as it was."""
        connection: Any = self.connection
        connection.atomic_blocks = list(connection.atomic_blocks)
        connection_created.disconnect(self._watch_blocks)
        connection.execute_wrappers.remove(self._run)
        state_of(connection).looks_past_tests = False

    def pending(self) -> list[Change]:
        """What was written in the open transaction."""
        return [each for each in self._pending if isinstance(each, Change)]

    def end(self, *, is_commit: bool) -> None:
        """Note the end of a transaction."""
        pending, self._pending = self._pending, []
        written = [each for each in pending if not isinstance(each, str)]
        if is_commit and written:
            self.log.append([each for each in written if each is not None])

    def _watch_blocks(self, connection: Any, **_: object) -> None:
        """Watch the blocks of ``atomic``. A connection that is opened again has a new list."""
        if connection is self.connection:
            self.end(is_commit=False)
            connection.atomic_blocks = Blocks(self, connection.atomic_blocks)

    def _run(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run a statement, and note what it writes. It is an execute wrapper of Django's."""
        result = execute(sql, params, many, context)
        text = as_text(sql, self.connection.connection)
        statement = statement_of(text, self.connection.vendor)
        if statement.is_plain_select:
            return result
        if statement.writes:
            self._pending.append(self.describe(text))
            if not blocks_of(self.connection):
                self.end(is_commit=True)
        elif text.startswith("SAVEPOINT "):
            self._pending.append(text.split()[-1])
        elif text.startswith("ROLLBACK TO "):
            self._roll_back_to(text.split()[-1])
        return result

    def _roll_back_to(self, savepoint: str) -> None:
        if savepoint in self._pending:
            del self._pending[self._pending.index(savepoint) :]


class Blocks(list[Any]):
    """The open blocks of ``atomic`` of one connection. The outermost one is a transaction.

    Django adds a block when it is entered and takes it off when it is left. A block without a
    savepoint, inside that of a TestCase, sends nothing to the database by which it could be seen.
    """

    def __init__(self, writes: Writes, blocks: list[Any]) -> None:
        super().__init__(blocks)
        self._writes = writes

    @property
    def _recorder(self) -> Recorder | None:
        """Who has to be told, as nothing is begun or committed really."""
        connection = self._writes.connection
        return recorder_of(connection) if is_tests_own(connection) else None

    def append(self, block: Any) -> None:
        """Note a transaction that begins."""
        if not (block._from_testcase or blocks_of(self._writes.connection)):
            recorder = self._recorder
            if recorder is not None:
                recorder.began()
        super().append(block)

    def pop(self, index: Any = -1) -> Any:
        """Note a transaction that ends. ``Atomic.__exit__`` commits if nothing was raised."""
        block = super().pop(index)
        if not (block._from_testcase or blocks_of(self._writes.connection)):
            raised = sys._getframe(1).f_locals.get("exc_type")
            is_commit = raised is None and not self._writes.connection.needs_rollback
            self._writes.end(is_commit=is_commit)
            recorder = self._recorder
            if recorder is not None:
                recorder.committed() if is_commit else recorder.rolled_back()
        return block
