"""What a statement writes, as people call it: the model, else the table, else raw SQL."""

import functools
import sys
from types import FrameType
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings

from pinning.databases import Statement
from pinning.scopes import Scope, Write, line_of_project

_KINDS = frozenset({"insert", "update", "delete"})

#: In how many callers' frames the compiler is looked for.
_MOST_FRAMES = 20


def write_of(statement: Statement, cluster: str, scope: Scope | None, *, pins: bool) -> Write:
    """What is told of a write. Its line is found while DEBUG is on, and for a trace, which gets it.

    Finding the line is slow.
    """
    model = subject_of(statement.table) if statement.table else _model_of_query() or "raw SQL"
    kind = statement.word.upper() if statement.word in _KINDS else "OTHER"
    return _told(_named(model, cluster, kind, pins), scope)


def marked(cluster: str, scope: Scope | None) -> Write:
    """The same for ``mark_written``."""
    return _told(_named("mark_written()", cluster, "OTHER", True), scope)


def _told(write: Write, scope: Scope | None) -> Write:
    if scope is None or (scope.trace is None and not django_settings.DEBUG):
        return write
    write = write._replace(line=line_of_project())
    if scope.trace is not None:
        scope.trace.append(write)
    return write


@functools.lru_cache(1000)
def _named(model: str, cluster: str, kind: str, pins: bool) -> Write:
    """The same object for all scopes."""
    return Write(model, cluster, kind, pins)


def subject_of(table: str) -> str:
    """The label of the model that has the table, else the table's name."""
    return _label_of(table) or table


def as_subject(table: str | None) -> str:
    """What a sentence about the write begins with."""
    if not table:
        return "What this statement writes"
    return _label_of(table) or f"The table {table!r}"


@functools.lru_cache(1000)
def _label_of(table: str) -> str | None:
    for model in apps.get_models(include_auto_created=True):
        if model._meta.db_table == table and not model._meta.proxy:
            return str(model._meta.label)
    return None


def _model_of_query() -> str | None:
    """The label of the model whose query Django's compiler runs now. None: it is raw SQL."""
    frame: FrameType | None = sys._getframe(2)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        if frame.f_code.co_name == "execute_sql":
            query: Any = getattr(frame.f_locals.get("self"), "query", None)
            meta = getattr(getattr(query, "model", None), "_meta", None)
            if meta is not None:
                return str(meta.label)
        frame = frame.f_back
    return None
