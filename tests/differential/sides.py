"""Runs the steps of programs on one of the two sides."""

import contextlib
import contextvars
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from pinning import scope, use_primary
from pinning.scopes import NewScope
from tests.differential import asynchronous, reading, rows, writing  # noqa: F401  the steps
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
    """Runs the steps of a program on one side. ``visits`` opens the scopes around them."""

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

    async def asteps(self, visitor: int, calls: list[Call]) -> AsyncIterator[Told]:
        """The same in a coroutine. What is asynchronous runs there, the rest in a thread."""
        for call in calls:
            yield await self.arun(visitor, call)
        while self._blocks:
            yield await self.arun(visitor, Call("close"))

    def run(self, visitor: int, call: Call) -> Told:
        told = Told(call, visitor)
        with self._telling(told) as world:
            told.result = tell(self._result(world, call))
        return self._finished(told, world)

    async def arun(self, visitor: int, call: Call) -> Told:
        told = Told(call, visitor)
        with self._telling(told) as world:
            told.result = tell(await self._aresult(world, call))
        return self._finished(told, world)

    @contextlib.contextmanager
    def _telling(self, told: Told) -> Iterator[World]:
        """Around a step: notes its statements, and the error that it raises."""
        told.before = self._twins.place_of(PRIMARY)
        with self._twins.heard() as told.statements:
            try:
                yield self._worlds[told.visitor]
            except Exception as error:
                told.result = tell_error(error)

    def _finished(self, told: Told, world: World) -> Told:
        told.result = [told.result, tell(world.heard)]
        world.heard.clear()
        told.after = self._twins.place_of(PRIMARY)
        return told

    def _result(self, world: World, call: Call) -> Any:
        if call.name not in STEPS:
            return getattr(self, call.name)(call.a)
        function = STEPS[call.name]
        if inspect.iscoroutinefunction(function):
            return contextvars.copy_context().run(async_to_sync(function), world, *call[1:])
        return function(world, *call[1:])

    async def _aresult(self, world: World, call: Call) -> Any:
        if inspect.iscoroutinefunction(STEPS.get(call.name)):
            return await STEPS[call.name](world, *call[1:])
        if call.name in ("inner_scope", "primary"):
            return getattr(self, call.name)(call.a)
        if call.name in ("close", "fail"):
            return await self._aclose()
        return await sync_to_async(self._result)(world, call)

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

    async def _aclose(self) -> None:
        if self._blocks and isinstance(self._blocks[-1], NewScope):
            await self._blocks.pop().__aexit__(None, None, None)
        else:
            self.close(0)

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
