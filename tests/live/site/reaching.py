"""Writes on a primary, and whether a replica has reached them."""

import time
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import databases
from pinning.pins.pin import Pin
from pinning.reads import caught_up
from pinning.testing.mariadb import MariaDB
from pinning.testing.postgres import Postgres

#: A pin that no replica can reach stalls until the primary writes to its log again, which it does
#: every 15 seconds by itself. What takes less is a busy machine.
STALL_SECONDS = 5.0

#: How many queries sleep on a server just now.
ASLEEP = {
    MariaDB: "SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'",
    Postgres: "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
}


def run(connection: BaseDatabaseWrapper, statement: str) -> Any:
    """Its first row, if it has rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def write(connection: BaseDatabaseWrapper, text: str = "new") -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO notes_note (text) VALUES (%s)", [text])


def pins_of(connection: BaseDatabaseWrapper) -> tuple[Pin, ...]:
    """Pins on what was written until now."""
    position = databases.of_primary(connection)
    assert position is not None
    return tuple(
        Pin(cluster="default", written_at=position.clock, timeline=timeline, position=place)
        for timeline, place in position.places.items()
    )


def pin_of(connection: BaseDatabaseWrapper) -> Pin:
    """The pin of a primary whose log is one."""
    (pin,) = pins_of(connection)
    return pin


def count(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notes_note")
        return int(cursor.fetchone()[0])


def has_reached(connection: BaseDatabaseWrapper, *pins: Pin) -> bool:
    return caught_up.has_reached(connection, pins)


def wait_until_it_sleeps(server: MariaDB | Postgres) -> None:
    """Until a query has begun on the server that tells it to sleep."""
    (asleep,) = (sql for kind, sql in ASLEEP.items() if isinstance(server, kind))
    until = time.monotonic() + 30
    while not server.execute(asleep)[0][0]:
        assert time.monotonic() < until
        time.sleep(0.01)


def wait_until_reached(connection: BaseDatabaseWrapper, *pins: Pin) -> float:
    """How many seconds that takes, STALL_SECONDS at the most."""
    start = time.monotonic()
    while not has_reached(connection, *pins):
        if time.monotonic() - start > STALL_SECONDS:
            break
    return time.monotonic() - start
