"""Overrides: what the code asks for explicitly, for a block or for a view and its response."""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar, overload

from pinning.scopes.decorators import decorated
from pinning.scopes.state import ClusterWork

F = TypeVar("F", bound=Callable[..., Any])

PRIMARY = "primary"
REPLICA = "replica"


class Wishes(NamedTuple):
    """The overrides that hold for the running code.

    ``database`` is PRIMARY, REPLICA or None. ``is_read_only`` says that the code only reads,
    whatever the request's method is. ``is_unpinned`` says that what it writes pins nobody. ``wait``
    is for how many seconds a read may wait for a replica; None leaves that to the settings.
    ``choosing`` is what a scope knows of the clusters for which the code is about to choose a
    database: what it reads there meanwhile is read from the primary. ``trace`` is the list of
    ``traced``, for scopes that are opened in its block.
    """

    database: str | None = None
    is_read_only: bool = False
    is_unpinned: bool = False
    wait: float | None = None
    choosing: frozenset[ClusterWork] = frozenset()
    trace: list[Any] | None = None


_wishes: ContextVar[Wishes] = ContextVar("pinning_wishes", default=Wishes())  # noqa: B039

#: Returns the overrides that hold for the running code.
wishes = _wishes.get

#: Set them until ``end`` is called with the token that ``wish`` returned.
wish, end = _wishes.set, _wishes.reset


class Block:
    """Sets one override while it is entered. A block is entered once: each use makes a new one."""

    def __init__(self, **wish: Any) -> None:
        self._wish = wish

    def __enter__(self) -> None:
        known = wishes()
        self._before = {name: getattr(known, name) for name in self._wish}
        _wishes.set(known._replace(**self._wish))

    def __exit__(self, *_: object) -> None:
        # Only its own part: a block in a generator may end after one that began later.
        _wishes.set(wishes()._replace(**self._before))

    def __call__(self, function: F) -> F:
        """Decorate a function: ``@use_primary()``, with its brackets."""
        return decorated(function, functools.partial(Block, **self._wish))


@overload
def use_primary(function: F) -> F: ...


@overload
def use_primary(function: None = None) -> Block: ...


def use_primary(function: F | None = None) -> F | Block:
    """Send reads to the primary: ``with use_primary():`` or ``@use_primary`` on a function or view.

    The decorator works for sync and async functions. It also covers what a view returns: a template
    that is rendered later, a body that streams. On a class-based view use Django's
    ``method_decorator``. Blocks nest, and the innermost one counts. Raises TypeError for a
    generator function, whose body would run outside the block.
    """
    return _block_or_decorated(function, Block(database=PRIMARY))


@overload
def use_replica(function: F) -> F: ...


@overload
def use_replica(function: None = None) -> Block: ...


def use_replica(function: F | None = None) -> F | Block:
    """Send reads to a replica even if the user, or this scope, has written: reads may be stale.

    It is used like ``use_primary``. Writes still go to the primary, and so do reads when no replica
    is healthy or USE_REPLICAS is off.
    """
    return _block_or_decorated(function, Block(database=REPLICA))


@overload
def read_only(function: F) -> F: ...


@overload
def read_only(function: None = None) -> Block: ...


def read_only(function: F | None = None) -> F | Block:
    """Declare that an unsafe request only reads, as a search or a GraphQL query by POST does.

    It is used like ``use_primary``. The reads are routed like those of a GET. If the code writes
    after all, the write is noticed and pins as always.
    """
    return _block_or_decorated(function, Block(is_read_only=True))


@overload
def unpinned(function: F) -> F: ...


@overload
def unpinned(function: None = None) -> Block: ...


def unpinned(function: F | None = None) -> F | Block:
    """Declare that what is written here pins nobody: a counter of visits, or when a user was seen.

    It is used like ``use_primary``. The rest of this scope reads from the primary, as after any
    write. The next requests of the user, and tasks that this one queues, are routed as if nothing
    had been written: they may not see it. A transaction that also writes outside the block pins as
    ever, and so does ``mark_written``.
    """
    return _block_or_decorated(function, Block(is_unpinned=True))


def wait_for_replica(seconds: float) -> Block:
    """Let reads of a pinned user wait so long for a replica before the primary answers.

    ``with wait_for_replica(0.05):`` or ``@wait_for_replica(0.05)``, for sync and async code. It
    stands for the settings WAIT and TASK_WAIT; 0 waits for nothing. Raises ValueError if
    ``seconds`` is no number from 0 on.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise ValueError(f"wait_for_replica takes a number of seconds, 0 or more, not {seconds!r}.")
    return Block(wait=seconds)


def _block_or_decorated(function: F | None, block: Block) -> F | Block:
    return block if function is None else block(function)
