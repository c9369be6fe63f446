"""A Memcached server. It keeps nothing: every start is empty."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pinning.testing.ports import reply
from pinning.testing.processes import Server, find_program


class Memcached(Server):
    """A Memcached server on a socket that is its account's alone, as it knows no passwords.

    MissingService when there is no program.
    """

    title: ClassVar[str] = "Memcached"

    @property
    def url(self) -> str:
        """For Django's cache setting LOCATION, or a client. Known once it has been started."""
        return f"unix:{self.socket}"

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.directory / "socket"

    def _command(self) -> Sequence[str | Path]:
        # A socket of a server that was killed is in the way of none.
        return [find_program("memcached"), "-s", self.socket, "-a", "0700", "-m", "16"]

    def _answers(self) -> bool:
        return reply(self.socket, b"version\r\n").startswith(b"VERSION")
