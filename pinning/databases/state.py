"""What is known of one connection, for as long as it leads to the same server."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

Answer = TypeVar("Answer")

_ATTRIBUTE = "_pinning_server"


def known_for_connection(connection: BaseDatabaseWrapper) -> Any:
    """What ``once_for_connection`` has been told, or None. Asks nobody."""
    known = connection.__dict__.get(_ATTRIBUTE)
    return known[1] if known is not None and known[0] is connection.connection else None


def once_for_connection(connection: BaseDatabaseWrapper, ask: Callable[[], Answer]) -> Answer:
    """The answer of ``ask``, which is asked anew on each new connection to the server.

    For what stays the same while that lives. A vendor has one such question.
    """
    connection.ensure_connection()
    known: tuple[Any, Answer] | None = connection.__dict__.get(_ATTRIBUTE)
    if known is None or known[0] is not connection.connection:
        known = connection.__dict__[_ATTRIBUTE] = (connection.connection, ask())
    return known[1]
