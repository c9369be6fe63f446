"""The order in which a scope tries the replicas of a cluster."""

import dataclasses

from pinning.conf import clusters
from pinning.reads.order import in_order


def test_any_text_is_a_seed():
    """Half of a surrogate pair too, as an identity may have it that comes from outside."""
    cluster = dataclasses.replace(clusters().named("default"), replicas=("replica1", "replica2"))
    for seed in ("\ud800", "one", 0.5, None):
        assert sorted(in_order(cluster, seed)) == ["replica1", "replica2"]
        assert in_order(cluster, seed) == in_order(cluster, seed)
