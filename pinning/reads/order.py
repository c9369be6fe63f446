"""The order in which a scope tries the replicas of a cluster."""

import hashlib
import math

from pinning.conf import Cluster


def in_order(cluster: Cluster, seed: object) -> list[str]:
    """The replicas in the scope's own order: always the same for one seed and the same replicas.

    This is rendezvous hashing: if a replica comes or goes, only the scopes move that it will serve
    or has served. With weights each hash becomes a waiting time, which is on average shorter for a
    larger weight. The shortest one comes first.
    """
    if len(cluster.replicas) < 2:
        return list(cluster.replicas)

    def waiting_time(alias: str) -> float:
        digest = hashlib.blake2b(
            f"{seed}\0{alias}".encode(errors="surrogatepass"), digest_size=6
        ).digest()
        share = (int.from_bytes(digest) + 1) / 2**48  # above 0, at most 1, exact as a float
        return -math.log(share) / weights.get(alias, 1)

    weights = dict(zip(cluster.replicas, cluster.weights, strict=False))
    return sorted(cluster.replicas, key=waiting_time)
