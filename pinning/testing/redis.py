"""A Redis server that keeps nothing: every start is empty."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pinning.testing.passwords import keep_secret, password_for
from pinning.testing.ports import reply
from pinning.testing.processes import Server, find_program

_CHOSEN_BY = "PINNING_TEST_REDIS"

#: Sets the mark of a memory as if the server had lost nothing for long. It holds the server's
#: replication ID.
MARK_AS_OLD = (
    "local told = redis.pcall('INFO', 'replication') "
    "local server = type(told) == 'string' and told:match('master_replid:(%x+)') or 'unknown' "
    "redis.call('SET', KEYS[1], server)"
)


class Redis(Server):
    """A Redis (or Valkey) server with a password, without persistence.

    MissingService when there is no program.
    """

    title: ClassVar[str] = "Redis"

    def __init__(self, directory: Path | str | None = None) -> None:
        super().__init__(directory)
        self.password = password_for(None)

    @property
    def url(self) -> str:
        """For Django's cache setting LOCATION, or a client's `from_url`."""
        return f"redis://:{self.password}@{self.host}:{self.port}/0"

    def grow_old(self, prefix: str = ":1:") -> None:
        """Have it known as a server that has lost nothing for long: Django's cache is on it.

        The store "redis" takes a new server's memory, which may lack pins, for too young at first.
        `prefix` is what the cache puts before its keys: KEY_PREFIX, and the version 1 by default.
        """
        mark = f"{prefix}pinning:{{memory}}"
        self.ask(f'EVAL "{MARK_AS_OLD}" 1 {mark}:lasting')
        self.ask(f"DEL {mark}:young")

    def forget(self) -> None:
        """Lose all that it has, as a restart does."""
        self.ask("FLUSHALL")

    def ask(self, command: str) -> bytes:
        """What it answers to a command, as its protocol has it; empty when it does not answer."""
        greeting = f"AUTH {self.password}\r\n".encode()
        return reply(self.port, f"{command}\r\n".encode(), greeting=greeting)

    def _prepare(self) -> None:
        # Not among the arguments, which everybody can see.
        secrets = f"requirepass {self.password}\nmasterauth {self.password}\n"
        keep_secret(self.directory / "redis.conf", secrets, self.account)

    def _command(self) -> Sequence[str | Path]:
        program = find_program("redis-server", "valkey-server", chosen_by=_CHOSEN_BY)
        address = ["--bind", self.host, "--port", str(self.port)]
        config = self.directory / "redis.conf"
        return [
            program,
            config,
            *address,
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            self.directory,
            "--repl-diskless-sync-delay",
            "0",
        ]

    def _answers(self) -> bool:
        return self.ask("PING") == b"+PONG\r\n"
