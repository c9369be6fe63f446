"""What a move would do: how many rows of which tables, what refuses, and what else will change."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from pinning.conf import DEFAULT, Homes, Sharding, settings
from pinning.diagnosis import table
from pinning.move.lease import Moved
from pinning.move.move import Move
from pinning.move.parts import Part
from pinning.move.sides import Side
from pinning.move.values import is_content_type, read

#: So many rows are read to estimate how long it takes.
_SAMPLE = 2000
#: Each row is read twice, written and compared on both sides.
_PASSES = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a move."""

    #: For each table how many rows move, and how many are read in a second.
    parts: Sequence[tuple[Part, int, float]]
    #: Why the move cannot begin.
    refusals: Sequence[str]
    #: What will not work any more, or not in the same way.
    notes: Sequence[str]

    @classmethod
    def of(cls, move: Move) -> "Plan":
        """Look, and change nothing."""
        refusals = list(_refusals(move))
        if any("no table" in each for each in refusals):
            return cls([], refusals, [])
        refusals = list(dict.fromkeys(refusals))
        sampled = [(part, *_sample(part, move.source.alias)) for part in move.parts]
        return cls(sampled, refusals, list(_notes(move)))

    def text(self) -> str:
        """For people."""
        rows = [("table", "rows", "rows a second, read")]
        rows += [(part.table, f"{count:,}", f"{rate:,.0f}") for part, count, rate in self.parts]
        seconds = sum(_PASSES * count / rate for _, count, rate in self.parts if rate)
        told = [table(rows), f"It may take {seconds:,.0f} seconds or more."]
        told += [f"- {each}" for each in self.notes]
        told += [f"REFUSED: {each}" for each in self.refusals]
        return "\n".join(told)


def _sample(part: Part, alias: str) -> tuple[int, float]:
    began = time.perf_counter()
    found = len(read(part, part.rows(alias).order_by(part.key.attname)[:_SAMPLE]))
    rate = found / (time.perf_counter() - began)
    return part.rows(alias).count(), rate


def _refusals(move: Move) -> Iterator[str]:
    for side in (move.source, move.target):
        if side.alias in settings().read_only:
            yield f"PINNING['READ_ONLY'] names {side.alias!r}."
        yield from _tables_that_lack(move, side)
    for part in move.parts:
        yield from _keys_that_leave(move, part)
    yield from _keys_that_stay(move)


def _tables_that_lack(move: Move, side: Side) -> Iterator[str]:
    tables = set(side.connection.introspection.table_names())
    for part in move.parts:
        if part.table not in tables:
            yield f"{side.alias!r} has no table {part.table}: run migrate --database={side.alias}."
            continue
        with side.connection.cursor() as cursor:
            found = side.connection.introspection.get_table_description(cursor, part.table)
        missing = {field.column for field in part.fields} - {column.name for column in found}
        if missing:
            yield f"{part.table} of {side.alias!r} has no column {', '.join(sorted(missing))}."
        yield from side.dialect.why_not(part)
        yield from _cascades(move, side, part)
        if any(map(is_content_type, part.fields)) and ContentType._meta.db_table not in tables:
            types = ContentType._meta.db_table
            yield f"{side.alias!r} has no table {types}, which {part.label} needs."
    if side is move.target and not side.records.exists() and move.phase is None:
        yield from _rows_in_the_way(move, tables)


def _rows_in_the_way(move: Move, tables: set[str]) -> Iterator[str]:
    for part in move.parts:
        if part.table in tables and part.rows(move.target.alias).exists():
            yield f"{part.table} of {move.target.alias!r} has such rows already."


def _cascades(move: Move, side: Side, part: Part) -> Iterator[str]:
    """Keys that change rows where no trigger sees it, or that remove copies of rows."""
    dialect = side.dialect
    if dialect.hides_cascades if side is move.source else dialect.cascades_always:
        for name in dialect.cascades(part):
            yield f"{name} of {part.table} in {side.alias!r} changes rows by itself (ON DELETE)."


def _keys_that_leave(move: Move, part: Part) -> Iterator[str]:
    """Foreign keys with a constraint to rows that are not in the target."""
    moving = {each.model for each in move.parts}
    for key in _keys_of(part.model):
        other = _target_of(key)
        if other not in moving and _home_of(other) not in (move.target.alias, None):
            yield (
                f"{key} leads to {other._meta.label}, which stays: move it too, or set "
                "db_constraint=False."
            )


def _keys_that_stay(move: Move) -> Iterator[str]:
    moving = {each.model for each in move.parts}
    for model in apps.get_models(include_auto_created=True):
        if model not in moving and not model._meta.proxy and model._meta.managed:
            for key in _keys_of(model):
                if _target_of(key) in moving and not _is_sharded(model):
                    yield f"{key} leads here and stays: move it too, or set db_constraint=False."


def _keys_of(model: Any) -> Iterator[Any]:
    """Those with a constraint."""
    for field in model._meta.local_concrete_fields:
        is_bound = field.is_relation and getattr(field, "db_constraint", False)
        if is_bound and not is_content_type(field):
            yield field


def _target_of(key: Any) -> Any:
    return key.related_model._meta.concrete_model


def _home_of(model: Any) -> str | None:
    """The cluster of a model; None if it is sharded. For one that another move has, where it is."""
    current = settings()
    home = Homes.load(current.models, tuple(current.replicas)).of(model)
    if isinstance(home, Sharding):
        return home.function.from_ if isinstance(home.function, Moved) else None
    return home or DEFAULT


def _is_sharded(model: Any) -> bool:
    return _home_of(model) is None


def _notes(move: Move) -> Iterator[str]:
    moving = {each.model for each in move.parts}
    for model in apps.get_models(include_auto_created=True):
        for field in () if model._meta.proxy else model._meta.local_concrete_fields:
            if field.is_relation and not is_content_type(field):
                other = _target_of(field)
                if (model in moving) != (other in moving) and moving & {model, other}:
                    yield f"{field} will lead to another database: joins over it will fail."
        for field in model._meta.private_fields:
            if isinstance(field, GenericForeignKey) and model not in moving:
                yield from _generic(field, move)


def _generic(field: GenericForeignKey, move: Move) -> Iterator[str]:
    """Rows of other models that lead to rows that move, by their content type."""
    model: Any = field.model
    alias = _home_of(model) or move.source.alias
    if model._meta.db_table not in connections[alias].introspection.table_names():
        return
    for part in move.parts:
        kind = ContentType.objects.using(alias).filter(
            app_label=part.model._meta.app_label, model=part.model._meta.model_name
        )
        rows = model._base_manager.using(alias).filter(**{f"{field.ct_field}__in": list(kind)})
        if kind and (count := rows.count()):
            yield (
                f"{count:,} rows of {model._meta.label} lead to {part.label} by {field.name!r} and "
                "stay. From a moved object they are found. The way back needs prefetch_related()."
            )
