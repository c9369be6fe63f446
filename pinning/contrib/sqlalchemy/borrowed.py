"""Django's connection around a connection of SQLAlchemy's, for what the core asks and notes by it.

Both have the same connection of the driver. SQLAlchemy opens it, uses it and closes it.
"""

import functools
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases import note_socket

_KEY = "pinning"


class Borrowed(BaseDatabaseWrapper):
    """A connection of Django's that shares the driver's connection, and never opens another."""

    def share(self, raw: Any, dialect: Any) -> None:
        """Take the driver's connection."""
        self.raw, self.dialect, self.Database = raw, dialect, dialect.loaded_dbapi
        is_mute = self.vendor == "postgresql" and not hasattr(raw, "info")
        self.connection = _Mute(raw) if is_mute else raw
        note_socket(raw)

    def ensure_connection(self) -> None:
        """Do nothing, as it is open."""

    close = ensure_connection

    def is_usable(self) -> bool:
        """True: whether it is lost is for SQLAlchemy to find out."""
        return True

    @property
    def mysql_is_mariadb(self) -> bool:
        """What SQLAlchemy has found out when it connected first."""
        return bool(self.dialect.is_mariadb)

    @property
    def mysql_version(self) -> tuple[int, ...]:
        """The same."""
        return tuple(self.dialect.server_version_info)


class _Mute:
    """A connection of a driver that tells less of its server than psycopg does."""

    closed, backend_pid = False, 0

    def __init__(self, raw: Any) -> None:
        self.cursor, self.commit, self.info = raw.cursor, raw.commit, self

    def parameter_status(self, _: str) -> None:
        """What the server has reported: nobody knows."""


@functools.cache
def _borrowed_kind(kind: Any) -> type[Borrowed]:
    return type(kind.__name__, (Borrowed, kind), {})


def borrowed(proxied: Any, dialect: Any, alias: str) -> Borrowed:
    """The connection of Django's for one from SQLAlchemy's pool: one as long as that lives."""
    info = proxied.info if proxied.record_info is None else proxied.record_info
    known: Borrowed | None = info.get(_KEY)
    if known is None or known.raw is not proxied.dbapi_connection:
        own = connections[alias]
        kind: Any = type(own)
        known = info[_KEY] = _borrowed_kind(kind)(own.settings_dict, alias)
        known.share(proxied.dbapi_connection, dialect)
    return known
