"""The rows that are there when a program begins, and all rows that are there when it ends."""

import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.differential.models import MODELS, Author, Book, Chapter, Mark, Tag, Work

_JOINS = (Work.tags.through, Work.cites.through)
TABLES = [model._meta.db_table for model in (*MODELS, *_JOINS)]


def create() -> None:
    for model in MODELS:
        ContentType.objects.get_for_model(model)
    joined = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    ann = Author.objects.create(name="ann", joined=joined)
    ben = Author.objects.create(name="ben", joined=joined + datetime.timedelta(days=1))
    red, blue = Tag.objects.create(name="red"), Tag.objects.create(name="blue")
    work = Work.objects.create(title="work", author=ann)
    book = Book.objects.create(title="book", author=ben, pages=10)
    other = Work.objects.create(title="other", author=ben)
    work.tags.add(red, blue)
    book.tags.add(blue)
    other.cites.add(work, book)
    Chapter.objects.create(work=work, name="one", editor=ben)
    Chapter.objects.create(work=book, name="one")
    Mark.objects.create(target=work, text="mark", by=ann)
    Mark.objects.create(target=ann, text="mine")


def remove(connection: BaseDatabaseWrapper) -> None:
    """Empty the tables. The keys of new rows begin with 1 again."""
    statements = connection.ops.sql_flush(no_style(), TABLES, reset_sequences=True)
    connection.ops.execute_sql_flush(statements)


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table of "default"."""
    with connections["default"].cursor() as cursor:
        return read(cursor)


def read(cursor: Any) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table."""
    return {table: _rows(cursor, table) for table in TABLES}


def write(cursor: Any, everything: dict[str, list[tuple[Any, ...]]]) -> None:
    """Put these rows in the place of all that there are."""
    for table in reversed(TABLES):
        cursor.execute(f"DELETE FROM {table}")
    for table in TABLES:
        for row in everything[table]:
            values = ", ".join(["%s"] * len(row))
            cursor.execute(f"INSERT INTO {table} VALUES ({values})", row)


def _rows(cursor: Any, table: str) -> list[tuple[Any, ...]]:
    cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
    return list(cursor.fetchall())
