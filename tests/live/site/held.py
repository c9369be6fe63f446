"""What the processes of a site hold: threads, and connections to its databases."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from pinning.testing import family
from pinning.testing.site import Site


@dataclass(frozen=True)
class Held:
    """Threads of all its processes, and connections to the servers that were asked about."""

    threads: int = 0
    connections: int = 0

    def has_grown(self, since: "Held", room: "Held") -> bool:
        """Whether there is more than before, by more than what pools had ``room`` for."""
        return (
            self.threads > since.threads + room.threads
            or self.connections > since.connections + room.connections
        )


@dataclass
class Most:
    """The most connections that a site had to each port at once."""

    site: Site
    ports: frozenset[int]
    seen: Counter[int] = field(default_factory=Counter)

    def watch(self) -> Iterator[float]:
        """For ``Visitors``: look again and again."""
        while True:
            self.seen |= connections_of(self.site, self.ports)
            yield 0.2


def held(site: Site, ports: frozenset[int]) -> Held:
    """At this moment."""
    threads = 0
    for process in family.members_of(site.pid):
        with suppress(psutil.NoSuchProcess):
            threads += process.num_threads()
    return Held(threads, connections_of(site, ports).total())


def connections_of(site: Site, ports: frozenset[int]) -> Counter[int]:
    """How many there are to each port. A child may have those of its parent: they count once."""
    found: set[tuple[int, int]] = set()
    for process in family.members_of(site.pid):
        with suppress(psutil.NoSuchProcess):
            for each in process.net_connections("tcp"):
                is_open = each.status == psutil.CONN_ESTABLISHED
                if is_open and each.raddr and each.raddr.port in ports:
                    found.add((each.laddr.port, each.raddr.port))
    return Counter(port for _, port in found)
