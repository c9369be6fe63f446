"""Servers of Oracle's MySQL with GTID replication: what they have otherwise than MariaDB's.

Their program is ``mysqld``. PINNING_TEST_MYSQL has the folders to look in; without it, the PATH is
searched, where ``mysqld`` may be MariaDB's.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pinning.testing.mariadb import MariaDB, MariaDBReplica
from pinning.testing.processes import MissingService

CHOSEN_BY = "PINNING_TEST_MYSQL"

# Without syncs a killed server keeps its data, only a crash of the machine may lose them.
# replica_net_timeout: a replica notices that its source hangs.
_OPTIONS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--mysqlx=OFF",
    "--secure-file-priv=",
    "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=16M",
    "--innodb-redo-log-capacity=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--innodb-flush-method=nosync",
    "--sync-binlog=0",
    "--log-bin=binlog",
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--replica-net-timeout=2",
)

# Run at each start, before anybody can connect, each line by itself. It does not go to the log,
# since each server does it for itself. Without names, "localhost" is the socket alone.
_ACCOUNTS = """\
SET SESSION sql_log_bin = 0;
CREATE USER IF NOT EXISTS root@'127.0.0.1';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
ALTER USER root@localhost IDENTIFIED BY '{password}', root@'127.0.0.1' IDENTIFIED BY '{password}';
"""


class MySQL(MariaDB):
    """A MySQL server (8.0.30 or newer) on the loopback interface, with a password for all."""

    title: ClassVar[str] = "MySQL"
    _program: ClassVar[str] = "mysqld"
    _chosen_by: ClassVar[str] = CHOSEN_BY
    _accounts: ClassVar[str] = _ACCOUNTS

    @classmethod
    def primary(cls, directory: Path | str | None = None) -> "MySQL":
        """A server to write to. Its first start makes a new one, with no databases."""
        return MySQL(directory)

    def replica(self, directory: Path | str | None = None) -> "MySQLReplica":
        """A server that replays what this one, itself a replica or not, has ever written."""
        return MySQLReplica(self, directory)

    def _create(self, data: Path) -> None:
        program = self._find(self._program)
        where = [f"--datadir={data}", *self._home(program)]
        small = ["--innodb-redo-log-capacity=8M", "--skip-log-bin", "--innodb-flush-method=nosync"]
        self._run([program, "--no-defaults", "--initialize-insecure", *where, *small])

    def _command(self) -> Sequence[str | Path]:
        return [*self._server(), *_OPTIONS]

    def _find(self, program: str) -> Path:
        found = super()._find(program)
        if "mariadb" in found.resolve().name:
            raise MissingService(f"{found} is MariaDB's: {CHOSEN_BY} has the folder of MySQL's.")
        return found


class MySQLReplica(MariaDBReplica, MySQL):
    """A read-only server that replicates from its `upstream`, by GTID."""

    title: ClassVar[str] = "MySQL replica"
    _replica: ClassVar[str] = "REPLICA"
    _source_word: ClassVar[str] = "SOURCE"
    _change_to: ClassVar[str] = "CHANGE REPLICATION SOURCE TO"
    _by_gtid: ClassVar[str] = "SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1"
    _position: ClassVar[str] = "SELECT @@GLOBAL.gtid_executed"
    _lacks: ClassVar[str] = "SELECT NOT GTID_SUBSET(%s, @@GLOBAL.gtid_executed)"


def is_chosen() -> bool:
    """Whether somebody says where MySQL is."""
    return bool(os.environ.get(CHOSEN_BY))
