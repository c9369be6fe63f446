"""Scopes for work that is no request: ``scope()``, and whose pins it has."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from pinning.scopes.carried import CarriedScope
from pinning.scopes.decorators import decorated
from pinning.scopes.identity import HeldScope, Holder
from pinning.scopes.scope import Scope, inside

F = TypeVar("F", bound=Callable[..., Any])

_NOT_GIVEN: Any = object()


def scope(*, identity: object = None, carried: str | None = _NOT_GIVEN) -> "NewScope":
    """A scope for code that is no request: reads may go to replicas until the block writes.

    ``with scope() as work:``, ``async with scope():`` or ``@scope()``. Inside another scope it
    knows what that one has written, and tells it what it writes itself.

    ``identity`` says whom the work is done for, so that it sees what they wrote and they see what
    it writes: the scope of an ASGI connection (``self.scope`` in a Channels consumer), a request, a
    user or a user's id. None, or nobody, is a scope without. It takes a store on a server. Where it
    may write, say ``async with`` on an event loop, which would have to wait at the end of a
    ``with``.

    ``carried`` is what ``carried()`` gave where the work was ordered: replicas that have reached
    these pins may serve it. Where it holds none, or is None, the setting TASKS says who does.

    Raises TypeError where both are given: put one scope into the other.
    """
    if identity is None:
        return NewScope(Scope if carried is _NOT_GIVEN else lambda: CarriedScope(carried))
    if carried is not _NOT_GIVEN:
        raise TypeError("scope() takes identity or carried: put one scope into the other.")
    return NewScope(lambda: HeldScope(Holder(identity)))


class NewScope:
    """What ``scope()`` makes: a with block or a decorator that opens a scope and closes it."""

    def __init__(self, make: Callable[[], Scope]) -> None:
        self._make = make

    def __enter__(self) -> Scope:
        self._scope = self._make()
        self._block = inside(self._scope)
        return self._block.__enter__()

    def __exit__(self, *error: object) -> None:
        self._block.__exit__(*error)
        self._scope.close()

    async def __aenter__(self) -> Scope:
        return self.__enter__()

    async def __aexit__(self, *error: object) -> None:
        """As ``__exit__``; only what has to wait leaves the event loop."""
        self._block.__exit__(*error)
        close = self._scope.close
        await sync_to_async(close)() if self._scope.has_unsaved_writes() else close()

    def __call__(self, function: F) -> F:
        """Decorate a function, sync or async: each call is a scope."""
        return decorated(function, functools.partial(NewScope, self._make))
