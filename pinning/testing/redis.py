"""A Redis server that keeps nothing: every start is empty."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pinning.testing.ports import reply
from pinning.testing.processes import Server, find_program


class Redis(Server):
    """A Redis (or Valkey) server without persistence. MissingService when there is no program."""

    title: ClassVar[str] = "Redis"

    @property
    def url(self) -> str:
        """For Django's cache setting LOCATION, or a client's `from_url`."""
        return f"redis://{self.host}:{self.port}/0"

    def grow_old(self, prefix: str = ":1:") -> None:
        """Have it known as a server that has lost nothing for long: Django's cache is on it.

        The store "redis" takes a new server's memory, which may lack pins, for too young at first.
        `prefix` is what the cache puts before its keys: KEY_PREFIX, and the version 1 by default.
        """
        mark = f"{prefix}pinning:{{memory}}"
        reply(self.port, f"SET {mark}:lasting 1\r\n".encode())
        reply(self.port, f"DEL {mark}:young\r\n".encode())

    def forget(self) -> None:
        """Lose all that it has, as a restart does."""
        reply(self.port, b"FLUSHALL\r\n")

    def _command(self) -> Sequence[str | Path]:
        program = find_program("redis-server", "valkey-server")
        address = ["--bind", self.host, "--port", str(self.port)]
        return [program, *address, "--save", "", "--appendonly", "no", "--dir", self.directory]

    def _answers(self) -> bool:
        return reply(self.port, b"PING\r\n") == b"+PONG\r\n"
