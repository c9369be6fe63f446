"""What is counted of a site that is visited while its replica is late, dies and hangs."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from pinning.testing.site import Site
from pinning.verify.visitors import Visitors
from tests.live.site.crowd import Crowd, Visit
from tests.live.site.held import Held, Most, held
from tests.live.site.pair import Pair

#: Of each of the two calm times of a round.
SHORT_SECONDS = 0.8
NO_ROOM = Held()
_REST_SECONDS = 0.5
_PATIENCE_SECONDS = 10


@dataclass
class Served:
    """What came of it. ``held`` has an entry for each round."""

    visits: list[Visit] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    room: Held = NO_ROOM
    #: The most connections to one server at once.
    most: int = 0

    @property
    def failed(self) -> list[Visit]:
        """Requests that were answered with an error, or not at all."""
        return [visit for visit in self.visits if visit.status not in {200, 302}]

    @property
    def stale(self) -> list[Visit]:
        """Reads that lacked what their visitor had written."""
        return [visit for visit in self.visits if visit.is_stale]

    @property
    def slowest(self) -> float:
        """Of all requests, in seconds."""
        return max(visit.seconds for visit in self.visits)

    def is_less_than(self, now: Held) -> bool:
        """Whether more is held now than after the first round, if that is over."""
        return any(now.has_grown(before, self.room) for before in self.held[:1])

    def counts(self) -> dict[str, object]:
        """What is kept of it."""
        return {
            "requests": len(self.visits),
            "stale": len(self.stale),
            "failed": len(self.failed),
            "slowest": round(self.slowest, 2),
            "threads": [each.threads for each in self.held],
            "connections": [each.connections for each in self.held],
        }


def visit(
    site: Site,
    pair: Pair,
    ports: Sequence[int],
    come: Callable[[], list[Crowd]],
    seconds: float,
    room: Held = NO_ROOM,
) -> Served:
    """A short round and one with ``seconds`` of calm. ``site`` holds what is counted.

    ``room``: pools may have so much room after the first round, and be full after the last.
    """
    served = Served(room=room)
    for calm in (SHORT_SECONDS, max(seconds, SHORT_SECONDS)):
        most = Most(site, frozenset(ports))
        crowds = come()
        with ExitStack() as stack:
            for crowd in (*crowds, Visitors([most.watch()])):
                stack.enter_context(crowd)
            time.sleep(calm / 2)
            _fail(pair)
            time.sleep(calm / 2)
        for crowd in crowds:
            served.visits += crowd.visits
        served.most = max(served.most, *most.seen.values())
        served.held.append(_at_rest(most, served))
    return served


def _fail(pair: Pair) -> None:
    """The replica dies and comes back, and hangs and goes on."""
    pair.replica.kill()
    time.sleep(_REST_SECONDS)
    pair.replica.start()
    time.sleep(_REST_SECONDS)
    pair.replica.freeze()
    time.sleep(3 * _REST_SECONDS)
    pair.replica.thaw()


def _at_rest(most: Most, before: Served) -> Held:
    """What is held while nobody comes, as soon as that is no more than before."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        time.sleep(_REST_SECONDS)
        now = held(most.site, most.ports)
        if not before.is_less_than(now) or time.monotonic() > until:
            return now
