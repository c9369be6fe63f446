"""A move from "default" to "orders", on SQLite."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from pinning.move import lease, moved
from pinning.move import move as moves

LABELS = ("shop.Order", "shop.Line", "shop.Product")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process learns of the switch in a moment."""
    for module in (moves, lease):
        monkeypatch.setattr(module, "LEASE_SECONDS", 0.2)
    monkeypatch.setattr(lease, "_INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(moves, "_MARGIN_SECONDS", 0.1)


@pytest.fixture
def site(settings: Any, transactional_db: None, quick: None) -> Iterator[dict[str, Any]]:
    """Settings that follow the move."""
    orders = moved("shop.Order", from_="default", to="orders")
    settings.PINNING = {
        **settings.PINNING,
        "REPLICAS": {"default": [], "orders": []},
        "MODELS": dict.fromkeys((*LABELS, "shop.GiftOrder"), orders),
        "WINDOW": 0.1,
    }
    yield settings.PINNING
    orders.close()
    clean()


def clean() -> None:
    """Remove what a move has left in the files, and beside them."""
    for alias in ("default", "orders"):
        file = Path(str(connections[alias].settings_dict["NAME"]))
        for lock in file.parent.glob(f"{file.name}-pinning_move-*"):
            lock.unlink()
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT type, name FROM sqlite_master WHERE name LIKE 'pinning_move%'")
            found = cursor.fetchall()
            for kind in ("trigger", "table"):
                for one, name in found:
                    if one == kind:
                        cursor.execute(f"DROP {kind} {name}")


@pytest.fixture
def run() -> Callable[..., str]:
    """Runs the command; what it has said."""

    def run(*options: str, labels: tuple[str, ...] = LABELS) -> str:
        output = StringIO()
        call_command("pinning_move", *labels, "--to", "orders", *options, stdout=output)
        return output.getvalue()

    return run
