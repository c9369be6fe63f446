"""Sessions on real servers, and what of their state a statement may change."""

import contextlib
import hashlib
from typing import Any

import psycopg

try:
    import MySQLdb
except ImportError:
    MySQLdb = None

from pinning.databases import is_passing
from pinning.testing.mariadb import MariaDB
from pinning.testing.postgres import Postgres

_POSTGRESQL = """
CREATE SCHEMA IF NOT EXISTS proof;
DROP TABLE IF EXISTS notes, made; DROP SEQUENCE IF EXISTS s;
CREATE TABLE notes (id serial PRIMARY KEY, text text); CREATE SEQUENCE s;
INSERT INTO notes (text) VALUES ('a'), ('b');
CREATE OR REPLACE FUNCTION mark() RETURNS text LANGUAGE sql AS
    $f$ SELECT set_config('app.tenant', 'function', false) $f$;
CREATE OR REPLACE FUNCTION proof.mark() RETURNS text LANGUAGE sql AS
    $f$ SELECT set_config('app.tenant', 'function', false) $f$;
CREATE OR REPLACE PROCEDURE bump() LANGUAGE sql AS $f$ INSERT INTO notes (text) VALUES ('p') $f$;
"""
_POSTGRESQL_DATA = """
SELECT (SELECT count(*) FROM pg_catalog.pg_class WHERE relpersistence <> 't'),
    (SELECT count(*) FROM pg_catalog.pg_proc),
    (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata),
    (SELECT max(oid::text::bigint) FROM pg_catalog.pg_class WHERE relpersistence <> 't'),
    (SELECT count(*) FROM pg_catalog.pg_authid),
    (SELECT string_agg(n::text, ';' ORDER BY id) FROM public.notes AS n),
    (SELECT last_value::text || is_called::text FROM public.s),
    (SELECT last_value::text || is_called::text FROM public.notes_id_seq)
"""
_POSTGRESQL_SESSION = """
SELECT md5(string_agg(name || '=' || setting, ',' ORDER BY name)),
    pg_catalog.current_setting('app.tenant', true), current_user::text,
    (SELECT count(*) FROM pg_catalog.pg_locks
        WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory'),
    (SELECT count(*) FROM pg_catalog.pg_prepared_statements),
    (SELECT count(*) FROM pg_catalog.pg_cursors WHERE name <> ''),
    (SELECT count(*) FROM pg_catalog.pg_listening_channels()),
    (SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema())
FROM pg_catalog.pg_settings
"""
_POSTGRESQL_SHOWN = """
SELECT pg_catalog.current_setting('app.tenant', true), current_user::text, session_user::text,
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    (SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema())
"""


class PostgresSession:
    """A session on PostgreSQL, with strings that have escapes or not."""

    errors = (psycopg.Error,)
    modes = ("on", "off")

    def __init__(self, server: Postgres, mode: str) -> None:
        self.server, self._mode = server, mode
        self._connection: Any = None
        self.reset()

    def reset(self) -> None:
        """A new session, and the data as they were."""
        self._connect()
        self._connection.execute(_POSTGRESQL)
        self.begin()

    def close(self) -> None:
        """End it."""
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> None:
        self.close()
        self._connection = self.server.connect()
        self._connection.prepare_threshold = None  # psycopg's own statements would count

    def begin(self) -> None:
        """A session as it was."""
        if self._connection.closed:
            self._connect()
        if self._connection.info.transaction_status:
            self._connection.rollback()
        try:
            self._connection.execute("DISCARD ALL")
        except psycopg.Error:  # the connection is lost
            self._connect()
        self._connection.execute(f"SET standard_conforming_strings = {self._mode}")
        self._connection.execute("SET statement_timeout = '300ms'")
        self._connection.execute("SET escape_string_warning = off")
        self._connection.execute("SET app.tenant = '1'")
        self._connection.execute("SELECT setseed(0.1)")

    def run(self, sql: str) -> bool:
        """Run it. Whether the server took it."""
        try:
            if "copy" in sql.lower():
                return False
            with self._connection.transaction() if is_passing(sql) else contextlib.nullcontext():
                self._connection.execute(sql.encode())
        except (*self.errors, UnicodeError):
            return False
        return True

    def data(self) -> Any:
        """What is stored."""
        with self.server.connect() as other:
            try:
                return other.execute(_POSTGRESQL_DATA).fetchall()
            except psycopg.Error as error:  # a table is gone
                return str(error)

    def session(self, *, seed: bool) -> Any:
        """What later queries of the session may see."""
        if self._connection.closed:
            return "closed"
        status = self._connection.info.transaction_status
        if status:
            return f"transaction {status}"
        try:
            found = self._connection.execute(_POSTGRESQL_SESSION).fetchall()
            return found, self._connection.execute("SELECT random()").fetchall() if seed else None
        except psycopg.Error as error:
            return str(error)

    def shown(self) -> Any:
        """What decides which rows the session shows; a text where it cannot be asked."""
        if self._connection.closed:
            return "closed"
        try:
            return self._connection.execute(_POSTGRESQL_SHOWN).fetchall()
        except psycopg.Error as error:
            return str(error)


