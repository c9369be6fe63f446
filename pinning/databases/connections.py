"""What may be asked of a connection of Django's, whichever driver it has."""

import asyncio
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def fetch_row(connection: BaseDatabaseWrapper, sql: str) -> tuple[Any, ...]:
    """The only row of ``sql``, or an empty one, asked on the driver's cursor in one round trip.

    Past Django's cursor, so that neither ``assertNumQueries`` nor another package's wrapper sees
    a query that the project did not write. Raises ``django.db.Error``.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(sql)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row or ()


def options_of(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Its OPTIONS without a pool: what the driver itself is told."""
    options = connection.settings_dict["OPTIONS"]
    return {key: value for key, value in options.items() if key != "pool"}


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open, atomic or managed by hand.

    Told without ``get_autocommit()``, which would open a connection to find out; the attribute is
    also False on one that was never opened.
    """
    return not connection.autocommit and connection.connection is not None


def is_on_event_loop() -> bool:
    """Whether the running code must not wait, as the coroutines beside it would wait too."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
