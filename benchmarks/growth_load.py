"""Clients of ``growth``, in a process of their own: they write, read that, and read as others.

    python -m benchmarks.growth_load PORT THREADS USERS REQUESTS_PER_SECOND SECONDS

The pace is the same for any number of threads. Prints what came of it as JSON.
"""

import http.client
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from random import Random
from urllib.parse import urlencode

READS_OF_OTHERS = 3


class Client(threading.Thread):
    """One connection, on which requests of many users follow one another."""

    def __init__(self, port: int, number: int, users: int, pause: float, until: float) -> None:
        super().__init__()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._name = f"p{os.getpid()}t{number}"  # no two runs write as the same
        self._users, self._chance = users, Random(number)
        self._pause, self._until = pause, until
        self._due = time.monotonic() + pause * self._chance.random()
        self._written: Counter[str] = Counter()
        self.read_ms: list[float] = []
        self.write_ms: list[float] = []
        self.aliases: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.stale = self.failed = 0

    def run(self) -> None:
        """Write as one of the users, read as the same, then as others."""
        while time.monotonic() < self._until:
            user = self._any_user()
            self._write(user)
            self._read(user)
            for _ in range(READS_OF_OTHERS):
                self._read(self._any_user())

    def _any_user(self) -> str:
        return f"user-{self._chance.randrange(self._users)}"

    def _write(self, user: str) -> None:
        number = self._written[user] + 1
        text = f"{user}.{self._name}.{number}"
        status, _, _, ms = self._send("POST", "/notes", user, urlencode({"text": text}))
        self.write_ms.append(ms)
        self._written[user] = number
        self.failed += status != 302

    def _read(self, user: str) -> None:
        own = f"{user}.{self._name}"
        status, reads, body, ms = self._send("GET", f"/notes/latest?of={own}", user)
        self.read_ms.append(ms)
        self.failed += status != 200
        _, alias, reason = json.loads(reads)[-1]
        self.aliases[alias] += 1
        self.reasons[reason] += 1
        number = self._written[user]
        self.stale += json.loads(body)["notes"] != ([f"{own}.{number}"] if number else [])

    def _send(
        self, method: str, path: str, user: str, body: str | None = None
    ) -> tuple[int, str, bytes, float]:
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due + self._pause, time.monotonic() - self._pause)
        headers = {"Authorization": f"Bearer {user}"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        begun = time.perf_counter()
        self._connection.request(method, path, body, headers)
        self._acknowledge_at_once()
        response = self._connection.getresponse()
        content = response.read()
        ms = (time.perf_counter() - begun) * 1000
        return response.status, response.headers.get("X-Reads", "[]"), content, ms

    def _acknowledge_at_once(self) -> None:
        """Django's small server sends a response in parts, and each waits until the last arrived.

        Linux alone has this, and forgets it after a while.
        """
        if hasattr(socket, "TCP_QUICKACK") and self._connection.sock is not None:
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def main() -> None:
    """Let them loose, and print what came of it."""
    port, threads, users = map(int, sys.argv[1:4])
    rate, seconds = map(float, sys.argv[4:6])
    until = time.monotonic() + seconds
    clients = [Client(port, n, users, threads / rate, until) for n in range(threads)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
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
