"""The site in a process of its own, one for each way."""

import re
from collections import Counter
from typing import Any

from benchmarks.peers.ways import Way
from pinning.testing import site


class Site(site.Site):
    """The site, routed in one of the ways, on the ``databases`` of DATABASES."""

    def __init__(self, way: Way, databases: dict[str, Any], redis: str) -> None:
        given = {"way": way.name, "databases": databases, "redis": redis}
        super().__init__("benchmarks.peers.settings", given)
        self.way = way

    def failures(self) -> dict[str, int]:
        """What its requests failed with, and how often: the last lines of the tracebacks."""
        lines = self.log().splitlines()
        return dict(Counter(line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)))
