"""A primary and its replica with one database, for a site that is tested on both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from pinning.testing.mariadb import MariaDB, MariaDBReplica
from pinning.testing.mysql import MySQL
from pinning.testing.postgres import Postgres, Replica
from pinning.testing.site import Site

SERVERS: dict[str, type[Postgres] | type[MariaDB]] = {
    "postgresql": Postgres,
    "mariadb": MariaDB,
    "mysql": MySQL,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers that run, with a database of that name."""

    primary: Postgres | MariaDB
    replica: Replica | MariaDBReplica
    database: str = "app"

    @classmethod
    @contextmanager
    def running(cls, vendor: str = "postgresql", *, database: str = "app") -> Iterator[Self]:
        """Start both, by a name in SERVERS, with an empty database; stop them in the end.

        MissingService when they are not installed.
        """
        with SERVERS[vendor].primary() as primary:
            primary.create_database(database)
            with primary.replica() as replica:
                yield cls(primary, replica, database)

    def databases(self, **more: Any) -> dict[str, dict[str, Any]]:
        """Django's DATABASES, with ``more`` in each: ``default``, and its replica ``replica1``."""
        return {
            "default": {**self.primary.settings(self.database), **more},
            "replica1": {
                **self.replica.settings(self.database),
                "TEST": {"MIRROR": "default"},
                **more,
            },
        }

    def create_tables(self, site: Site) -> None:
        """Make the tables of a site on these servers, those of apps without migrations too."""
        site.manage("migrate", "-v", "0")
        site.manage("migrate", "--run-syncdb", "-v", "0")
        self.replica.wait_until_caught_up()

    def execute(
        self, statement: Any, params: Sequence[object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Run a statement on the primary; its rows, or an empty list."""
        return self.primary.execute(statement, params, self.database)

    def catch_up(self) -> None:
        """Let the replica replay at once, and all that there is."""
        self.replica.set_delay(0)
        self.replica.resume_replay()
        self.replica.wait_until_caught_up()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is replayed in this block."""
        self.replica.pause_replay()
        try:
            yield
        finally:
            self.replica.resume_replay()
