"""Warnings about a database: on one line, and not again and again."""

import pytest
from django.db import OperationalError, connections

from pinning.databases import VENDORS, pin_now
from pinning.databases.base import Positions
from pinning.health import status
from pinning.pins import Pin
from pinning.reads.caught_up import has_reached

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

PIN = Pin(cluster="default", written_at=1000.0, timeline="1", position=100)


class Silent(Positions):
    def of_primary(self, connection):
        raise OperationalError("the server\n\tclosed the connection")

    of_replica = of_primary


@pytest.mark.parametrize(
    ("tell", "line"),
    [
        (
            lambda: pin_now("default"),
            "The position of 'default' is unknown, so a pin holds for MAX_PIN: ",
        ),
        (
            lambda: has_reached(connections["replica1"], (PIN,)),
            "Replica 'replica1' does not tell its position: ",
        ),
        (
            lambda: status.replica("replica1").note_busy(
                OperationalError("the server\n\tclosed the connection")
            ),
            "Replica 'replica1' has no connection left for a read: ",
        ),
        (
            lambda: status.replica("replica1").set_aside(
                OperationalError("the server\n\tclosed the connection")
            ),
            "Replica 'replica1' is set aside until it answers: ",
        ),
    ],
)
def test_an_error_that_comes_again_and_again_is_one_line_once(tell, line, monkeypatch, caplog):
    monkeypatch.setitem(VENDORS, "sqlite", Silent())
    for _ in range(20):
        tell()
    assert [record.getMessage() for record in caplog.records] == [
        f"{line}the server closed the connection"
    ]
