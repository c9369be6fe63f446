"""Whoever is on this machine, and has no password, gets into none of the servers."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pinning.testing.mariadb import MariaDB
from pinning.testing.memcached import Memcached
from pinning.testing.passwords import keep_password, password_for
from pinning.testing.ports import port_is_free, reply
from pinning.testing.postgres import Postgres
from pinning.testing.processes import Server
from pinning.testing.redis import Redis
from tests.services import service

STRANGERS = [{}, {"password": "wrong"}]


def test_a_password_is_kept_with_the_data_of_a_server(tmp_path):
    password = password_for(tmp_path)
    assert password != password_for(tmp_path)
    kept = keep_password(tmp_path, password, None)
    assert password_for(tmp_path) == password
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_without_a_directory_it_is_always_new():
    assert len({password_for(None) for _ in range(100)}) == 100


def readable_by_others(directory: Path) -> Iterator[Path]:
    """What an account without rights could read, if it may enter the directory."""
    for folder, _, names in os.walk(directory):
        for path in (Path(folder, name) for name in names):
            is_secret = path.name in {"password", "accounts.sql", "redis.conf", "users.txt"}
            if is_secret and path.stat().st_mode & 0o077:
                yield path


def arguments_of(server: Server) -> str:
    return Path(f"/proc/{server.pid}/cmdline").read_text()


@pytest.mark.live
class TestStrangers:
    @pytest.mark.parametrize("stranger", STRANGERS)
    def test_postgresql_lets_none_in(self, stranger: dict[str, Any]) -> None:
        with service(Postgres.primary()) as primary, primary.replica() as replica:
            for server in (primary, replica):
                address = {"host": server.host, "port": server.port, "dbname": "postgres"}
                with pytest.raises(psycopg.OperationalError, match="password"):
                    psycopg.connect(**address, user=server.user, passfile="/dev/null", **stranger)
                assert server.execute("SELECT 1") == [(1,)]
                assert list(readable_by_others(server.directory)) == []
                assert server.password not in arguments_of(server)
            socket = primary.directory / f".s.PGSQL.{primary.port}"
            assert stat.S_IMODE(socket.stat().st_mode) == 0o700

    @pytest.mark.parametrize("user", [MariaDB.user, MariaDB.site_user])
    @pytest.mark.parametrize("stranger", STRANGERS)
    def test_mariadb_lets_none_in(self, stranger: dict[str, Any], user: str) -> None:
        driver = pytest.importorskip("MySQLdb")
        with service(MariaDB.primary()) as primary:
            primary.create_database("app")
            with primary.replica() as replica:
                for server in (primary, replica):
                    with pytest.raises(driver.OperationalError, match="Access denied"):
                        driver.connect(host=server.host, port=server.port, user=user, **stranger)
                    assert server.execute("SELECT 1") == [(1,)]
                    assert list(readable_by_others(server.directory)) == []
                    assert server.password not in arguments_of(server)
                    names = "SELECT user, host FROM mysql.user WHERE authentication_string = ''"
                    accounts = {user for user, _ in server.execute(names)}
                    assert accounts <= {"mariadb.sys"}  # which is locked

    def test_redis_tells_them_nothing(self) -> None:
        with service(Redis()) as server:
            assert reply(server.port, b"PING\r\n").startswith(b"-NOAUTH")
            assert server.ask("PING") == b"+PONG\r\n"
            assert list(readable_by_others(server.directory)) == []
            assert server.password not in arguments_of(server)

    def test_memcached_has_no_port(self) -> None:
        with service(Memcached()) as server:
            assert port_is_free(server.port)
            assert stat.S_IMODE(server.socket.stat().st_mode) & 0o077 == 0
            assert stat.S_IMODE(server.directory.stat().st_mode) & 0o077 == 0

    def test_a_server_that_was_kept_has_the_same_password_again(self, folder: Path) -> None:
        with service(Postgres(folder / "primary")) as server:
            password = server.password
        with service(Postgres(folder / "primary")) as server:
            assert server.password == password
            assert server.execute("SELECT 1") == [(1,)]

    def test_mariadb_writes_no_temporary_files_elsewhere(self) -> None:
        with service(MariaDB.primary()) as server:
            ((folder,),) = server.execute("SELECT @@tmpdir")
            assert folder == str(server.directory)
