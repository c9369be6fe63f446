"""One database under Django as it is, and a cluster under pinning, in turns behind one alias."""

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from django.contrib.contenttypes.models import ContentType
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState

from pinning.reads.replaced import Piece

PRIMARY, REPLICAS = "default", ("replica1", "replica2")

_REPLACED = [*((piece.owner, piece.attribute) for piece in Piece)]
_REPLACED.append((ContentType, "get_object_for_this_type"))


_CONTENT_TYPES = re.compile(r"""FROM ["`]django_content_type""")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was run, and how far the database was that ran it."""

    alias: str
    sql: str
    place: int = 0

    @property
    def reads(self) -> bool:
        """Whether it reads what may be stale. Content types never change."""
        return self.sql.startswith("SELECT") and not _CONTENT_TYPES.search(self.sql)

    @property
    def writes(self) -> bool:
        return self.sql.startswith(("INSERT", "UPDATE", "DELETE"))


class Twins(ABC):
    """The databases of both sides."""

    own: BaseDatabaseWrapper
    cluster: Mapping[str, BaseDatabaseWrapper]

    #: When each program begins.
    begins = "2026-01-01"

    @abstractmethod
    def clock(self) -> contextlib.AbstractContextManager[Any]:
        """A block with a clock that ``tick`` and ``move_to`` move."""

    @abstractmethod
    def begin(self, *, has_positions: bool, moves: list[int]) -> None:
        """Both have the same rows. Before a read of a replica it moves on, by ``moves``."""

    @abstractmethod
    def replay(self, commits: int) -> None:
        """The replicas go on by so many commits."""

    @abstractmethod
    def tick(self) -> None:
        """The clock has moved."""

    @abstractmethod
    def before(self, statement: Statement) -> None:
        """A statement is about to run."""

    def place_of(self, alias: str) -> int:
        """How many commits the database of the cluster shows, where that is known."""
        return 0

    def remember(self, place: int) -> None:  # noqa: B027  not every one has to
        """The one database is now as the cluster was after so many commits."""

    def knows(self, place: int) -> bool:
        """Whether the one database can show what the cluster had after so many commits."""
        return False

    def showing(self, place: int) -> contextlib.AbstractContextManager[None]:
        """A block in which the one database is as the cluster was after so many commits."""
        raise NotImplementedError

    def note(self) -> None:  # noqa: B027  not every one has to
        """Something may have been committed."""

    @contextlib.contextmanager
    def on_one(self) -> Iterator[None]:
        ContentType.objects.clear_cache()
        with without_pinning(self.own):
            yield

    @contextlib.contextmanager
    def on_cluster(self) -> Iterator[None]:
        ContentType.objects.clear_cache()
        with _in_place(self.cluster):
            yield

    @contextlib.contextmanager
    def heard(self) -> Iterator[list[Statement]]:
        """The statements that run in the block, on whichever connection."""
        statements: list[Statement] = []

        def hear(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            alias = context["connection"].alias
            self.note()
            statement = Statement(alias, re.sub(r"s\d+_x\d+", "savepoint", str(sql)))
            self.before(statement)
            statements.append(replace(statement, place=self.place_of(alias)))
            return execute(sql, params, many, context)

        with contextlib.ExitStack() as stack:
            for connection in (self.own, *self.cluster.values()):
                stack.enter_context(connection.execute_wrapper(hear))
            yield statements
            self.note()


@contextlib.contextmanager
def without_pinning(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """A block in which ``connection`` is "default", and Django is as it comes."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_in_place({PRIMARY: connection}))
        stack.enter_context(patch.object(router, "routers", []))
        for owner, name in _REPLACED:
            stack.enter_context(patch.object(owner, name, djangos(vars(owner)[name])))
        ours = ModelState.__dict__.get("__setstate__")
        if ours is not None:
            del ModelState.__setstate__  # type: ignore[attr-defined]
            stack.callback(setattr, ModelState, "__setstate__", ours)
        yield


def djangos(attribute: Any) -> Any:
    """What pinning has replaced, if it has: a planted bug may have put Django's back."""
    if isinstance(attribute, property):
        return property(getattr(attribute.fget, "__wrapped__", attribute.fget))
    return getattr(attribute, "__wrapped__", attribute)


@contextlib.contextmanager
def _in_place(placed: Mapping[str, BaseDatabaseWrapper]) -> Iterator[None]:
    before = {alias: connections[alias] for alias in placed}
    for alias, connection in placed.items():
        connections[alias] = connection
    try:
        yield
    finally:
        for alias, connection in before.items():
            connections[alias] = connection
