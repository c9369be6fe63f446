"""The values of WAIT that shadow mode compares, and what they mean for a piece of work."""

from pinning.scopes import CarriedScope, Scope, wishes

#: In seconds. The first waits for nothing.
WAITS = (0.0, 0.005, 0.02, 0.05)


def limits_of(scope: Scope) -> tuple[float, ...]:
    """For how many seconds a read of ``scope`` would wait, for each of WAITS.

    A block of ``wait_for_replica`` and a task have a time of their own, whatever WAIT says.
    """
    own = wishes().wait
    if own is None and _is_task(scope):
        own = scope.wait_seconds()
    return WAITS if own is None else (own,) * len(WAITS)


def _is_task(scope: Scope) -> bool:
    around: Scope | None = scope
    while around is not None and not isinstance(around, CarriedScope):
        around = around.parent
    return around is not None
