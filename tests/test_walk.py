"""How far a read walks through the house, from ``db_for_read`` to the alias, counted by a trace.

The router, ``scopes`` and ``reads`` decide. What they ask another room (``pins`` for what is
remembered, ``databases`` for a position, ``health`` for a replica) is that room's own affair: its
files count in the whole alone.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory, override_settings

import pinning
from pinning.databases import VENDORS
from pinning.databases.base import Positions
from pinning.pins import Pin, Pins, Position, signing
from pinning.router import PinningRouter
from pinning.scopes import Reason, RequestScope, inside
from tests.notes.models import Note

ROOT = Path(pinning.__file__).parent
DECIDE = {"router.py", "scopes", "reads"}

pytestmark = pytest.mark.django_db(databases=["default", "replica1"], transaction=True)


class Here(Positions):
    """Every replica is at 5."""

    def of_primary(self, connection: Any) -> None:
        return None

    def of_replica(self, connection: Any) -> Position:
        return Position(places={"7.1": 5}, clock=time.time())


@pytest.fixture(autouse=True)
def positions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(VENDORS, "sqlite", Here())
    with override_settings(PINNING={"REPLICAS": {"default": ["replica1"]}}):
        yield


def files_entered(call: Callable[[], object]) -> set[str]:
    """The package's files whose functions ran during ``call``."""
    entered: set[str] = set()

    def note(frame: Any, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and ROOT in path.parents:
            entered.add(str(path.relative_to(ROOT)))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


def reading(place: int) -> RequestScope:
    """The scope of a request whose pin is at ``place``."""
    request = RequestFactory().get("/")
    pin = Pin(cluster="default", written_at=time.time(), timeline="7.1", position=place)
    request.COOKIES["pinning.0"] = signing.sign(Pins([pin]), signing.COOKIE)
    return RequestScope(request)


@pytest.mark.parametrize(("place", "reason"), [(5, Reason.CAUGHT_UP), (6, Reason.PINNED)])
def test_a_read_walks_through_few_files(place, reason, figure):
    router = PinningRouter()
    with inside(reading(place)):
        router.db_for_read(Note)  # connections are open, and settings read
    with inside(reading(place)) as scope:
        first = files_entered(lambda: router.db_for_read(Note))
        settled = files_entered(lambda: router.db_for_read(Note))
    assert scope.reads == {"default": {reason: 2}}
    deciding = {name for name in first if name.split("/")[0] in DECIDE}
    figure(f"Files that a first read enters ({reason})", f"{len(deciding)}, of {len(first)} in all")
    figure(f"Files that a settled read enters ({reason})", len(settled))
    assert len(deciding) <= 10, sorted(deciding)  # with the one that waits
    assert len(settled) <= 5, sorted(settled)
