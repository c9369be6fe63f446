"""In which order the replicas of a cluster are tried for a scope."""

import hashlib
import math

from pinning.conf import Cluster


def in_order(cluster: Cluster, seed: object) -> list[str]:
    """The replicas, the scope's own first: the same for the same seed, so far as they are there.

    Rendezvous hashing: a replica more or less moves none but those who were or will be on it. With
    weights each hash becomes a waiting time, on average the shorter the larger the weight; the
    shortest comes first.
    """
    if len(cluster.replicas) < 2:
        return list(cluster.replicas)

    def waiting_time(alias: str) -> float:
        digest = hashlib.blake2b(f"{seed}\0{alias}".encode(), digest_size=6).digest()
        share = (int.from_bytes(digest) + 1) / 2**48  # above 0, at most 1, exact as a float
        return -math.log(share) / weights.get(alias, 1)

    weights = dict(zip(cluster.replicas, cluster.weights, strict=False))
    return sorted(cluster.replicas, key=waiting_time)
