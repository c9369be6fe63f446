"""Clients in a process of their own: they write, read that, and read as others.

    python -m benchmarks.growth.load PORT THREADS USERS REQUESTS_PER_SECOND SECONDS

The pace is the same for any number of threads. Prints what came of it as JSON.
"""

import http.client
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from urllib.parse import urlencode

from pinning.verify.visitors import Visitors

READS_OF_OTHERS = 3
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Client:
    """One connection, on which requests of many users follow one another."""

    def __init__(self, port: int, number: int, users: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._name = f"p{os.getpid()}t{number}"  # no two runs write as the same
        self._users, self._chance = users, Random(number)
        self._written: Counter[str] = Counter()
        self.read_ms: list[float] = []
        self.write_ms: list[float] = []
        self.aliases: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.stale = self.failed = 0

    def wander(self, pause: float) -> Iterator[float]:
        """Send a request every ``pause`` seconds; of those that are late, one is made up for."""
        due = time.monotonic() + pause * self._chance.random()
        for request in self._requests():
            yield max(0.0, due - time.monotonic())
            due = max(due + pause, time.monotonic() - pause)
            request()

    def _requests(self) -> Iterator[Callable[[], None]]:
        """Write as one of the users, read as the same, then as others."""
        while True:
            user = self._any_user()
            yield partial(self._write, user)
            yield partial(self._read, user)
            for _ in range(READS_OF_OTHERS):
                yield partial(self._read, self._any_user())

    def _any_user(self) -> str:
        return f"user-{self._chance.randrange(self._users)}"

    def _write(self, user: str) -> None:
        number = self._written[user] + 1
        text = f"{user}.{self._name}.{number}"
        status, _, ms = self._send("POST", "/notes", user, urlencode({"text": text}))
        self.write_ms.append(ms)
        self._written[user] = number
        self.failed += status != http.client.CREATED

    def _read(self, user: str) -> None:
        own = f"{user}.{self._name}"
        status, body, ms = self._send("GET", f"/notes/latest?of={own}", user)
        self.read_ms.append(ms)
        if status != http.client.OK:
            self.failed += 1
            return
        found = json.loads(body)
        self.aliases[found["alias"]] += 1
        self.reasons[found["reason"]] += 1
        number = self._written[user]
        self.stale += found["notes"] != ([f"{own}.{number}"] if number else [])

    def _send(
        self, method: str, path: str, user: str, body: str | None = None
    ) -> tuple[int, bytes, float]:
        headers = {"Authorization": f"Bearer {user}", **(_FORM if body is not None else {})}
        begun = time.perf_counter()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        return response.status, content, (time.perf_counter() - begun) * 1000


def main() -> None:
    """Let them loose, and print what came of it."""
    port, threads, users = map(int, sys.argv[1:4])
    rate, seconds = map(float, sys.argv[4:6])
    clients = [Client(port, number, users) for number in range(threads)]
    with Visitors(client.wander(threads / rate) for client in clients):
        time.sleep(seconds)
    result = {
        "read_ms": [ms for client in clients for ms in client.read_ms],
        "write_ms": [ms for client in clients for ms in client.write_ms],
        "aliases": sum((client.aliases for client in clients), Counter()),
        "reasons": sum((client.reasons for client in clients), Counter()),
        "stale": sum(client.stale for client in clients),
        "failed": sum(client.failed for client in clients),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
