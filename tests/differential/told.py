"""A program of visitors, what its steps told, and what must not be."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tests.differential.twins import PRIMARY, Statement


class Call(NamedTuple):
    """A step, or an event, by its name, with three numbers."""

    name: str
    a: int = 0
    b: int = 0
    c: int = 0


@dataclass(frozen=True)
class Program:
    """Visits, one after the other, each by a visitor with a number: a scope with its steps."""

    visits: list[tuple[int, list[Call]]]
    has_positions: bool = True
    in_cookies: bool = False
    #: Whether each visit is a coroutine, which runs on an event loop.
    is_async: bool = False
    moves: list[int] = field(default_factory=list)
    #: Decides which replica serves a scope.
    luck: int = 0

    @property
    def is_alone(self) -> bool:
        """Whether only one visitor comes."""
        return len({visitor for visitor, _ in self.visits}) < 2


@dataclass
class Told:
    """What one step told on the cluster, and which statements it ran."""

    call: Call
    visitor: int
    result: Any = None
    statements: list[Statement] = field(default_factory=list)

    #: How many commits there were before it, and after.
    before: int = 0
    after: int = 0

    @property
    def words(self) -> Any:
        """What both sides must have told."""
        return self.result, [each.sql for each in self.statements]

    @property
    def places(self) -> set[int | None]:
        """The states that it read; None for the primary's."""
        reads = [each for each in self.statements if each.reads]
        return {None if each.alias == PRIMARY else each.place for each in reads}

    @property
    def has_written(self) -> bool:
        return any(each.writes for each in self.statements)


class Difference(AssertionError):
    """A step tells something else on a cluster."""

    def __init__(self, program: Program, before: list[Told], here: Told, there: Told) -> None:
        lines = [str(replace(program, visits=[]))]
        lines += [f"  {each.visitor} {tuple(each.call)}" for each in (*before, there)]
        for name, each in (("one database", here), ("a cluster", there)):
            lines += [f"{name} told {each.result}"]
            lines += [f"    {one.alias} at {one.place}: {one.sql}" for one in each.statements]
        super().__init__("\n".join(lines))


class Unseen(AssertionError):
    """A visitor did not see what he had written."""

    def __init__(self, told: Told, statement: Statement) -> None:
        super().__init__(f"{told.visitor} {tuple(told.call)} was read at {statement}")
