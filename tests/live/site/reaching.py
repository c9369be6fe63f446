"""Writes on a primary, and whether a replica has reached them."""

import time
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import databases
from pinning.pins.pin import Pin
from pinning.reads import caught_up

STALL_SECONDS = 1.0


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


def wait_until_reached(connection: BaseDatabaseWrapper, *pins: Pin) -> float:
    """How many seconds that takes, a good second at the most."""
    start = time.monotonic()
    while not has_reached(connection, *pins):
        if time.monotonic() - start > STALL_SECONDS:
            break
    return time.monotonic() - start
