"""The settings of the unit tests, with all databases on the server that the environment names."""

import json
import os
from typing import Any

from tests.settings import *  # noqa: F403

_SERVER: dict[str, Any] = json.loads(os.environ["PINNING_TESTS_SERVER"])


def _own(name: str) -> dict[str, Any]:
    """A database of its own. Without migrations all tables are made at once, in any order."""
    return {**_SERVER, "TEST": {"NAME": f"test_{name}", "MIGRATE": False}}


def _mirror(alias: str) -> dict[str, Any]:
    return {**_SERVER, "TEST": {"MIRROR": alias}}


DATABASES = {name: _own(name) for name in ("default", "orders", "elsewhere")} | {
    "replica1": _mirror("default"),
    "replica2": _mirror("default"),
    "orders1": _mirror("orders"),
}
