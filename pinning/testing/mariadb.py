"""MariaDB servers with GTID replication: a primary, its replicas, and theirs."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pinning.testing.databases import Database
from pinning.testing.passwords import keep_secret
from pinning.testing.processes import MissingService, find_program, wait_until

try:
    import MySQLdb
except ImportError:
    MySQLdb = None

# Without syncs a killed server keeps its data, only a crash of the machine may lose them.
# slave_net_timeout: a replica notices that its primary hangs.
_FAST = ("--debug-no-sync", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=2")
_OPTIONS = (
    *_FAST,
    "--bind-address=127.0.0.1",
    "--skip-networking=0",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--max-connections=100",
    "--innodb-buffer-pool-size=16M",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--log-bin=binlog",
    "--log-slave-updates",
    "--gtid-strict-mode",
    "--slave-net-timeout=2",
)

# Run at each start, before anybody can connect: a new server has let root in without a password.
# It does not go to the log, since each server does it for itself.
_ACCOUNTS = """\
SET SESSION sql_log_bin = 0;
DELETE FROM mysql.global_priv WHERE host NOT IN ('localhost', '127.0.0.1', '::1', '%');
FLUSH PRIVILEGES;
ALTER USER IF EXISTS root@localhost IDENTIFIED BY '{password}';
ALTER USER IF EXISTS root@'127.0.0.1' IDENTIFIED BY '{password}';
ALTER USER IF EXISTS root@'::1' IDENTIFIED BY '{password}';
"""


class MariaDB(Database):
    """A MariaDB server (10.6 or newer) on the loopback interface, with a password for all.

    Sites connect as the ordinary user ``site_user``, whom a replica refuses writes.
    """

    title: ClassVar[str] = "MariaDB"
    abort_signal: ClassVar[signal.Signals] = signal.SIGKILL  # recovers at the next start
    user: ClassVar[str] = "root"
    site_user: ClassVar[str] = "site"
    _program: ClassVar[str] = "mariadbd"
    _chosen_by: ClassVar[str] = "PINNING_TEST_MARIADB"
    _accounts: ClassVar[str] = _ACCOUNTS

    @classmethod
    def primary(cls, directory: Path | str | None = None) -> "MariaDB":
        """A server to write to. Its first start makes a new one, with no databases.

        MissingService at the start when MariaDB or the package mysqlclient is not installed.
        """
        return MariaDB(directory)

    def replica(self, directory: Path | str | None = None) -> "MariaDBReplica":
        """A server that replays what this one, itself a replica or not, has ever written."""
        return MariaDBReplica(self, directory)

    @contextlib.contextmanager
    def connect(
        self, database: str = "", *, user: str | None = None, timeout_seconds: int = 5
    ) -> Iterator[Any]:
        """A new connection in autocommit mode, closed at the end of the block."""
        if MySQLdb is None:
            raise MissingService("The Python package mysqlclient is not installed.")
        connection = MySQLdb.connect(
            host=self.host,
            port=self.port,
            user=user or self.user,
            password=self.password,
            database=database,
            autocommit=True,
            charset="utf8mb4",
            connect_timeout=timeout_seconds,
        )
        with contextlib.closing(connection):
            yield connection

    def execute(
        self, statement: Any, params: Sequence[object] | None = None, database: str = ""
    ) -> list[tuple[Any, ...]]:
        """Run one statement, or several; the rows of the first, or an empty list."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, params)
            rows = list(cursor.fetchall()) if cursor.description else []
            while cursor.nextset() is not None:
                pass
            return rows

    def create_database(self, name: str) -> None:
        """Create an empty database that the site's user may do anything with."""
        quoted = name.replace("`", "``")
        self.execute(f"CREATE DATABASE `{quoted}`")
        self.execute(f"CREATE USER IF NOT EXISTS {self.site_user} IDENTIFIED BY '{self.password}'")
        self.execute(f"GRANT ALL ON `{quoted}`.* TO {self.site_user}")

    def settings(self, database: str) -> dict[str, Any]:
        """One entry of Django's DATABASES. Known before the start already."""
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": database,
            "USER": self.site_user,
            "PASSWORD": self.password,
            "HOST": self.host,
            "PORT": str(self.port),
            "OPTIONS": {"connect_timeout": 5},
        }

    def _prepare(self) -> None:
        if MySQLdb is None:
            raise MissingService("The Python package mysqlclient is not installed.")
        self._find(self._program)
        super()._prepare()
        accounts = self._accounts.format(password=self.password)
        keep_secret(self.directory / "accounts.sql", accounts, self.account)

    def _create(self, data: Path) -> None:
        how = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        program = self._find("mariadb-install-db")
        where = [f"--datadir={data}", *self._home(program)]
        self._run([program, "--no-defaults", *where, *how, "--innodb-log-file-size=8M"])

    def _command(self) -> Sequence[str | Path]:
        return [*self._server(), *_OPTIONS]

    def _server(self) -> list[str | Path]:
        """The program, and the options that any such server has."""
        program = self._find(self._program)
        # The socket's name is relative to the data, so that it is never too long.
        own = [f"--datadir={self._data}", "--socket=socket", f"--tmpdir={self.directory}"]
        own += [f"--init-file={self.directory}/accounts.sql", *self._home(program)]
        address = [f"--port={self.port}", f"--server-id={self.port}", "--pid-file=pid"]
        return [program, "--no-defaults", *own, *address]

    def _find(self, program: str) -> Path:
        return find_program(program, chosen_by=self._chosen_by)

    def _home(self, program: Path) -> list[str]:
        """Where a program that was chosen has its other files; others know it."""
        return [f"--basedir={program.parents[1]}"] if os.environ.get(self._chosen_by) else []

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except MySQLdb.OperationalError:
            return False
        return True


