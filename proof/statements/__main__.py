"""Statements that are made up run on real servers: does one do what its text was said not to do?

    python -m proof.statements --count 200000

Half run on PostgreSQL, half on MariaDB, in each mode that reads texts in another way. Ends with
status 1 if a statement wrote or left a mark that was said not to. ``--planted`` looks with a
classifier that has a fault, and has to find it.
"""

import argparse
import functools
import sys
import time
from typing import Any

from pinning.databases import Statement, is_passing, statement_of
from pinning.testing.mariadb import MariaDB
from pinning.testing.postgres import Postgres
from proof.statements.servers import MariaDBSession, PostgresSession
from proof.statements.trial import play

SERVERS: dict[str, tuple[Any, Any]] = {
    "postgresql": (Postgres, PostgresSession),
    "mysql": (MariaDB, MariaDBSession),
}

#: Texts for which a planted fault answers that nothing happens.
PLANTED = ("setseed", "nextval", "set_config", ":=", "lock", "next", "delete")

#: A planted fault: no statement changes the rows that its session shows.
SESSION = "session"


def faulty(word: str, sql: str, vendor: str) -> Statement:
    """What a classifier tells that has forgotten one word."""
    told = statement_of(sql, vendor)
    if word == SESSION:
        return told._replace(changes_session=False)
    return Statement() if word in sql.lower() else told


def passing(sql: str) -> Statement:
    """What a statement is said to do that PostgreSQL runs in a transaction of its own."""
    told = statement_of(sql, "postgresql")
    return told._replace(marks=told.marks and not is_passing(sql))


#: What tells of a statement of each server.
TELLING: dict[str, Any] = {
    "postgresql": passing,
    "mysql": functools.partial(statement_of, vendor="mysql"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m proof.statements", description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=SERVERS, action="append")
    parser.add_argument(
        "--planted", choices=[*PLANTED, SESSION], help="a word that the classifier forgets"
    )
    given = parser.parse_args()
    vendors = given.only or list(SERVERS)
    missed = 0
    for vendor in vendors:
        kind, session_kind = SERVERS[vendor]
        begun = time.monotonic()
        tell = TELLING[vendor]
        if given.planted:
            tell = functools.partial(faulty, given.planted, vendor=vendor)
        with kind.primary() as server:
            outcome = play(
                session_kind, server, vendor, given.count // len(vendors), given.seed, tell
            )
        missed += len(outcome.misses)
        for mode, what, sql in outcome.misses[:20]:
            print(f"MISSED ({mode or 'default'}), {what}: {sql!r}")
        print(
            f"{vendor}: {outcome.made:,} statements; {outcome.ran['run']:,} ran and"
            f" {outcome.ran['refused']:,} were refused of those said to do less than all;"
            f" {len(outcome.misses)} did more."
            f" Of {outcome.sampled:,} others {outcome.did:,} changed"
            f" anything. {time.monotonic() - begun:.0f} s."
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
