"""Which rows a connection leads to by its settings: the database, the user, the schema.

Projects that give each tenant a database change ``settings_dict`` and connect anew. ``HOST`` and
``PORT`` are not looked at, as they change when a server is replaced.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import made_once

_KEYS = ("NAME", "USER")

#: What drivers take in OPTIONS, and Django's own ``assume_role``.
_OPTIONS = ("assume_role", "database", "db", "dbname", "init_command", "options", "service", "user")


@made_once
def known_places() -> dict[str, tuple[object, ...]]:
    """The place of each alias when the process began: the first call has to be then."""
    return {alias: _place(connections.settings[alias]) for alias in connections}


def lead_alike(connection: BaseDatabaseWrapper, primary: BaseDatabaseWrapper) -> bool:
    """Whether each setting is for both what it was when the process began, or the same by now."""
    known = known_places()
    here, there = _place(connection.settings_dict), _place(primary.settings_dict)
    before = known.setdefault(connection.alias, here), known.setdefault(primary.alias, there)
    if (here, there) == before:
        return True
    pairs = zip(here, there, *before, strict=True)
    return all(one == other or (one, other) == (was, did) for one, other, was, did in pairs)


def _place(settings: dict[str, Any]) -> tuple[object, ...]:
    options = settings["OPTIONS"]
    return (*map(settings.get, _KEYS), *map(options.get, _OPTIONS))
