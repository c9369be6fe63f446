"""Tells work that can be done later whether a replica would serve it by then."""

from pinning.conf import clusters
from pinning.reads.decision import decide
from pinning.scopes import Reason, current_scope


def is_behind() -> bool:
    """Whether the current scope reads from the primary only as no replica has its pins yet.

    A task may have itself queued again then. It waits as long as the first read of the scope may,
    for TASK_WAIT in a task, and may cost that read's queries; the read does not ask again. False
    outside a scope, on an event loop, and where reads go to the primary for another reason.
    """
    scope = current_scope()
    pins = None if scope is None or scope.is_shadow() else scope.pins()
    found = (clusters().of_alias(name) for name in {pin.cluster for pin in pins or ()})
    return any(
        decide(cluster, None, None, scope)[1] is Reason.PINNED
        for cluster in found
        if cluster is not None
    )
