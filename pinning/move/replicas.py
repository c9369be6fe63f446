"""Waits until the replicas of a cluster have what was written to its primary."""

import time

from django.db import connections

from pinning.conf import Cluster
from pinning.databases import pin_now
from pinning.move.errors import MoveError
from pinning.reads.caught_up import has_reached

_INTERVAL_SECONDS = 0.05


def wait_for_replicas(cluster: Cluster, seconds: float) -> None:
    """Return when all replicas have what the primary had at the call. Raises MoveError."""
    pins, until = tuple(pin_now(cluster.primary)), time.monotonic() + seconds
    for alias in cluster.replicas:
        while not has_reached(connections[alias], pins):
            if time.monotonic() > until:
                raise MoveError(
                    f"The replica {alias!r} has not replayed what was copied after {seconds:g} "
                    "seconds. Repair it, or take it out of REPLICAS, and run this again."
                )
            time.sleep(_INTERVAL_SECONDS)
