"""Shadow mode on SQLite: positions that the test sets."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from pinning.databases import VENDORS
from pinning.databases.base import Positions
from pinning.pins import Position
from pinning.shadow import process

SHADOW = {"REPLICAS": {"default": ["replica1"]}, "USE_REPLICAS": "shadow"}


class Places(Positions):
    """A log whose places are these."""

    primary = replica = 5

    def of_primary(self, connection: Any) -> Position:
        return Position(places={"7.1": self.primary}, clock=time.time())

    def of_replica(self, connection: Any) -> Position:
        return Position(places={"7.1": self.replica}, clock=time.time())


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    places = Places()
    monkeypatch.setitem(VENDORS, "sqlite", places)
    return places


@pytest.fixture
def shadow_mode(places: Places) -> Iterator[Places]:
    with override_settings(PINNING=SHADOW):
        yield places


@pytest.fixture
def counted() -> Callable[[], dict[tuple[str, ...], int]]:
    return lambda: dict(process._own().counts.all())
