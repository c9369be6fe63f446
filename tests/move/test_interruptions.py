"""A move that ends at any statement, as if it were killed, goes on where it was."""

import os
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, connections

from pinning.move import lease, moved
from pinning.move import move as moves
from tests.move.models import Thing
from tests.move.things import make, state

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

#: Every how many statements it is killed: PINNING_EVERY=1 kills it at each.
EVERY = int(os.environ.get("PINNING_EVERY", "17"))
_WRITES = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "BEGIN", "SAVEPOINT", "RELEASE")


class Killed(BaseException):
    """No handler of an ordinary error sees it."""


class Killer:
    """Lets no statement run from one on."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, execute: Any, sql: Any, *more: Any) -> Any:
        if sql.startswith(_WRITES):
            self.left -= 1
        if self.left < 0:
            raise Killed
        return execute(sql, *more)


@pytest.fixture
def things(site, settings, monkeypatch):
    for module in (moves, lease):
        monkeypatch.setattr(module, "LEASE_SECONDS", 0.03)
    monkeypatch.setattr(lease, "_INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(moves, "_MARGIN_SECONDS", 0.02)
    home = moved("move.Thing", from_="default", to="orders")
    settings.PINNING = {**site, "MODELS": {"move": home}, "WINDOW": 0.01}
    make("default")
    yield settings.PINNING
    home.close()


def killed(after, run, *options):
    """Whether it was killed before it was done."""
    killer = Killer(after)
    try:
        with ExitStack() as stack:
            for alias in ("default", "orders"):
                stack.enter_context(connections[alias].execute_wrapper(killer))
            run(*options, labels=("move.Thing",))
    except Killed:
        return True
    except CommandError as error:
        if "already" not in str(error):  # it was killed when it was done
            raise
    return False


def write(number):
    """A write of the site, wherever it writes now. Whether it was refused."""
    try:
        Thing.objects.create(name=f"written {number}")
        Thing.objects.filter(name="thing 1 🙂").update(region=str(number))
        Thing.objects.filter(name=f"written {number - 2 * EVERY}").delete()
    except IntegrityError:  # refused
        return True
    return False


def test_at_any_statement(things, run, settings, figure):
    after, refused = 0, 0
    wanted = state("default")
    while killed(after, run):
        refused += write(after)
        alias = "orders" if moves_home(settings) == "orders" else "default"
        wanted = state(alias)
        for each in connections.all():
            each.close()
        after += EVERY
    assert state("orders") == wanted
    settings.PINNING = {**things, "MODELS": {"move": "orders"}}
    for option in ("--drop", "--forget"):
        after = 0
        while killed(after, run, option):
            assert state("orders") == wanted
            after += max(1, EVERY // 4)
    assert not Thing.objects.using("default").exists()
    Thing.objects.using("default").create(name="it takes writes")


def moves_home(settings):
    return settings.PINNING["MODELS"]["move"]()
