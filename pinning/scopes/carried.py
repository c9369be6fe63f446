"""Pins that go along with work: to the task that a request orders, and back to who waits for it."""

from django.db import connections

from pinning import conf
from pinning.conf import Cluster, clusters
from pinning.databases import is_in_transaction, pin_by_clock, pin_now
from pinning.pins import Pins, signing
from pinning.scopes.scope import Scope, current_scope
from pinning.scopes.transaction import transaction_of


def carried() -> str:
    """The pins of the current scope as signed text, for work that has to see the same: a task.

    Those it opened with, and what it has committed until now. A write that is not committed yet
    has no position: its pin holds by the clock, for WINDOW. Empty without a scope or any pins.
    ``scope(carried=...)`` and ``take_carried`` read it.
    """
    scope = current_scope()
    return "" if scope is None else _signed(_pins_of(scope))


def carried_for_all() -> str:
    """The same with all that anybody has committed until now, for work that waits for many."""
    scope = current_scope()
    return "" if scope is None else _signed(_pins_of_all(scope))


def take_carried(text: str) -> None:
    """Let the current user see what a task has written: ``text`` is what ``carried()`` gave there.

    From now on, and in the user's next requests. Text that we did not sign is ignored, whatever it
    is, and so are pins that are over.
    """
    scope = current_scope()
    if scope is not None:
        scope.receive(signing.unsign_carried(text))


def _signed(pins: Pins) -> str:
    return signing.sign(pins, signing.CARRIED) if pins else ""


def _pins_of(scope: Scope) -> Pins:
    """What the user wrote; where no store can tell that, what anybody did."""
    pins = scope.pins()
    if pins is None:
        return _pins_of_all(scope)
    for cluster in _with_replicas():
        if scope.has_written(cluster.primary):
            pins = pins.merge(scope.pins_of_writes(cluster.primary))
        pins = pins.merge(_pins_of_pending(cluster))
    return pins


def _pins_of_all(scope: Scope) -> Pins:
    """With each primary's position now, which includes whatever was committed there."""
    pins = scope.pins() or Pins()
    for cluster in _with_replicas():
        pins = pins.merge(pin_now(cluster.primary)).merge(_pins_of_pending(cluster))
    return pins


def _with_replicas() -> list[Cluster]:
    """Where a pin can matter. None, where the settings are wrong."""
    settings = conf.settings()
    names = [name for name, replicas in settings.replicas.items() if replicas]
    found = [clusters().of_alias(name) for name in names if name not in settings.read_only]
    return [cluster for cluster in found if cluster is not None]


def _pins_of_pending(cluster: Cluster) -> Pins:
    """A pin by the clock while the open transaction has written: its commit has no position yet."""
    connection = connections[cluster.primary]
    if is_in_transaction(connection) and transaction_of(connection).has_written():
        return pin_by_clock(cluster.primary)
    return Pins()


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
