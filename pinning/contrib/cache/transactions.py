"""Settles what was deleted or set inside a transaction: when that commits, or has been rolled back.

Django calls us after a commit. After a rollback it calls nobody: then the end of the scope counts.
Outside of scopes, the barrier of a transaction that is rolled back lasts for some minutes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connections

from pinning.contrib.cache.cell import new_token
from pinning.contrib.cache.work import Memory, Place, forget_memory, memory_of, open_transactions
from pinning.scopes import Scope
from pinning.signals import scope_closed

RECEIVER = "pinning.contrib.cache"

#: Called with the clusters that were written to, whether something was committed there, and whether
#: the value that was set is committed.
Settle = Callable[["Pending", bool, bool], None]


class Pending:
    """A key that was deleted or set in a transaction which has not ended as far as is known.

    ``memory`` is the one that knows of it: it is forgotten there when it is settled.
    """

    __slots__ = ("_is_over", "_place", "_settle", "_steps", "clusters", "memory", "token")

    def __init__(self, memory: Memory, place: Place, settle: Settle, clusters: list[str]) -> None:
        self.token = new_token()
        self.clusters = clusters
        self.memory = memory
        self._place = place
        self._settle = settle
        self._steps = 0
        self._is_over = False

    def step(self) -> None:
        """Note that it was deleted or set, and wait for the commit of that.

        A savepoint that is rolled back takes the callbacks with it that were registered inside.
        """
        self._steps += 1
        for name in self.clusters:
            if connections[name].in_atomic_block:
                connections[name].on_commit(partial(self._committed, self._steps), robust=True)

    def _committed(self, step: int) -> None:
        if not self.is_open:  # else the commit of another cluster comes here as well
            self.end(is_committed=True, keeps_value=step == self._steps)

    def end(self, *, is_committed: bool, keeps_value: bool) -> None:
        """Settle it, once."""
        if not self._is_over:
            self._is_over = True
            if self.memory.open.get(self._place) is self:
                del self.memory.open[self._place]
            self._settle(self, is_committed, keeps_value)

    @property
    def is_open(self) -> bool:
        """Whether one of its transactions is open."""
        return not set(self.clusters).isdisjoint(open_transactions())


def pending(memory: Memory, place: Place, settle: Settle) -> Pending:
    """What is pending for the key at ``place`` in the open transaction of this thread."""
    known: Pending | None = memory.open.get(place)
    if known is None:
        # Not before: who is heard costs each asynchronous request a thread at its end.
        scope_closed.connect(settle_the_rest, dispatch_uid=RECEIVER)
        known = memory.open[place] = Pending(memory, place, settle, open_transactions())
    known.step()
    return known


def settle_the_rest(scope: Scope, **_: Any) -> None:
    """Receive ``scope_closed``: settle what was rolled back, or whose callback was not reached."""
    memory = forget_memory(scope)
    if memory is None or not memory.open:
        return
    for place, each in list(memory.open.items()):
        if each.is_open:  # in a block around the scope
            each.memory = memory_of(scope.parent)
            each.memory.open[place] = each
            continue
        is_committed = any(scope.has_written(name) for name in each.clusters)
        each.end(is_committed=is_committed, keeps_value=False)
