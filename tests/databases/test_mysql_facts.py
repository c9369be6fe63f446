"""What a MySQL or MariaDB server tells of itself. tests/live/test_diagnosis.py asks real ones."""

from contextlib import nullcontext
from typing import Any

import pytest

from pinning.databases.mysql_facts import facts_of


class Server:
    """Stands for Django's connection to a replica whose replay is stopped.

    For Oracle's MySQL, of which no server is here to be asked.
    """

    wrap_database_errors = nullcontext()

    def __init__(self, version: str) -> None:
        self.connection = self
        self._version = version
        self._sql = ""

    def ensure_connection(self) -> None:
        pass

    def cursor(self) -> Any:
        return nullcontext(self)

    def execute(self, sql: str) -> None:
        self._sql = sql

    def fetchone(self) -> Any:
        if "Threads" in self._sql:
            return "Threads_connected", "3"
        return self._version, "site", 1, 100, "node", "0-1-5"

    @property
    def _status(self) -> dict[str, Any]:
        names = ("Slave", "Master") if "SLAVE" in self._sql else ("Replica", "Source")
        return {
            f"{names[0]}_SQL_Running": "No",
            f"{names[0]}_IO_Running": "Yes",
            "Last_SQL_Error": "a row is missing",
            "Last_IO_Error": "",
            f"Seconds_Behind_{names[1]}": None,
        }

    @property
    def description(self) -> list[tuple[str]]:
        return [(name,) for name in self._status]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(self._status.values())] if "STATUS" in self._sql else [("cache",)]


@pytest.mark.parametrize(
    ("version", "is_mariadb", "hint"),
    [("8.4.3", False, "START REPLICA."), ("10.11.6-MariaDB", True, "START SLAVE.")],
)
def test_replay_is_started_by_the_word_that_the_server_knows(version, is_mariadb, hint):
    """MySQL 8.4 knows no other word, and MariaDB before 10.5 did not know it."""
    facts, gtids = facts_of(Server(version), is_mariadb=is_mariadb)
    assert facts.stopped == ("its SQL thread is stopped: a row is missing", hint)
    assert (facts.tables_apart, gtids) == (("cache",), "0-1-5")
