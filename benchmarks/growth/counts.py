"""What servers and processes say about themselves: they cannot be mistaken."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import redis as redis_py

from pinning.testing.postgres import Postgres
from pinning.testing.redis import Redis

# A statement in PostgreSQL's log, with the process that ran it; its lines go on behind a tab.
_STATEMENT = re.compile(r"^(\d+) LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", re.MULTILINE)
_POSITION = re.compile("pg_last_wal_replay_lsn|pg_current_wal_insert_lsn")


def log_all(primary: Postgres) -> None:
    """Have it log every statement, and the replicas that are made of it later."""
    primary.configure("log_line_prefix", "%p ")
    primary.configure("log_statement", "all")


class StatementLog:
    """What a PostgreSQL server was asked since."""

    def __init__(self, server: Postgres) -> None:
        self._path = server.directory / "log"
        self._offset = self._path.stat().st_size

    def positions(self) -> tuple[int, int]:
        """Position queries of requests: on their own, and those that came with a COMMIT.

        The monitor's are left out: its connections ask for nothing of the site's tables.
        """
        asked: dict[str, list[str]] = defaultdict(list)
        with self._path.open("rb") as log:
            log.seek(self._offset)
            for process, statement in _STATEMENT.findall(log.read().decode(errors="replace")):
                asked[process].append(statement)
        found = [
            statement
            for statements in asked.values()
            if any("notes_note" in statement for statement in statements)
            for statement in statements
            if _POSITION.search(statement)
        ]
        riding = sum(statement.startswith("COMMIT") for statement in found)
        return len(found) - riding, riding


def connections_of_site(server: Postgres) -> int:
    """How many connections the site has to it."""
    rows = server.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND pid <> pg_backend_pid()"
    )
    return int(rows[0][0])


class RedisCalls:
    """What a Redis server was asked since."""

    def __init__(self, server: Redis) -> None:
        self._client = redis_py.Redis.from_url(server.url)
        self._before = self._calls()

    def since(self) -> dict[str, int]:
        """Loads, and saves by name: each is one command of a kind that only the store sends."""
        now = self._calls()
        return {
            name: now.get(command, 0) - self._before.get(command, 0)
            for name, command in {"loads": "mget", "saves": "eval"}.items()
        }

    def _calls(self) -> dict[str, int]:
        stats: Any = self._client.info("commandstats")
        return {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()}


def redis_memory(server: Redis) -> tuple[int, int, int]:
    """Bytes used, keys, and keys that never expire."""
    with redis_py.Redis.from_url(server.url) as client:
        info: Any = client.info()
        keys = info.get("db0", {"keys": 0, "expires": 0})
        return int(info["used_memory"]), keys["keys"], keys["keys"] - keys["expires"]


def rss_mb(process: int) -> float:
    """The memory of a process that is in RAM."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
