"""``traced()``: lists each read and each write of a piece of work, and which line asked for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from pinning.scopes.overrides import Block, wishes
from pinning.scopes.scope import current_scope
from pinning.scopes.state import Read
from pinning.scopes.written import Write


@contextmanager
def traced() -> Iterator[list[Read | Write]]:
    """List all reads and writes of the current scope, and of scopes that are opened in the block.

    ``with traced() as trace:``, in sync and async code. The list has a ``Read`` for each answer of
    the router and a ``Write`` for each statement that may write, in the order in which they came,
    with the line of the project that asked. It grows with each of them, so trace a request, not a
    worker. Reads outside every scope are not in it. A block around it lists the same.
    """
    scope = current_scope()
    before = wishes().trace if scope is None else scope.trace
    trace = [] if before is None else _Inner(before)
    with Block(trace=trace):
        if scope is not None:
            scope.trace = trace
        try:
            yield trace
        finally:
            if scope is not None:
                scope.trace = before


class _Inner(list[Read | Write]):
    """The list of a block inside another block, whose list gets all of it too."""

    def __init__(self, around: list[Read | Write]) -> None:
        super().__init__()
        self._around = around

    def append(self, event: Read | Write) -> None:
        super().append(event)
        self._around.append(event)
