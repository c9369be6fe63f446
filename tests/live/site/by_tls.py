"""Database servers whose site may come by TLS alone, with a certificate of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from pinning.testing.mariadb import MariaDB
from pinning.testing.postgres import Postgres
from tests.live.site.certificates import Authority, Files
from tests.live.site.pair import DATABASE, Pair

USER = "encrypted"
_RIGHTS = "pg_read_all_data, pg_write_all_data, pg_read_all_stats"
#: What is written before the other rules: the first that fits decides.
_RULES = f"""\
hostssl all {USER} all scram-sha-256 clientcert=verify-full
host all {USER} all reject
"""


class ByTLS:
    """A server as the site reaches it."""

    def __init__(self, server: Postgres | MariaDB, files: Files) -> None:
        self.port = server.port
        self._server = server
        self._files = files

    def settings(self, database: str) -> dict[str, Any]:
        """One entry of Django's DATABASES."""
        made = self._server.settings(database)
        if isinstance(self._server, MariaDB):
            more: dict[str, Any] = {"ssl": {**self._files.named, "check_hostname": True}}
        else:
            files = self._files
            more = {"sslmode": "verify-full", "sslrootcert": str(files.authority)}
            more |= {"sslcert": str(files.certificate), "sslkey": str(files.key)}
        return {**made, "USER": USER, "OPTIONS": {**made["OPTIONS"], **more}}


@contextmanager
def by_tls(pair: Pair) -> Iterator[list[ByTLS]]:
    """The primary and the replica, for the block."""
    authority = Authority()
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        ours = authority.certify(USER, Path(folder))
        is_mariadb = isinstance(pair.primary, MariaDB)
        if is_mariadb:
            _create_account(pair.primary)
        else:
            pair.primary.create_role(USER)
            pair.execute(f"GRANT {_RIGHTS} TO {USER}")
            stack.callback(pair.execute, f"DROP ROLE {USER}")
        pair.replica.wait_until_caught_up()
        encrypt = _restarted if is_mariadb else _reloaded
        for server in (pair.primary, pair.replica):
            files = authority.certify(server.host, server.directory, server.account)
            stack.enter_context(encrypt(server, files))
        yield [ByTLS(server, ours) for server in (pair.primary, pair.replica)]


def _create_account(server: MariaDB) -> None:
    who = f"{USER} IDENTIFIED BY '{server.password}' REQUIRE SUBJECT '/CN={USER}'"
    server.execute(f"CREATE OR REPLACE USER {who}")
    server.execute(f"GRANT ALL ON {DATABASE}.* TO {USER}")


@contextmanager
def _reloaded(server: Postgres, files: Files) -> Iterator[None]:
    rules = server.directory / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(_RULES + before)
    server.execute(f"ALTER SYSTEM SET ssl_ca_file = '{files.authority}'")
    server.execute(f"ALTER SYSTEM SET ssl_cert_file = '{files.certificate}'")
    server.execute(f"ALTER SYSTEM SET ssl_key_file = '{files.key}'")
    server.configure("ssl", "on")
    yield
    rules.write_text(before)
    server.configure("ssl", "off")


@contextmanager
def _restarted(server: MariaDB, files: Files) -> Iterator[None]:
    """MariaDB takes the names of its certificates at its start alone."""
    command = [*server._command(), *(f"--ssl-{name}={path}" for name, path in files.named.items())]
    with patch.object(server, "_command", lambda: command):
        server.stop()
        server.start()
        yield
    server.stop()
    server.start()
