"""PostgreSQL servers with streaming replication: a primary, its replicas, and theirs."""

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from pinning.testing.databases import Database
from pinning.testing.passwords import keep_password
from pinning.testing.postgres_programs import find_programs
from pinning.testing.processes import wait_until

# fsync off: a killed server keeps its data, only a crash of the machine may lose them.
# dynamic_shared_memory_type: files in the data directory, removed with it even after SIGKILL.
# wal_keep_size: a replica that was down, or frozen, finds what it missed.
# wal_retrieve_retry_interval: a replica that lost its primary asks again at once, not after 5 s.
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
fsync = off
wal_level = replica
max_wal_senders = 10
wal_keep_size = 512MB
wal_retrieve_retry_interval = 100ms
hot_standby = on
hot_standby_feedback = off
"""
_LONGEST_SOCKET_PATH = 100  # the systems' limits are 103 (macOS) and 107 (Linux)
_SHARED_MEMORY_LINE = 6  # of postmaster.pid: src/include/utils/pidfile.h


class Postgres(Database):
    """A PostgreSQL server (14 or newer) on the loopback interface, with a password.

    By the socket in its directory, which is its account's alone, it needs none.
    """

    title: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast"
    abort_signal: ClassVar[signal.Signals] = signal.SIGQUIT  # "immediate": recovers at next start
    user: ClassVar[str] = "postgres"

    def __init__(self, directory: Path | str | None = None) -> None:
        super().__init__(directory)
        self._programs: Path | None = None

    @classmethod
    def primary(cls, directory: Path | str | None = None) -> "Postgres":
        """A server to write to. Its first start makes a new, empty database cluster.

        MissingService at the start when PostgreSQL is not installed.
        """
        return Postgres(directory)

    def replica(self, directory: Path | str | None = None) -> "Replica":
        """A server that replays what this one, itself a replica or not, writes.

        Its first start copies this server, which must run. A replica kept in `directory` is used
        again when it still is a replica of the same cluster, else replaced by a new copy.
        """
        return Replica(self, directory)

    def connect(
        self, database: str = "postgres", *, timeout_seconds: int = 5
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection in autocommit mode. OperationalError when nobody answers in time."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
            autocommit=True,
            connect_timeout=timeout_seconds,
        )

    def execute(
        self,
        statement: str | sql.Composed,
        params: Sequence[object] | None = None,
        database: str = "postgres",
    ) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own; its rows, or an empty list."""
        query = statement.encode() if isinstance(statement, str) else statement
        with self.connect(database) as connection:
            cursor = connection.execute(query, params)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str) -> None:
        """Create an empty database. DuplicateDatabase when there is one of that name."""
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def settings(self, database: str) -> dict[str, Any]:
        """One entry of Django's DATABASES. Known before the start already."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database,
            "USER": self.user,
            "PASSWORD": self.password,
            "HOST": self.host,
            "PORT": str(self.port),
            "OPTIONS": {"connect_timeout": 5},
        }

    def configure(self, setting: str, value: str) -> None:
        """Change one of PostgreSQL's settings, and return when new connections have it.

        For settings that need no restart. It outlives restarts, and replicas made later copy it.
        """
        change = sql.SQL("ALTER SYSTEM SET {} = {}")
        self.execute(change.format(sql.Identifier(setting), sql.Literal(value)))
        loaded = self.execute("SELECT pg_catalog.pg_conf_load_time()")
        self.execute("SELECT pg_catalog.pg_reload_conf()")
        wait_until(
            lambda: self.execute("SELECT pg_catalog.pg_conf_load_time()") != loaded,
            timeout_seconds=30,
            otherwise=lambda: self._complaint(f"did not load {setting} = {value!r}"),
        )

    def is_in_recovery(self) -> bool:
        """True for a replica that has not been promoted."""
        return bool(self.execute("SELECT pg_catalog.pg_is_in_recovery()")[0][0])

    @property
    def sockets(self) -> Path | None:
        """The folder of its socket, or None where that would have too long a name."""
        socket = self.directory / ".s.PGSQL.65535"
        return self.directory if len(str(socket)) <= _LONGEST_SOCKET_PATH else None

    @property
    def programs(self) -> Path:
        """The folder of PostgreSQL's programs. MissingService when there is none."""
        if self._programs is None:
            self._programs = find_programs(self.account, self.directory / "programs")
        return self._programs

    def create_role(self, name: str, rights: str = "") -> None:
        """Create a role that connects with the server's password."""
        self.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{self.password}' {rights}")

    def _initialize(self, data: Path, *more: str) -> None:
        secret = keep_password(self.directory, self.password, self.account)
        who = ["--auth-local=trust", "--auth-host=scram-sha-256", "-U", self.user]
        how = [f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--no-sync", *more]
        self._run([self.programs / "initdb", "-D", data, *who, *how])

    def _environment(self) -> dict[str, str]:
        """With the password for libpq, as standbys and pg_basebackup connect to their upstream."""
        return {**super()._environment(), "PGPASSWORD": self.password}

    def _create(self, data: Path) -> None:
        self._initialize(data)
        _append(data / "postgresql.conf", _SETTINGS)

    def _command(self) -> Sequence[str | Path]:
        sockets = self.sockets or ""
        address = ["-p", str(self.port), "-c", f"unix_socket_directories={sockets}"]
        return [self.programs / "postgres", "-D", self._data, *address]

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _forget(self) -> None:
        process = self._process
        super()._forget()
        if process is not None:
            self._remove_shared_memory(process.pid)

    def _remove_shared_memory(self, process: int) -> None:
        """Remove the small segment that a killed server leaves in the system, see `ipcs`."""
        lock = self._data / "postmaster.pid"
        lines = lock.read_text().splitlines() if lock.exists() else []
        # Another server may run on our data, and be the reason why ours ended.
        is_ours = len(lines) > _SHARED_MEMORY_LINE and lines[0] == str(process)
        tool = shutil.which("ipcrm")
        if tool and is_ours:
            segment = lines[_SHARED_MEMORY_LINE].split()[-1]
            subprocess.run([tool, "-m", segment], capture_output=True, check=False)


class Replica(Postgres):
    """A hot standby that streams from its `upstream`."""

    title: ClassVar[str] = "PostgreSQL replica"

    def __init__(self, upstream: Postgres, directory: Path | str | None = None) -> None:
        super().__init__(directory)
        self.password = upstream.password
        self.upstream = upstream
        self._checked = False

    def start(self, *, timeout_seconds: float = 30.0) -> None:
        """Start; the first start copies the upstream, and returns when changes stream."""
        if self._kept and not self._checked:
            self._discard_unless_replica()
        self._checked = True
        is_copied = self._directory is None or not self._data.exists()
        super().start(timeout_seconds=timeout_seconds)
        if is_copied:
            self.wait_until_streaming()

    def set_delay(self, seconds: float) -> None:
        """Replay commits this long after they were made on the primary; 0 for at once."""
        self.configure("recovery_min_apply_delay", f"{round(seconds * 1000)}ms")

    def pause_replay(self, *, timeout_seconds: float = 30.0) -> None:
        """Stop to replay, and return when it has stopped: changes arrive, but are not seen.

        A commit that waits for the delay of `set_delay()` is waited for, and still replayed.
        """
        self.execute("SELECT pg_catalog.pg_wal_replay_pause()")
        self._wait_for_replay("paused", timeout_seconds)

    def resume_replay(self, *, timeout_seconds: float = 30.0) -> None:
        """Replay again."""
        self.execute("SELECT pg_catalog.pg_wal_replay_resume()")
        self._wait_for_replay("not paused", timeout_seconds)

    def promote(self, *, timeout_seconds: int = 30) -> None:
        """Make this a primary, on a new timeline, and return when it accepts writes."""
        self.execute("SELECT pg_catalog.pg_promote(true, %s)", [timeout_seconds])
        wait_until(
            lambda: not self.is_in_recovery(),
            timeout_seconds=timeout_seconds,
            otherwise=lambda: self._complaint("was not promoted"),
        )

    def follow(self, other: Postgres) -> None:
        """Stream from another server of the same cluster from now on, also after a restart."""
        self.upstream = other
        self.configure("primary_conninfo", self._connection_to_upstream())

    def wait_until_caught_up(self, *, timeout_seconds: float = 30.0) -> None:
        """Return when all that the primary had written at the time of the call is replayed.

        ServerError after the timeout. A small message is written to the primary's log.
        """
        position = _write_position(self._source())
        replayed = (
            "SELECT pg_catalog.pg_last_wal_replay_lsn() "
            "OPERATOR(pg_catalog.>=) %s::pg_catalog.pg_lsn"
        )
        wait_until(
            lambda: bool(self.execute(replayed, [position])[0][0]),
            timeout_seconds=timeout_seconds,
            otherwise=lambda: self._complaint(f"has not replayed {position}"),
        )

    def wait_until_streaming(self, *, timeout_seconds: float = 30.0) -> None:
        """Return when changes stream from the upstream."""
        streaming = (
            "SELECT 1 FROM pg_catalog.pg_stat_wal_receiver "
            "WHERE status OPERATOR(pg_catalog.=) 'streaming'"
        )
        wait_until(
            lambda: bool(self.execute(streaming)),
            timeout_seconds=timeout_seconds,
            otherwise=lambda: self._complaint("does not stream"),
        )

    def _wait_for_replay(self, state: str, timeout_seconds: float) -> None:
        query = "SELECT pg_catalog.pg_get_wal_replay_pause_state()"
        wait_until(
            lambda: bool(self.execute(query)[0][0] == state),
            timeout_seconds=timeout_seconds,
            otherwise=lambda: self._complaint(f"is not {state}"),
        )

    def _source(self) -> Postgres:
        """The primary at the end of the chain."""
        server = self.upstream
        while isinstance(server, Replica) and server.is_in_recovery():
            server = server.upstream
        return server

    def _discard_unless_replica(self) -> None:
        """Remove kept data that were promoted, or belong to another cluster than the upstream."""
        data = Path(self.directory, "data")
        is_standby = (data / "standby.signal").exists()
        if not is_standby or _cluster(data) != _cluster(self.upstream.directory / "data"):
            shutil.rmtree(data, ignore_errors=True)

    def _prepare(self) -> None:
        super()._prepare()
        # PostgreSQL's manual allows appending to this file; the last line wins. The upstream may
        # have another port than when these data were kept.
        line = f"primary_conninfo = '{self._connection_to_upstream()}'\n"
        _append(self._data / "postgresql.auto.conf", line)

    def _create(self, data: Path) -> None:
        address = ["-h", self.host, "-p", str(self.upstream.port), "-U", self.user]
        how = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        self._run([self.programs / "pg_basebackup", "-D", data, *address, *how])
        _append(data / "postgresql.auto.conf", "recovery_min_apply_delay = 0\n")  # not copied

    def _connection_to_upstream(self) -> str:
        address = f"host={self.upstream.host} port={self.upstream.port} user={self.user}"
        return f"{address} sslmode=disable gssencmode=disable"


def _write_position(primary: Postgres) -> str:
    """The end of a record just written: all earlier changes are before it.

    Not the server's insert position: at the end of a page that one points behind the next page's
    header, where a replica only gets with the next record. Transactional, to be sent at once.
    """
    rows = primary.execute("SELECT pg_catalog.pg_logical_emit_message(true, 'pinning', '')")
    return str(rows[0][0])


def _cluster(data: Path) -> bytes:
    """The system identifier, the first 8 bytes of src/include/catalog/pg_control.h."""
    return (data / "global" / "pg_control").read_bytes()[:8]


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)
