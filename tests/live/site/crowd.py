"""A crowd: real HTTP clients that write now and then and read all the time, whatever happens."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx

from pinning.verify.visitors import Visitors
from tests.live.site.clients import Client, Site, last_read

PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Visit:
    """One request. Times in seconds, of the clients' monotonic clock."""

    begun: float
    seconds: float
    status: int
    alias: str
    reason: str
    is_stale: bool


class Crowd(Visitors):
    """Clients in threads of their own. Of so many requests, each writes by one."""

    def __init__(self, site: Site, size: int, *, of: int = 10) -> None:
        """Let ``size`` clients of ``site`` loose in a ``with`` block."""
        super().__init__(self._wander(uuid4().hex, site.client(follows=False)) for _ in range(size))
        self.visits: list[Visit] = []
        self._of = of

    def reads(self, begun: float = 0.0, ended: float = float("inf")) -> list[Visit]:
        """The reads that began in that time."""
        return [visit for visit in self.visits if visit.alias and begun <= visit.begun < ended]

    @property
    def failed(self) -> list[Visit]:
        """The requests that were answered with an error, or not at all."""
        return [visit for visit in self.visits if visit.status not in {200, 302}]

    @property
    def stale(self) -> list[Visit]:
        """The reads that lacked what their client had written before."""
        return [visit for visit in self.visits if visit.is_stale]

    def share(self, alias: str, begun: float, ended: float) -> float:
        """Which part of the reads of that time ``alias`` served."""
        aliases = [visit.alias for visit in self.reads(begun, ended)]
        return aliases.count(alias) / len(aliases)

    def wait(self, seconds: float) -> tuple[float, float]:
        """Let them go on for a while. When that began and ended."""
        begun = time.monotonic()
        time.sleep(seconds)
        return begun, time.monotonic()

    def _wander(self, name: str, client: Client) -> Iterator[float]:
        written = 0
        for turn in itertools.count():
            yield PAUSE_SECONDS
            if turn % self._of:
                self._visit(client, "GET", f"/notes/latest?of={name}", f"{name}.{written}")
            elif self._visit(client, "POST", "/notes", f"{name}.{written + 1}").status == 302:
                written += 1

    def _visit(self, client: Client, method: str, path: str, text: str) -> Visit:
        begun = time.monotonic()
        alias = reason = ""
        is_stale = False
        try:
            response = client.request(
                method, path, data={"text": text} if method == "POST" else None
            )
            status = response.status_code
        except httpx.TransportError:
            status = 0
        if status == 200:
            alias, reason = last_read(response)
            is_stale = response.json()["notes"] != [text]
        visit = Visit(begun, time.monotonic() - begun, status, alias, reason, is_stale)
        self.visits.append(visit)
        return visit
