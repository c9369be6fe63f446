"""The log of changed rows: triggers write keys to it in the transaction that changes the row."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.move.names import PREFIX, Name
from pinning.move.parts import Part


class Entry(NamedTuple):
    """A change of one row."""

    number: int
    #: The code of the part.
    part: str
    #: The row's key, as text.
    key: str


class Log:
    """The log of one move in one database."""

    def __init__(self, connection: BaseDatabaseWrapper, name: Name) -> None:
        self._connection = connection
        self.table = f"{PREFIX}d_{name.code}"

    def exists(self) -> bool:
        """Whether there is one."""
        return self.table in self._connection.introspection.table_names()

    def pages(self, size: int) -> Iterator[list[Entry]]:
        """All entries that are there now, in pages. They may be removed meanwhile."""
        newest = self._ask(f"SELECT id FROM {self.table} ORDER BY id DESC LIMIT 1")
        last = newest[0][0] if newest else 0
        sql = (
            f"SELECT id, part, row_key FROM {self.table} "
            f"WHERE id > %s AND id <= %s ORDER BY id LIMIT {size:d}"
        )
        after = 0
        while page := [Entry(*row) for row in self._ask(sql, after, last)]:
            yield page
            after = page[-1].number

    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return not self._ask(f"SELECT id FROM {self.table} LIMIT 1")

    def known(self, part: Part, keys: Iterable[Any]) -> set[Any]:
        """Which of the rows have changed, by their keys."""
        texts = {part.text_of(key, self._connection): key for key in keys}
        if not texts:
            return set()
        places = ", ".join(["%s"] * len(texts))
        sql = f"SELECT DISTINCT row_key FROM {self.table} WHERE part = %s AND row_key IN ({places})"
        found = self._ask(sql, part.code, *texts)
        return {texts[text] for (text,) in found if text in texts}

    def add(self, part: Part, keys: Iterable[Any]) -> None:
        """Note rows, to look at them later."""
        with self._connection.cursor() as cursor:
            for key in keys:
                sql = f"INSERT INTO {self.table} (part, row_key) VALUES (%s, %s)"
                cursor.execute(sql, [part.code, part.text_of(key, self._connection)])

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove entries that are done with."""
        if numbers:
            places = ", ".join(["%s"] * len(numbers))
            with self._connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {self.table} WHERE id IN ({places})", list(numbers))

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, list(values))
            return list(cursor.fetchall())
