"""What holds on MariaDB and on MySQL alike. What each does its own way is in a file of its own."""

import time

import pytest
from django.db import OperationalError, connections, transaction

from pinning import databases, scope
from proof.acts import VENDORS
from tests.live.site.pair import Pair
from tests.live.site.reaching import count, has_reached, pin_of, run, write

pytestmark = pytest.mark.parametrize(
    "vendor", [vendor for vendor in VENDORS if vendor != "postgresql"], indirect=True
)


def test_a_delayed_replica_has_not_reached_a_write_until_it_has(pair: Pair, connect):
    primary, replica = connect(pair.primary), connect(pair.replica)
    pair.replica.set_delay(2)
    start = time.monotonic()
    write(primary)
    pin = pin_of(primary)
    while not has_reached(replica, pin):
        assert count(replica) == 0 or time.monotonic() - start > 1
        assert time.monotonic() - start < 5
    assert time.monotonic() - start > 1
    assert count(replica) == 1


def test_the_clock_is_the_servers_whatever_the_zone_of_the_session(pair: Pair, connect):
    primary, replica = connect(pair.primary), connect(pair.replica)
    write(primary)
    for connection, ask in ((primary, databases.of_primary), (replica, databases.of_replica)):
        run(connection, "SET time_zone = '+05:30'")
        assert abs(ask(connection).clock - time.time()) < 1


def test_what_is_kept_from_the_binary_log_moves_no_position(pair: Pair, connect):
    primary = connect(pair.primary)
    write(primary)
    root = connect(pair.primary, USER="root")
    run(root, "SET SESSION sql_log_bin = 0")
    position = pin_of(primary).position
    write(root, "kept")
    assert pin_of(primary).position == position  # such a write reaches no replica, ever
    run(root, "DELETE FROM notes_note WHERE text = 'kept'")  # which the replica could not replay


def test_the_sites_user_is_an_ordinary_one(pair: Pair, connect):
    replica = connect(pair.replica)
    with pytest.raises(OperationalError, match="1227"):
        run(replica, "SHOW REPLICA STATUS")
    with pytest.raises(OperationalError, match="1290"):
        write(replica)


def test_what_is_rolled_back_does_not_count(aliases: None):
    with scope() as work:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            write(connections["default"])
            raise ZeroDivisionError
        assert not work.has_written("default")
