"""Scopes for work that is no request: ``scope()``, and whose pins it has."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from pinning import conf
from pinning.blocks import decorated
from pinning.databases import pin_now, pins_at
from pinning.holders import Holder
from pinning.pins import Pins, Position, signing
from pinning.scope import Scope, inside

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


class HeldScope(Scope):
    """The scope of work that is done for somebody: it has their pins and leaves them its own."""

    __slots__ = ("_holder",)

    def __init__(self, holder: Holder) -> None:
        """Open a scope for ``holder``; nothing is loaded yet."""
        super().__init__()
        self._holder = holder
        if self.parent is None:
            self.seed = holder.seed() or self.seed

    def load_pins(self) -> Pins | None:
        """Those of the scope around, if any, and the holder's."""
        around = super().load_pins()
        held = None if around is None else self._holder.load()
        return None if around is None or held is None else around.merge(held)

    def wrote(self, cluster: str, position: Position | None = None) -> None:
        """Note a committed write; one that is committed after its end is saved by itself."""
        super().wrote(cluster, position)
        if self.is_closed:
            at = pin_now(cluster) if position is None else pins_at(cluster, position)
            self._holder.save(lambda: at)

    def close(self) -> None:
        """Save what was written, and end."""
        try:
            if self.has_unsaved_writes():
                self._holder.save(self.take_pins)
        finally:
            super().close()


class CarriedScope(Scope):
    """Work with the pins that a text brings along, those of a task's message say."""

    __slots__ = ("_brought",)

    def __init__(self, carried: object) -> None:
        """Open a scope with the pins in ``carried``: none, where ``carried()`` did not give it."""
        super().__init__()
        self._brought = signing.unsign_carried(carried)

    def load_pins(self) -> Pins | None:
        """Those that were brought, with those of the scope around, if any."""
        known = super().load_pins()
        return None if known is None else known.merge(self._brought)

    def needs_pins(self) -> bool:
        """What TASKS says: who brought none may wait for a row that no replica has yet."""
        return conf.settings().tasks == conf.PRIMARY
