"""What the code asks for explicitly, for a block or for a view and all that it returns."""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar, overload

from pinning.scopes.decorators import decorated

F = TypeVar("F", bound=Callable[..., Any])

_forced: ContextVar[str | None] = ContextVar("pinning_forced", default=None)
_read_only: ContextVar[bool] = ContextVar("pinning_read_only", default=False)

PRIMARY = "primary"
REPLICA = "replica"

#: What the running code asked for: PRIMARY, REPLICA or None.
forced = _forced.get

#: Whether the running code was declared to read only, whatever the request's method.
is_read_only = _read_only.get


class Block:
    """Sets a ContextVar while it is entered. A block is entered once; its makers make new ones."""

    def __init__(self, variable: ContextVar[Any], value: object) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._variable.reset(self._token)

    def __call__(self, function: F) -> F:
        """Decorate: ``@use_primary()`` with its brackets."""
        return decorated(function, functools.partial(Block, self._variable, self._value))


@overload
def use_primary(function: F) -> F: ...


@overload
def use_primary(function: None = None) -> Block: ...


def use_primary(function: F | None = None) -> F | Block:
    """Send reads to the primary: ``with use_primary():`` or ``@use_primary`` on a function or view.

    Decorators hold for sync and async functions, and for what a view returns: a template that is
    rendered later, a body that streams. On a class-based view use Django's ``method_decorator``.
    Blocks nest; the innermost counts. Raises TypeError for a generator function, whose body would
    run outside the block.
    """
    return _block_or_decorated(function, _forced, PRIMARY)


@overload
def use_replica(function: F) -> F: ...


@overload
def use_replica(function: None = None) -> Block: ...


def use_replica(function: F | None = None) -> F | Block:
    """Send reads to a replica although the user, or this very scope, has written: stale is fine.

    Used like ``use_primary``. Writes still go to the primary, and so do reads when no replica is
    healthy or USE_REPLICAS is off.
    """
    return _block_or_decorated(function, _forced, REPLICA)


@overload
def read_only(function: F) -> F: ...


@overload
def read_only(function: None = None) -> Block: ...


def read_only(function: F | None = None) -> F | Block:
    """Declare that an unsafe request only reads, as a search or a GraphQL query by POST does.

    Used like ``use_primary``. Its reads are routed like those of a GET; should it write after all,
    that is noticed as ever.
    """
    return _block_or_decorated(function, _read_only, True)


def _block_or_decorated(function: F | None, variable: ContextVar[Any], value: object) -> F | Block:
    block = Block(variable, value)
    return block if function is None else block(function)
