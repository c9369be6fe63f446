"""The driver of the site's databases, whatever else is installed."""

import os
import sys
from importlib.metadata import version
from types import ModuleType
from typing import Any

#: The vendor that each speaks to, and the module that has to be there.
DRIVERS = {
    "psycopg binary": ("postgresql", "psycopg_binary"),
    "psycopg python": ("postgresql", "psycopg"),
    "psycopg pool": ("postgresql", "psycopg_pool"),
    "psycopg prepared": ("postgresql", "psycopg_pool"),
    "psycopg2-binary": ("postgresql", "psycopg2"),
    "mysqlclient": ("mariadb", "MySQLdb"),
    "PyMySQL": ("mariadb", "pymysql"),
}
#: Statements are prepared on the server, in a pool of connections.
PREPARED = "psycopg prepared"
#: Those whose OPTIONS name a pool, and what else they name.
POOLED: dict[str, dict[str, Any]] = {
    "psycopg pool": {},
    PREPARED: {"prepare_threshold": 0, "server_side_binding": True},
}
_DRIVER = "PINNING_TEST_DRIVER"
_PACKAGES = {
    "psycopg": "psycopg",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "pymysql": "PyMySQL",
}
_IMPLEMENTATIONS = {
    "psycopg binary": "binary",
    "psycopg python": "python",
    "psycopg pool": "binary",
    "psycopg prepared": "binary",
}


def told(name: str) -> dict[str, str]:
    """What tells a process of the site which one to use."""
    return {_DRIVER: name, "PSYCOPG_IMPL": _IMPLEMENTATIONS.get(name, "")}


def choose() -> None:
    """Have this process use what it was told. No driver was imported yet."""
    name = os.environ[_DRIVER]
    if name == "psycopg2-binary":
        sys.modules["psycopg"] = None  # type: ignore[assignment]  # it would be taken first
    elif name == "PyMySQL":
        import pymysql

        pymysql.install_as_MySQLdb()


def used(module: ModuleType) -> tuple[str, str, str]:
    """The package that Django has found, its version, and its implementation if it has several."""
    package = _PACKAGES[module.__name__]
    implementation = getattr(getattr(module, "pq", None), "__impl__", "")
    return package, version(package), implementation
