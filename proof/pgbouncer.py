"""PgBouncer in front of a PostgreSQL server, in either mode."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from pinning.testing.passwords import keep_secret
from pinning.testing.postgres import Postgres
from pinning.testing.processes import Server, find_program

_SETTINGS = """
[databases]
* = host={target.host} port={target.port} user={target.user} password={target.password}
[pgbouncer]
listen_addr = {pooler.host}
listen_port = {pooler.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {pooler.mode}
max_client_conn = 500
default_pool_size = 10
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
"""
#: Since when it knows statements that were prepared on another of its connections.
_PREPARES_SINCE = (1, 21)


class PgBouncer(Server):
    """Hands each transaction, or session, to any connection that it keeps.

    MissingService without a program.
    """

    title: ClassVar[str] = "PgBouncer"

    def __init__(self, target: Postgres, *, mode: str = "transaction") -> None:
        super().__init__()
        self._target = target
        self.mode = mode

    def settings(self, database: str) -> dict[str, Any]:
        """One entry of Django's DATABASES."""
        is_shared = self.mode == "transaction"
        through = {"PORT": str(self.port), "DISABLE_SERVER_SIDE_CURSORS": is_shared}
        return {**self._target.settings(database), **through}

    def prepares(self) -> bool:
        """Whether statements may be prepared behind it, in either mode."""
        return self.mode == "session" or self._version() >= _PREPARES_SINCE

    def _version(self) -> tuple[int, ...]:
        command = [_program(), "--version"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return tuple(map(int, told.split()[1].split(".")))

    def _prepare(self) -> None:
        target = self._target
        line = f'"{target.user}" "{target.password}"\n'
        users = keep_secret(self.directory / "users.txt", line, self.account)
        text = _SETTINGS.format(target=target, pooler=self, users=users)
        if self._version() >= _PREPARES_SINCE:
            text += "max_prepared_statements = 200\n"
        keep_secret(self.directory / "pgbouncer.ini", text, self.account)

    def _command(self) -> Sequence[str | Path]:
        return [_program(), self.directory / "pgbouncer.ini"]

    def _answers(self) -> bool:
        try:
            psycopg.connect(
                host=self.host,
                port=self.port,
                user=self._target.user,
                password=self._target.password,
                dbname="postgres",
            ).close()
        except psycopg.OperationalError:
            return False
        return True


def _program() -> Path:
    return find_program("pgbouncer", chosen_by="PINNING_TEST_PGBOUNCER")
