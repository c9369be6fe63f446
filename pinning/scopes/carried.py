"""Carries pins as signed text: from a request to the task that it queues, and back again."""

from django.db import connections

from pinning import conf
from pinning.conf import Cluster, clusters
from pinning.databases import is_in_transaction, pin_by_clock, pin_now
from pinning.pins import Pins, signing
from pinning.scopes.scope import Scope, current_scope
from pinning.scopes.transaction import transaction_of


def carried() -> str:
    """Return the current scope's pins as signed text, for a task that must see the same data.

    These are the pins that the scope opened with, and those of its commits until now. A write that
    is not committed yet has no position: its pin holds by the clock, for WINDOW. The text is empty
    outside a scope, and if there are no pins. ``scope(carried=...)`` and ``take_carried`` read it.
    """
    scope = current_scope()
    return "" if scope is None else _signed(_pins_of(scope))


def carried_for_all() -> str:
    """Like ``carried``, with everybody's commits until now: for a task that waits for several."""
    scope = current_scope()
    return "" if scope is None else _signed(_pins_of_all(scope))


def take_carried(text: str) -> None:
    """Let the current user see what a task has written: ``text`` is what ``carried()`` gave there.

    This holds from now on, and in the user's next requests. Text that we did not sign is ignored,
    whatever it is, and so are pins that have expired.
    """
    scope = current_scope()
    if scope is not None:
        scope.receive(signing.unsign_carried(text))


def _signed(pins: Pins) -> str:
    return signing.sign(pins, signing.CARRIED) if pins else ""


def _pins_of(scope: Scope) -> Pins:
    """The pins of what the user wrote; if no store can tell that, of what anybody wrote."""
    pins = scope.pins()
    if pins is None:
        return _pins_of_all(scope)
    for cluster in _with_replicas():
        if scope.has_written(cluster.primary):
            pins = pins.merge(scope.pins_of_writes(cluster.primary))
        pins = pins.merge(_pins_of_pending(cluster))
    return pins


def _pins_of_all(scope: Scope) -> Pins:
    """Pins at each primary's position now, which covers every commit there, and the scope's own."""
    pins = scope.pins() or Pins()
    for cluster in _with_replicas():
        pins = pins.merge(pin_now(cluster.primary)).merge(_pins_of_pending(cluster))
    return pins


def _with_replicas() -> list[Cluster]:
    """The clusters in which a pin can matter. The list is empty if the settings are wrong."""
    found = map(clusters().of_alias, conf.settings().pinnable)
    return [cluster for cluster in found if cluster is not None]


def _pins_of_pending(cluster: Cluster) -> Pins:
    """A pin by the clock if the open transaction has written: its commit has no position yet."""
    connection = connections[cluster.primary]
    if is_in_transaction(connection) and transaction_of(connection).has_written():
        return pin_by_clock(cluster.primary)
    return Pins()


class CarriedScope(Scope):
    """The scope of work that brings its pins along as text, in a task's message for example."""

    __slots__ = ("_brought",)

    def __init__(self, carried: object) -> None:
        """Open a scope with the pins in ``carried``: none, if ``carried()`` did not make it."""
        super().__init__()
        self._brought = signing.unsign_carried(carried)

    def load_pins(self) -> Pins | None:
        """The pins that the text brought, and those of the scope around, if any."""
        known = super().load_pins()
        return None if known is None else known.merge(self._brought)

    def wait_seconds(self) -> float:
        """TASK_WAIT: nobody looks at a task while it waits."""
        return conf.settings().task_wait

    def needs_pins(self) -> bool:
        """Whether TASKS is PRIMARY: work without pins may be about a row that no replica has."""
        return conf.settings().tasks == conf.PRIMARY
