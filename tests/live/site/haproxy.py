"""HAProxy, which gives each connection one of several database servers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pinning.testing.databases import Database
from pinning.testing.ports import reply
from pinning.testing.processes import Server, find_program

_CONFIGURATION = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    default-server check inter 200ms fall 2 rise 1
listen databases
    bind {proxy.host}:{proxy.port}
    balance roundrobin
{servers}
"""


class HAProxy(Server):
    """In front of servers that hold the same rows. MissingService without a program."""

    title: ClassVar[str] = "HAProxy"

    def __init__(self, *targets: Database) -> None:
        super().__init__()
        self._targets = targets

    def settings(self, database: str) -> dict[str, Any]:
        """One entry of Django's DATABASES."""
        return {**self._targets[0].settings(database), "PORT": str(self.port)}

    def _prepare(self) -> None:
        lines = (f"    server s{each.port} {each.host}:{each.port}" for each in self._targets)
        text = _CONFIGURATION.format(proxy=self, servers="\n".join(lines))
        self._file.write_text(text)

    @property
    def _file(self) -> Path:
        return self.directory / "haproxy.cfg"

    def _command(self) -> Sequence[str | Path]:
        return [find_program("haproxy"), "-db", "-f", self._file]

    def _answers(self) -> bool:
        asks_for_tls = b"\0\0\0\x08\x04\xd2\x16\x2f"  # a server of PostgreSQL's says yes or no
        return reply(self.port, asks_for_tls) in {b"S", b"N"}
