"""``scope()``: opens a scope for work that is not a request, a command or a job for example."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from pinning.scopes.carried import CarriedScope
from pinning.scopes.decorators import decorated
from pinning.scopes.identity import HeldScope, Holder
from pinning.scopes.scope import Scope, inside
from pinning.signals import is_heard, scope_closed

F = TypeVar("F", bound=Callable[..., Any])

_NOT_GIVEN: Any = object()


def scope(*, identity: object = None, carried: str | None = _NOT_GIVEN) -> "NewScope":
    """Open a scope for code that is not a request: it may read from replicas until it writes.

    ``with scope() as work:``, ``async with scope():`` or ``@scope()``. A scope inside another one
    knows what the outer scope has written, and tells the outer scope what it writes itself. It
    reads nothing older than the outer scope has read.

    ``identity`` says for whom the work is done: the work sees what this user or client wrote, and
    they see what the work writes. It is the scope of an ASGI connection (``self.scope`` in a
    Channels consumer), a request, a user, or a user's id. With None or an anonymous user the scope
    has no identity. An identity needs a store on a server. On an event loop use ``async with`` if
    the work may write: the end of a ``with`` block would make the event loop wait.

    ``carried`` is the text that ``carried()`` gave in the scope that ordered the work. Replicas
    that have caught up with these pins may serve the work. If the text holds no pins, or is None,
    the setting TASKS says which database serves it.

    Raises TypeError if both are given: open one scope inside the other instead.
    """
    if identity is None:
        return NewScope(Scope if carried is _NOT_GIVEN else lambda: CarriedScope(carried))
    if carried is not _NOT_GIVEN:
        raise TypeError("scope() takes identity or carried, not both: nest two scopes instead.")
    return NewScope(lambda: HeldScope(Holder(identity)))


class NewScope:
    """What ``scope()`` returns: a block or decorator that opens a scope and closes it after."""

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
        """Like ``__exit__``, in a thread if a database or a receiver may have to wait.

        Of what was cancelled, or given up on, a part may still run in that thread.
        """
        self._block.__exit__(*error)
        scope, is_failed = self._scope, any(error)
        may_write = is_failed or scope.began_to_write or scope.has_unsaved_writes()
        may_wait = may_write or is_heard(scope_closed, type(scope))
        await sync_to_async(scope.close)() if may_wait else scope.close()

    def __call__(self, function: F) -> F:
        """Decorate a function, sync or async: each call gets a scope of its own."""
        return decorated(function, functools.partial(NewScope, self._make))
