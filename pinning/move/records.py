"""What a move remembers, in one small table in each of its two databases."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.move.names import PREFIX, Name

TABLE = f"{PREFIX}s"

#: The phases of a move, as the database that the rows leave tells them.
COPYING, CLOSED, MOVED, OPEN, DROPPED = "copying", "closed", "moved", "open", "dropped"
#: The phases in which the rows are elsewhere.
LEFT = frozenset({MOVED, OPEN, DROPPED})

_CREATE = (
    f"CREATE TABLE {TABLE} (name varchar(64) NOT NULL, part varchar(64) NOT NULL, "
    "value text NOT NULL, PRIMARY KEY (name, part))"
)
_WHERE = "WHERE name = %s AND part = %s"


class Records:
    """The records of one move in one database: a text for each part."""

    def __init__(self, connection: BaseDatabaseWrapper, name: Name) -> None:
        self._connection, self._name = connection, name

    def create(self, suffix: str) -> None:
        """Make the table if there is none. ``suffix`` ends the statement."""
        if not _has_table(self._connection):
            self._run(f"{_CREATE}{suffix}")

    def get(self, part: str) -> str | None:
        """What is remembered of a part."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT value FROM {TABLE} {_WHERE}", [self._name.code, part])
            row = cursor.fetchone()
        return row[0] if row else None

    def exists(self) -> bool:
        """Whether anything is remembered of the move."""
        if not _has_table(self._connection):
            return False
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {TABLE} WHERE name = %s", [self._name.code])
            return cursor.fetchone() is not None

    def put(self, part: str, value: str) -> None:
        """Remember it, in the open transaction if there is one."""
        with transaction.atomic(using=self._connection.alias):
            self.remove(part)
            self._run(f"INSERT INTO {TABLE} VALUES (%s, %s, %s)", self._name.code, part, value)

    def change(self, part: str, before: str, after: str) -> bool:
        """Remember ``after`` if ``before`` is remembered now. Returns whether it was."""
        sql = f"UPDATE {TABLE} SET value = %s {_WHERE} AND value = %s"
        return self._run(sql, after, self._name.code, part, before) == 1

    def remove(self, part: str) -> None:
        """Forget a part."""
        self._run(f"DELETE FROM {TABLE} {_WHERE}", self._name.code, part)

    def clear(self) -> None:
        """Forget the move, and drop the table with the last one."""
        self._run(f"DELETE FROM {TABLE} WHERE name = %s", self._name.code)
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {TABLE}")
            is_used = cursor.fetchone() is not None
        if not is_used:
            self._run(f"DROP TABLE {TABLE}")

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A transaction whose writes the triggers let pass, by a row that nobody else sees."""
        with transaction.atomic(using=self._connection.alias):
            self.put("pass", "")
            yield
            self.remove("pass")

    def _run(self, sql: str, *values: str) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return int(cursor.rowcount)


def phase_of(connection: BaseDatabaseWrapper, name: Name) -> str | None:
    """The phase of a move. None: it has not begun. Raises ``django.db.Error``."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT value FROM {TABLE} {_WHERE}", [name.code, "phase"])
            row = cursor.fetchone()
    except Error:
        if _has_table(connection):
            raise
        return None
    return row[0] if row else None


def all_records(connection: BaseDatabaseWrapper) -> dict[str, dict[str, str]]:
    """What a database remembers of each move, by the code of its name and by part."""
    found: dict[str, dict[str, str]] = {}
    if _has_table(connection):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT name, part, value FROM {TABLE}")
            for name, part, value in cursor.fetchall():
                found.setdefault(name, {})[part] = value
    return found


def _has_table(connection: BaseDatabaseWrapper) -> bool:
    return TABLE in connection.introspection.table_names()
