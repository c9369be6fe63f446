"""A Memcached server. It keeps nothing: every start is empty."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pinning.testing.ports import reply
from pinning.testing.processes import Server, find_program


class Memcached(Server):
    """A Memcached server over TCP. MissingService when there is no program."""

    title: ClassVar[str] = "Memcached"

    @property
    def url(self) -> str:
        """For Django's cache setting LOCATION, or a client: `host:port`."""
        return f"{self.host}:{self.port}"

    def _command(self) -> Sequence[str | Path]:
        address = ["-l", self.host, "-p", str(self.port), "-U", "0"]
        return [find_program("memcached"), *address, "-m", "16"]

    def _answers(self) -> bool:
        return reply(self.port, b"version\r\n").startswith(b"VERSION")
