"""Which rows a connection leads to by its settings: the database, the user, the schema.

Projects that give each tenant a database change ``settings_dict`` and connect anew. ``HOST`` and
``PORT`` are not looked at, as they change when a server is replaced.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.conf import made_once

#: What drivers take in OPTIONS, and Django's own ``assume_role``.
_OPTIONS = ("assume_role", "database", "db", "dbname", "init_command", "options", "service", "user")

_Settings = dict[str, Any]


@made_once
def known_places() -> dict[str, _Settings]:
    """The settings of each alias when the process began: the first call has to be then."""
    return {alias: _kept(connections.settings[alias]) for alias in connections}


def lead_alike(connection: BaseDatabaseWrapper, primary: BaseDatabaseWrapper) -> bool:
    """Whether each setting is for both what it was when the process began, or the same by now."""
    here, there = connection.settings_dict, primary.settings_dict
    was, did = _begun(connection), _begun(primary)
    if _are_same(here, was) and _are_same(there, did):  # quick: it runs for each statement
        return True
    places = zip(*map(_place, (here, there, was, did)), strict=True)
    return all(one == other or (one, other) == (a, b) for one, other, a, b in places)


def _begun(connection: BaseDatabaseWrapper) -> _Settings:
    known, alias = known_places(), connection.alias
    return known.get(alias) or known.setdefault(alias, _kept(connection.settings_dict))


def _kept(settings: _Settings) -> _Settings:
    return {
        "NAME": settings.get("NAME"),
        "USER": settings.get("USER"),
        "OPTIONS": {**settings.get("OPTIONS", {})},
    }


def _are_same(settings: _Settings, kept: _Settings) -> bool:
    return bool(
        settings.get("NAME") == kept["NAME"]
        and settings.get("USER") == kept["USER"]
        and settings.get("OPTIONS", {}) == kept["OPTIONS"]
    )


def _place(settings: _Settings) -> tuple[object, ...]:
    options = settings.get("OPTIONS", {})
    return settings.get("NAME"), settings.get("USER"), *map(options.get, _OPTIONS)
