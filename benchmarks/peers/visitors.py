"""The users: closed loops over HTTP, in a process apart from the sites and from who measures.

``python -m benchmarks.peers.visitors``: a plan as one line of JSON on stdin; a line on stdout when
they set out; they visit until stdin is closed; their visits as JSON on stdout. Every site has the
same users with the same pauses.
"""

import http.client
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPMessage
from http.cookies import SimpleCookie
from typing import NamedTuple

from pinning.verify.visitors import Visitors

TIMEOUT_SECONDS = 30.0

#: After a write: how many reads soon, with at most this pause each; then how many at leisure.
SOON, SOON_SECONDS = 3, 0.5
LEISURELY, LEISURELY_SECONDS = 5, 2.5

#: Programs write in this part of their requests, and pause so long on average.
WRITES, PROGRAM_SECONDS = 0.15, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who visits. ``pace`` multiplies all pauses; 0 for none. ``kind`` is one of KINDS."""

    ports: dict[str, int]
    users: int
    pace: float
    seed: str
    kind: str = "users"


class Visit(NamedTuple):
    """One request. ``begun`` is of this machine's monotonic clock."""

    site: str
    begun: float
    seconds: float
    status: int  # 0: no answer
    is_write: bool
    is_stale: bool
    reads: str  # the databases, in order
    reason: str
    position_queries: int
    store_calls: int
    waited_ms: float = 0.0


class Browser:
    """Keeps its connection and its cookies, as long as these say."""

    def __init__(self, port: int, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self._own = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        self._cookies: dict[str, tuple[str, float]] = {}

    def request(self, method: str, path: str, body: str) -> tuple[HTTPMessage, int, bytes]:
        """The response's headers, status and body. OSError or HTTPException without one."""
        self._connection.request(method, path, body, self._headers())
        response = self._connection.getresponse()
        content = response.read()
        self._keep(response.headers)
        return response.headers, response.status, content

    def close(self) -> None:
        """Forget the connection."""
        self._connection.close()

    def _headers(self) -> dict[str, str]:
        now = time.time()
        cookies = [f"{name}={value}" for name, (value, ends) in self._cookies.items() if ends > now]
        return {**self._own, "Cookie": "; ".join(cookies)} if cookies else self._own

    def _keep(self, headers: HTTPMessage) -> None:
        for line in headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                lasts = float(morsel["max-age"]) if morsel["max-age"] != "" else float("inf")
                self._cookies[name] = (morsel.coded_value, time.time() + lasts)


class User:
    """Writes ever larger values to an account of their own, and looks at it in between."""

    def __init__(self, site: str, port: int, number: int, chance: random.Random) -> None:
        self.visits: list[Visit] = []
        self._site, self._path, self._chance = site, f"/accounts/{number}", chance
        self._browser = self._client(port)
        self._acknowledged = 0
        #: Nobody visits two sites at the same moment: one of them would always come first.
        self._late = random.Random(f"{site} {number}").uniform(0, SOON_SECONDS)

    def _client(self, port: int) -> Browser:
        return Browser(port)

    def _itinerary(self, chance: random.Random) -> Iterator[tuple[bool, float]]:
        return _itinerary(chance)

    def wander(self, pace: float) -> Iterator[float]:
        """Visit at set times, so that a slow site does not shift all that comes.

        Where a time has passed, at once.
        """
        due = time.monotonic() + self._late * pace
        for is_write, pause in self._itinerary(self._chance):
            due += pause * pace
            yield max(due - time.monotonic(), 0)
            self._write() if is_write else self._read()

    def _write(self) -> None:
        value = time.time_ns()  # above all that an earlier crowd has written
        if self._visit("POST", f"value={value}").status == http.client.FOUND:
            self._acknowledged = value
            self._read()  # the redirect's page

    def _read(self) -> None:
        self._visit("GET")

    def _visit(self, method: str, body: str = "") -> Visit:
        begun = time.monotonic()
        headers, status, content = HTTPMessage(), 0, b""
        try:
            headers, status, content = self._browser.request(method, self._path, body)
        except (OSError, http.client.HTTPException):
            self._browser.close()
        seconds = time.monotonic() - begun
        is_stale = status == http.client.OK and json.loads(content)["value"] < self._acknowledged
        visit = Visit(
            site=self._site,
            begun=begun,
            seconds=seconds,
            status=status,
            is_write=method == "POST",
            is_stale=is_stale,
            reads=headers.get("X-Reads", ""),
            reason=headers.get("X-Reason", ""),
            position_queries=int(headers.get("X-Position-Queries", 0)),
            store_calls=int(headers.get("X-Store-Calls", 0)),
            waited_ms=float(headers.get("X-Waited", 0)),
        )
        self.visits.append(visit)
        return visit


def _itinerary(chance: random.Random) -> Iterator[tuple[bool, float]]:
    """Whether to write, after which pause, without end. Where in the round it begins is chance."""
    skipped = chance.randrange(1 + SOON + LEISURELY)
    while True:
        round_ = [
            (True, chance.expovariate(1 / LEISURELY_SECONDS)),
            *((False, chance.uniform(0, SOON_SECONDS)) for _ in range(SOON)),
            *((False, chance.expovariate(1 / LEISURELY_SECONDS)) for _ in range(LEISURELY)),
        ]
        yield from round_[skipped:]
        skipped = 0


class Program(User):
    """A program that uses an API: it has a token and no cookies, and writes now and then."""

    def _client(self, port: int) -> Browser:
        return Browser(port, Authorization=f"Token {self._site}{self._path}")

    def _itinerary(self, chance: random.Random) -> Iterator[tuple[bool, float]]:
        while True:
            yield chance.random() < WRITES, chance.expovariate(1 / PROGRAM_SECONDS)

    def _write(self) -> None:
        value = time.time_ns()
        if self._visit("POST", f"value={value}").status == http.client.FOUND:
            self._acknowledged = value


class Looking(Program):
    """A program whose writes look at what is there first, as an API's serializer does."""

    def __init__(self, site: str, port: int, number: int, chance: random.Random) -> None:
        super().__init__(site, port, number, chance)
        self._path = f"/api{self._path}"


KINDS = {"users": User, "programs": Program, "looking": Looking}


def users_of(plan: Plan) -> list[User]:
    """The users of all sites."""
    return [
        KINDS[plan.kind](
            site, port, 1 + place * plan.users + number, random.Random(f"{plan.seed}.{number}")
        )
        for place, (site, port) in enumerate(plan.ports.items())
        for number in range(plan.users)
    ]


def main() -> None:
    """Read the plan, visit until stdin ends, write the visits."""
    plan = Plan(**json.loads(sys.stdin.readline()))
    users = users_of(plan)
    with Visitors(user.wander(plan.pace) for user in users):
        print("on their way", flush=True)
        sys.stdin.read()
    json.dump([visit for user in users for visit in user.visits], sys.stdout)


def line_of(plan: Plan) -> str:
    """The plan as ``main`` reads it."""
    return json.dumps(asdict(plan)) + "\n"


if __name__ == "__main__":
    main()