class MariaDBReplica(MariaDB):
    """A read-only server that replicates from its `upstream`, by GTID."""

    title: ClassVar[str] = "MariaDB replica"
    _replica: ClassVar[str] = "SLAVE"
    _source_word: ClassVar[str] = "MASTER"
    _change_to: ClassVar[str] = "CHANGE MASTER TO"
    _by_gtid: ClassVar[str] = "MASTER_USE_GTID = slave_pos"
    _position: ClassVar[str] = "SELECT @@GLOBAL.gtid_binlog_pos"
    _lacks: ClassVar[str] = "SELECT MASTER_GTID_WAIT(%s, 0.1)"

    def __init__(self, upstream: MariaDB, directory: Path | str | None = None) -> None:
        super().__init__(directory)
        self.password = upstream.password
        self.upstream = upstream
        self._is_promoted = False

    def start(self, *, timeout_seconds: float = 30.0) -> None:
        """Start; the first start returns when all that the upstream has is replayed."""
        was_running = self.running
        is_new = self._directory is None or not self._data.exists()
        super().start(timeout_seconds=timeout_seconds)
        if not (was_running or self._is_promoted):
            self.follow(self.upstream)
        if is_new:
            self._wait_until_replayed(self.upstream, timeout_seconds)

    def set_delay(self, seconds: int) -> None:
        """Replay changes so long after they were made, or up to a second less; 0 for at once."""
        self._change(f"{self._source_word}_DELAY = {seconds:d}")

    def pause_replay(self) -> None:
        """Stop to replay, and return when it has stopped: changes arrive, but are not seen."""
        self.execute(f"STOP {self._replica} SQL_THREAD")

    def resume_replay(self) -> None:
        """Replay again."""
        self.execute(f"START {self._replica} SQL_THREAD")

    def promote(self) -> None:
        """Make this a primary, which continues the sequence that it has replayed."""
        self.stop_receiving()
        self.execute(f"RESET {self._replica} ALL")
        self.execute("SET GLOBAL read_only = OFF")
        self._is_promoted = True

    def follow(self, other: MariaDB) -> None:
        """Replicate from another server from now on, also after a restart."""
        self.upstream = other
        word = self._source_word
        address = f"{word}_HOST = '{other.host}', {word}_PORT = {other.port}"
        who = f"{word}_USER = '{self.user}', {word}_PASSWORD = '{other.password}'"
        self._change(f"{address}, {who}, {word}_CONNECT_RETRY = 1, {self._by_gtid}")

    def stop_receiving(self) -> None:
        """Receive and replay nothing more, until it follows a server again."""
        self.execute(f"STOP {self._replica}")

    def wait_until_caught_up(self, *, timeout_seconds: float = 30.0) -> None:
        """Return when all that the primary had written at the time of the call is replayed.

        ServerError after the timeout.
        """
        self._wait_until_replayed(self._source(), timeout_seconds)

    def _wait_until_replayed(self, server: MariaDB, timeout_seconds: float) -> None:
        ((position,),) = server.execute(self._position)
        wait_until(
            lambda: bool(self.execute(self._lacks, [position])[0][0] == 0),
            timeout_seconds=timeout_seconds,
            otherwise=lambda: self._complaint(f"has not replayed {position}"),
        )

    def _change(self, what: str) -> None:
        self.stop_receiving()
        self.execute(f"{self._change_to} {what}")
        self.execute(f"START {self._replica}")

    def _source(self) -> MariaDB:
        """The primary at the end of the chain."""
        server = self.upstream
        while isinstance(server, MariaDBReplica) and not server._is_promoted:
            server = server.upstream
        return server

    def _command(self) -> Sequence[str | Path]:
        return [*super()._command(), *([] if self._is_promoted else ["--read-only"])]
