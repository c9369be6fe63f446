"""The alias that Django is given for what was decided: in shadow mode it is the primary's."""

from pinning import shadow
from pinning.conf import SHADOW, Cluster, routed_alias, shadow_alias
from pinning.scopes import Choice, Reason, Scope, switch


def given(alias: str, cluster: Cluster, scope: Scope | None) -> str:
    """The alias for a read that was decided to go to the replica ``alias``."""
    if (switch() if scope is None else scope.switch()) != SHADOW:
        return routed_alias(alias, cluster.primary)
    shadow.begin()
    return shadow_alias(cluster.primary, alias)


def pinned(cluster: Cluster, scope: Scope) -> Choice:
    """The primary for now, as no replica has the pins yet.

    In shadow mode an object that it gives says so. What follows that object goes where the scope's
    other reads go then, as it would if a replica had had the pins in time.
    """
    choice = Choice.for_now(cluster.primary, Reason.PINNED)
    if scope.is_shadow():
        shadow.begin()
        choice.decision = (shadow_alias(cluster.primary, ""), Reason.PINNED)
    return choice