_MYSQL = """
CREATE OR REPLACE TABLE notes (id int AUTO_INCREMENT PRIMARY KEY, text text);
DROP TABLE IF EXISTS made; CREATE OR REPLACE SEQUENCE s NOCACHE;
INSERT INTO notes (text) VALUES ('a'), ('b');
CREATE OR REPLACE PROCEDURE p() INSERT INTO notes (text) VALUES ('p');
CREATE OR REPLACE FUNCTION bump() RETURNS int
BEGIN INSERT INTO notes (text) VALUES ('f'); RETURN 1; END;
CREATE OR REPLACE FUNCTION mark() RETURNS int BEGIN SET @t = 'function'; RETURN 1; END;
"""
_MYSQL_DATA = (
    "SELECT group_concat(id, ':', text ORDER BY id) FROM proof.notes",
    "SELECT next_not_cached_value FROM proof.s",
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'proof'",
    "SELECT auto_increment FROM information_schema.tables WHERE table_name = 'notes'",
)
# They tell of the last statement, or of the clock.
_OF_THE_MOMENT = (
    "timestamp",
    "warning_count",
    "error_count",
    "last_gtid",
    "gtid_",
    "in_transaction",
    "rand_seed",
    "identity",
    "pseudo_",
    "last_insert_id",
    "insert_id",
    "skip_",
    "server_uid",
    "status",
)


class MariaDBSession:
    """A session on MariaDB, in one of its SQL modes."""

    errors = (MySQLdb.Error,) if MySQLdb else ()
    modes = (
        "",
        "ANSI_QUOTES",
        "NO_BACKSLASH_ESCAPES",
        "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
        "ORACLE",
    )

    def __init__(self, server: MariaDB, mode: str) -> None:
        self.server, self._mode = server, mode
        self._connection: Any = None
        self.reset()

    def reset(self) -> None:
        """A new session, and the data as they were."""
        self._connect()
        if ("proof",) not in self._ask("SHOW DATABASES"):
            self._ask("CREATE DATABASE proof")
        self._ask("USE proof")
        self._ask("SET SESSION sql_mode = '', GLOBAL log_bin_trust_function_creators = ON")
        for part in _MYSQL.strip().split(";\n"):
            self._ask(part)
        self.begin()

    def close(self) -> None:
        """End it."""
        if self._connection is not None:
            with contextlib.suppress(MySQLdb.Error):
                self._connection.close()

    def _connect(self) -> None:
        self.close()
        self._connection = MySQLdb.connect(
            host=self.server.host,
            port=self.server.port,
            user=self.server.user,
            password=self.server.password,
            autocommit=True,
            charset="utf8mb4",
            connect_timeout=5,
        )

    def begin(self) -> None:
        """A session as it was."""
        self._connect()
        self._ask("USE proof")
        self._ask("SET @t = 1, SESSION max_statement_time = 0.3, SESSION lock_wait_timeout = 1")
        self._ask("SET SESSION innodb_lock_wait_timeout = 1")
        self._ask(f"SET SESSION sql_mode = '{self._mode}'")
        self._ask("SET rand_seed1 = 1, rand_seed2 = 2")

    def run(self, sql: str) -> bool:
        """Run it. Whether the server took it, or the first of it."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            while cursor.nextset() is not None:
                pass
        except (*self.errors, UnicodeError):
            return False
        finally:
            with contextlib.suppress(MySQLdb.Error):
                cursor.close()
        return True

    def _ask(self, sql: str) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall()
        while cursor.nextset() is not None:
            pass
        return rows

    def data(self) -> Any:
        """What is stored."""
        found = []
        with self.server.connect() as other, other.cursor() as cursor:
            for question in _MYSQL_DATA:
                try:
                    cursor.execute(question)
                    found.append(cursor.fetchall())
                except MySQLdb.Error as error:
                    found.append(str(error))
        return found

    def session(self, *, seed: bool) -> Any:
        """What later queries of the session may see."""
        try:
            own = self._ask(
                "SELECT @t, @x, database(), is_used_lock('a'), last_insert_id(), @@in_transaction"
            )
            variables = [
                row
                for row in self._ask("SHOW SESSION VARIABLES")
                if not any(part in row[0] for part in _OF_THE_MOMENT)
            ]
            prepared = self._ask("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")
            random = self._ask("SELECT rand()") if seed else None
        except MySQLdb.Error as error:
            return str(error)
        return own, hashlib.md5(repr(variables).encode()).hexdigest(), prepared, random

    def shown(self) -> Any:
        """What decides which rows the session shows; a text where it cannot be asked."""
        try:
            return self._ask("SELECT @t, @x, database(), current_user(), @@sql_mode")
        except MySQLdb.Error as error:
            return str(error)
