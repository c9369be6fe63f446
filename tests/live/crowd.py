"""A crowd: real HTTP clients that write now and then and read all the time, whatever happens."""

import threading
import time
from dataclasses import dataclass

import httpx

from tests.live.conftest import Client, Site, last_read

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


class Crowd:
    """Clients in threads of their own. Every tenth request of each writes."""

    def __init__(self, site: Site, size: int) -> None:
        """Let ``size`` clients of ``site`` loose in a ``with`` block."""
        self._clients = [site.client(follows=False) for _ in range(size)]
        self._threads = [
            threading.Thread(target=self._wander, args=[str(number), client])
            for number, client in enumerate(self._clients)
        ]
        self._is_over = threading.Event()
        self.visits: list[Visit] = []

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

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

    def _wander(self, name: str, client: Client) -> None:
        written, turn = 0, 0
        while not self._is_over.is_set():
            turn += 1
            time.sleep(PAUSE_SECONDS)
            if turn % 10 == 1:
                text = f"{name}.{written + 1}"
                if self._visit(client, "POST", "/notes", text).status == 302:
                    written += 1
            else:
                self._visit(client, "GET", f"/notes/latest?of={name}", f"{name}.{written}")

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
