"""What pinning_status tells of moves: how far each is, and what to type next."""

import json
import shlex
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections

from pinning.move.move import Move
from pinning.move.names import Name
from pinning.move.records import CLOSED, COPYING, MOVED, Records
from pinning.move.under_way import UnderWay, moves_under_way
from tests.move.models import Thing
from tests.move.things import make
from tests.shop.models import Line, Order

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])


@pytest.fixture
def rows(site):
    for text in ("one", "two"):
        Line.objects.using("default").create(
            order=Order.objects.using("default").create(text=text), text=text
        )


@pytest.fixture
def copied(rows, run, monkeypatch):
    """A move whose rows are copied, and that was interrupted then."""
    with monkeypatch.context() as patch:
        patch.setattr(Move, "_switch", lambda self: None)
        run()


def status(**options):
    output = StringIO()
    call_command("pinning_status", stdout=output, **options)
    return output.getvalue()


def type_next():
    """Run the command that is told, as it is told."""
    (move,) = json.loads(status(json=True))["moves"]
    words = shlex.split(move["next"].removeprefix("manage.py "))
    call_command(*words, stdout=StringIO())
    return move


def test_without_moves_there_is_nothing_to_tell(rows):
    assert "The move of" not in status()
    assert json.loads(status(json=True))["moves"] == []


def test_each_phase_with_the_command_that_comes_next(copied, site, settings):
    assert type_next() == {
        "source": "default",
        "phase": "copying",
        "copied": 4,
        "total": 4,
        "next": "manage.py pinning_move shop.Order shop.GiftOrder shop.Line shop.Product "
        "--to orders",
    }
    settings.PINNING = {**site, "MODELS": {"shop": "orders"}}
    assert type_next()["phase"] == "open"
    move = type_next()
    assert (move["phase"], move["next"].rpartition(" ")[2]) == ("dropped", "--forget")
    assert json.loads(status(json=True))["moves"] == []


def test_the_text(copied):
    command = "manage.py pinning_move shop.Order shop.GiftOrder shop.Line shop.Product --to orders"
    told = (
        "The move of shop.Order shop.GiftOrder shop.Line shop.Product from 'default' to 'orders': "
        "its rows are being copied, 4 of 4 so far.\n"
        f"  If no command works on it, go on by: {command}"
    )
    assert f"\n\n{told}\n\nNothing is wrong." in status()


@pytest.mark.parametrize("phase", [CLOSED, MOVED])
def test_one_that_was_killed_while_nobody_can_write(copied, phase):
    records = Records(connections["default"], Name.of("shop.Order"))
    assert records.change("phase", COPYING, phase)
    assert "run at once: manage.py pinning_move shop.Order" in status()
    assert type_next()["phase"] == phase
    assert "it has moved" in status()


def test_a_move_of_some_rows(site, settings, monkeypatch):
    make("default")
    Thing(name="far", region="asia").save(using="orders")
    monkeypatch.setattr(Move, "_switch", lambda self: None)
    words = ("move.Thing", "--to", "orders", "--from", "default", "--offline")
    call_command("pinning_move", *words, "--where", "region=eu", stdout=StringIO())
    (move,) = moves_under_way(["default", "orders"])
    assert move.asked == "move.Thing --to orders --where region=eu"
    assert (move.copied, move.total) == (7, 7)


def test_models_that_are_gone_are_not_counted(copied):
    records = Records(connections["default"], Name.of("shop.Order"))
    records.put("asked", "shop.Gone --to orders")
    (move,) = moves_under_way(["default"])
    assert move == UnderWay(asked="shop.Gone --to orders", source="default", phase=COPYING)
    assert "are being copied.\n" in move.text()
