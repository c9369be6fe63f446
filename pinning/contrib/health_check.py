"""django-health-check: whether this process has replicas to read from.

``HealthCheckView`` takes it: ``checks=["pinning.contrib.health_check.Replicas"]``.
"""

import dataclasses

from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable, ServiceWarning

from pinning.conf import clusters
from pinning.health import replica


@dataclasses.dataclass
class Replicas(HealthCheck):  # type: ignore[misc]  # it has no types
    """The replicas of a cluster, as this process knows them. It asks no server.

    It fails if none is left, and warns if some are out. The site works even so, on the primary: the
    view answers with status 500 for both, so keep it away from what takes processes out of service.
    """

    #: The primary's alias.
    cluster: str = "default"

    async def run(self) -> None:
        """Raise ServiceUnavailable or ServiceWarning, with aliases alone: the log says why."""
        known = clusters().of_alias(self.cluster)
        if known is None or known.primary != self.cluster or not known.replicas:
            raise ServiceUnavailable(f"{self.cluster!r} is no primary with replicas.")
        out = [alias for alias in known.replicas if replica(alias).is_out]
        if len(out) == len(known.replicas):
            raise ServiceUnavailable("No replica is left.")
        if out:
            raise ServiceWarning(f"Out: {', '.join(out)}.")
