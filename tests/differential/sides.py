"""Runs the steps of programs on one of the two sides, and opens the scopes of visits."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from pinning import carried, scope, use_primary
from pinning.middleware import PinningMiddleware
from tests.differential import reading, rows, writing  # noqa: F401  they have the steps
from tests.differential.kinds import STEPS
from tests.differential.told import Call, Told
from tests.differential.twins import PRIMARY, Twins
from tests.differential.world import World, tell, tell_error

_TICKS = (0.3, 1.1, 2.5, 6.0)

#: Steps that are no work of the visitor's: blocks, and what happens around him.
EVENTS = ("atomic", "inner_scope", "primary", "close", "fail", "replay", "tick")


class _Failed(Exception):
    """Ends a block."""


class Side:
    """Runs a program on one side; ``visit`` opens the scope of a visitor around his steps."""

    def __init__(self, twins: Twins, clock: Any, *, is_cluster: bool) -> None:
        self._twins, self._clock, self._is_cluster = twins, clock, is_cluster
        cached: list[bytes] = []
        self._worlds = [World(cached), World(cached)]
        self._blocks: list[contextlib.AbstractContextManager[Any]] = []

    def steps(self, visitor: int, calls: list[Call]) -> Iterator[Told]:
        """Run the steps of a visit, and close the blocks that are open at its end."""
        yield from (self.run(visitor, call) for call in calls)
        while self._blocks:
            yield self.run(visitor, Call("close"))

    def run(self, visitor: int, call: Call) -> Told:
        told, world = Told(call, visitor), self._worlds[visitor]
        told.before = self._twins.place_of(PRIMARY)
        with self._twins.heard() as told.statements:
            try:
                told.result = tell(self._result(world, call))
            except Exception as error:
                told.result = tell_error(error)
        told.result = [told.result, tell(world.heard)]
        world.heard.clear()
        told.after = self._twins.place_of(PRIMARY)
        return told

    def _result(self, world: World, call: Call) -> Any:
        if call.name in STEPS:
            return STEPS[call.name](world, *call[1:])
        return getattr(self, call.name)(call.a)

    def rows(self, how: int) -> Any:
        return rows.everything()

    # Blocks

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        while self._blocks:  # an error has come between
            with contextlib.suppress(Exception):
                self.fail(0)

    def atomic(self, how: int) -> None:
        ways = ({}, {"savepoint": False}, {}, {"durable": True})
        self._open(transaction.atomic(**ways[how % len(ways)]))

    def inner_scope(self, how: int) -> None:
        self._open(scope() if self._is_cluster else contextlib.nullcontext())

    def primary(self, how: int) -> None:
        self._open(use_primary() if self._is_cluster else contextlib.nullcontext())

    def _open(self, block: contextlib.AbstractContextManager[Any]) -> None:
        block.__enter__()
        self._blocks.append(block)

    def close(self, how: int) -> None:
        if self._blocks:
            self._blocks.pop().__exit__(None, None, None)

    def fail(self, how: int) -> None:
        if self._blocks:
            self._blocks.pop().__exit__(_Failed, _Failed(), None)

    # Events

    def replay(self, much: int) -> None:
        if self._is_cluster:
            self._twins.replay(much)

    def tick(self, much: int) -> None:
        self._clock.tick(_TICKS[much % len(_TICKS)])
        if self._is_cluster:
            self._twins.tick()


class InText:
    """Pins go from visit to visit as ``carried()`` gives them."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def __call__(self, visitor: int, work: Callable[[], None]) -> None:
        text = self._texts.get(visitor)
        with scope(carried=text) if text else scope():
            work()
            self._texts[visitor] = carried()


class InCookies:
    """Each visit is a request, and pins go in a cookie."""

    def __init__(self) -> None:
        self._jars: dict[int, dict[str, str]] = {}

    def __call__(self, visitor: int, work: Callable[[], None]) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            work()
            return HttpResponse()

        jar, request = self._jars.setdefault(visitor, {}), RequestFactory().get("/")
        request.COOKIES.update(jar)
        response = PinningMiddleware(view)(request)
        jar.update({name: morsel.value for name, morsel in response.cookies.items()})
