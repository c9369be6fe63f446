"""Django's tasks: a task carries the pins of the scope that enqueued it.

A ``TaskResult`` has no room for pins, so they travel as a keyword argument. A subclass of ``Task``
adds it when the task is enqueued, and takes it away when the task is called. The subclass has both
ends, whatever the backend and its worker are. A store entry for the result's id, written at
``task_enqueued``, would need a server. It would also come too late: when backends send that signal,
a worker may have begun already.
"""

import contextlib
from typing import Any

from asgiref.sync import sync_to_async
from django.tasks import Task
from django.tasks.backends.dummy import DummyBackend
from django.tasks.backends.immediate import ImmediateBackend

from pinning.scopes import carried, current_scope, scope

#: The keyword argument that carries the pins.
ARGUMENT = "_pinning"

#: Their tasks run in the scope that enqueued them, or never.
_LOCAL = (ImmediateBackend, DummyBackend)


class CarryingTask(Task):  # type: ignore[type-arg]  # Django's own takes none
    """A task that carries pins, and runs in a scope that has them."""

    __slots__ = ()

    def enqueue(self, *args: Any, **kwargs: Any) -> Any:
        """Enqueue the task, with the pins of the current scope."""
        return super().enqueue(*args, **self._with_pins(kwargs))

    async def aenqueue(self, *args: Any, **kwargs: Any) -> Any:
        """Like ``enqueue``. What may wait for a store or a database leaves the event loop."""
        return await super().aenqueue(*args, **await sync_to_async(self._with_pins)(kwargs))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task in a scope with the pins that it brought."""
        with _scope_with(kwargs.pop(ARGUMENT, None)):
            return super().call(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Like ``call``, for an asynchronous task."""
        with _scope_with(kwargs.pop(ARGUMENT, None)):
            return await super().acall(*args, **kwargs)

    def _with_pins(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        text = "" if isinstance(self.get_backend(), _LOCAL) else carried()
        return {**kwargs, ARGUMENT: text} if text else kwargs


class CarriesPins:
    """Makes a backend's tasks carry pins: ``class Backend(CarriesPins, DatabaseBackend): ...``."""

    task_class = CarryingTask


def _scope_with(text: str | None) -> contextlib.AbstractContextManager[Any]:
    """A new scope with these pins. A task that runs at once stays in the scope that called it."""
    return contextlib.nullcontext() if current_scope() else scope(carried=text)
