"""Rows as Django reads them: the same on each database, so that they can be compared."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models import JSONField, QuerySet, Value
from django.utils.timezone import is_aware

from pinning.move.errors import MoveError
from pinning.move.parts import Part

#: A row's values, in the order of the part's fields.
Row = tuple[Any, ...]


class _JSONNull:
    """The value ``null`` of JSON, which Django reads as it reads NULL."""

    def __str__(self) -> str:
        return "JSON null"


_JSON_NULL = _JSONNull()

#: So long are the values of one INSERT. MariaDB and MySQL take 16 MB by default
#: (max_allowed_packet), and a character may take four bytes.
_LONGEST_INSERT = 500_000


def read(part: Part, rows: QuerySet[Any]) -> dict[Any, Row]:
    """The values of ``rows`` by their keys, in the order of ``rows``.

    Content types have other numbers in each database, so they are read as app label and model.
    """
    fields = part.fields
    key = fields.index(part.key)
    found = {row[key]: list(row) for row in rows.values_list(*(each.attname for each in fields))}
    for place, field in enumerate(fields):
        if isinstance(field, JSONField):
            _mark_json_nulls(rows, field, place, found)
        if is_content_type(field):
            names = _content_types(rows.db)
            for row in found.values():
                row[place] = names.get(row[place], row[place])
    return {key: tuple(map(_plain, row)) for key, row in found.items()}


def read_keys(part: Part, alias: str, keys: Iterable[Any]) -> dict[Any, Row]:
    """The values of those rows that move and have these keys."""
    return read(part, part.rows(alias).filter(pk__in=list(keys)))


def write(part: Part, alias: str, rows: Iterable[Row]) -> None:
    """Insert rows as ``read`` gave them: no signal is sent, and no field changes a value."""
    types = {is_content_type(field): place for place, field in enumerate(part.fields)}
    numbers = (
        {names: number for number, names in _content_types(alias).items()} if True in types else {}
    )
    left = list(rows)
    most = max(1, connections[alias].ops.bulk_batch_size(part.fields, left) or len(left))
    for some in _portions(left, most):
        objects = [_object(part, alias, row, numbers) for row in some]
        inserting: Any = QuerySet(model=part.model, using=alias)
        inserting._insert(objects, fields=part.fields, raw=True, using=alias)


def text_of(row: Row) -> tuple[str, ...]:
    """What two rows have in common if they are equal."""
    return tuple(map(_text, row))


def is_content_type(field: Any) -> bool:
    """Whether the field refers to Django's content types."""
    return field.is_relation and field.related_model is ContentType


class Checksum:
    """A sum over rows that is the same in whichever order they come."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        for row in rows:
            digest = hashlib.sha256("\x1f".join(text_of(row)).encode(errors="surrogatepass"))
            self._sum = (self._sum + int.from_bytes(digest.digest()[:16])) % 2**128

    def __str__(self) -> str:
        return f"{self._sum:032x}"


def _mark_json_nulls(
    rows: QuerySet[Any], field: Any, place: int, found: Mapping[Any, list[Any]]
) -> None:
    empty = [key for key, row in found.items() if row[place] is None]
    if empty:
        nulls: QuerySet[Any] = QuerySet(model=rows.model, using=rows.db).filter(pk__in=empty)
        for key in nulls.filter(**{f"{field.name}__isnull": False}).values_list("pk", flat=True):
            found[key][place] = _JSON_NULL


def _portions(rows: Sequence[Row], most: int) -> Iterator[list[Row]]:
    """``rows`` in portions for one INSERT each, of ``most`` rows or fewer."""
    portion, length = list[Row](), 0
    for row in rows:
        own = len(repr(row))
        if portion and (len(portion) == most or length + own > _LONGEST_INSERT):
            yield portion
            portion, length = [], 0
        portion.append(row)
        length += own
    if portion:
        yield portion


def _content_types(alias: str) -> dict[int, tuple[str, str]]:
    rows = ContentType.objects.using(alias).values_list("id", "app_label", "model")
    return {number: (app_label, model) for number, app_label, model in rows}


def _object(part: Part, alias: str, row: Row, numbers: Mapping[tuple[str, str], int]) -> Any:
    values = {}
    for field, value in zip(part.fields, row, strict=True):
        if value is _JSON_NULL:
            value = Value(None, JSONField())
        elif isinstance(value, tuple) and is_content_type(field):
            if value not in numbers:
                named = ".".join(value)
                raise MoveError(f"{alias!r} has no content type {named}: migrate it first.")
            value = numbers[value]
        values[field.attname] = value
    return SimpleNamespace(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    return value


def _text(value: Any) -> str:
    if value is None:
        return "\0"
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, default=str)
    if isinstance(value, datetime) and is_aware(value):
        value = value.astimezone(UTC)
    return value.hex() if isinstance(value, bytes) else str(value)
