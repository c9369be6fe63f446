"""Which replicas are in rotation, and saying so when that changes: once a change, not once a query.

A replica is out while it rests after a failure (``health``) or lags more than MAX_LAG.
"""

import logging

from pinning import breaker, conf
from pinning.conf import Cluster, clusters
from pinning.signals import replica_down, replica_up

logger = logging.getLogger("pinning")

#: Replicas that are out because they lag.
lagging: set[str] = set()
_exhausted: set[str] = set()


def is_out(alias: str) -> bool:
    """Whether the replica serves nobody at present."""
    return breaker.replicas.is_resting(alias) or alias in lagging


def set_aside(alias: str, error: BaseException) -> None:
    """Leave a replica that failed alone for RETRY_AFTER, and say so once."""
    if mark_down(alias):
        tell_down(alias, error)


def mark_down(alias: str) -> bool:
    """Leave a replica alone for RETRY_AFTER. Whether that is news."""
    return breaker.replicas.set_aside(alias, conf.settings().retry_after)


def tell_down(alias: str, error: BaseException) -> None:
    """Say that a replica was set aside."""
    seconds = conf.settings().retry_after
    logger.warning("Replica %r is set aside for %s s: %s", alias, seconds, error)
    replica_down.send_robust(sender=None, alias=alias, error=error)


def restore(alias: str) -> None:
    """Note that a replica answers."""
    if breaker.replicas.restore(alias):
        logger.info("Replica %r answers again.", alias)
        _tell_up(alias)


def mark_lagging(alias: str, error: BaseException) -> None:
    """Take a replica out until it lags less."""
    if alias not in lagging:
        lagging.add(alias)
        logger.warning("Replica %r is taken out of the rotation: %s", alias, error)
        replica_down.send_robust(sender=None, alias=alias, error=error)


def unmark_lagging(alias: str) -> None:
    """Note that a replica lags no more than it may."""
    if alias in lagging:
        lagging.discard(alias)
        logger.info("Replica %r has caught up.", alias)
        _tell_up(alias)


def note_exhausted(cluster: Cluster) -> None:
    """Say that all replicas of ``cluster`` are out, if they are, until one of them is back."""
    name = cluster.primary
    if name not in _exhausted and cluster.replicas and all(map(is_out, cluster.replicas)):
        _exhausted.add(name)
        logger.error("No replica of %r is left: its reads go to the primary.", name)


def reset() -> None:
    """Forget everything, between tests."""
    lagging.clear()
    _exhausted.clear()
    breaker.replicas.reset()


def _tell_up(alias: str) -> None:
    if is_out(alias):
        return
    cluster = clusters().of_alias(alias)
    if cluster is not None:
        _exhausted.discard(cluster.primary)
    replica_up.send_robust(sender=None, alias=alias)
