"""What replicas were seen to have reached, and which connections may know it."""

from types import SimpleNamespace

import pytest

from pinning.databases import forget
from pinning.health import replica
from pinning.pins.pin import Pin, Position
from pinning.reads import caught_up


def pin(place: int, *, timeline: str = "7.1", written_at: float = 1000.0) -> Pin:
    return Pin(cluster="default", written_at=written_at, timeline=timeline, position=place)


def seen(place: int, *, timeline: str = "7.1", server: str = "one", since: float = 0.0) -> Position:
    return Position(places={timeline: place}, clock=0.0, since=since, server=server)


@pytest.fixture
def connect():
    """Gives connections, each with nothing but a memory."""
    made = []

    def connect():
        made.append(SimpleNamespace(alias="replica1", autocommit=True, connection=object()))
        return made[-1]

    return connect


def test_what_a_connection_was_told_it_knows(connect):
    connection = connect()
    caught_up.note(connection, seen(5))
    assert caught_up.is_known(connection, pin(5))
    assert not caught_up.is_known(connection, pin(6))


def test_a_connection_that_has_asked_knows_what_others_are_told_by_the_same_server(connect):
    first, second = connect(), connect()
    caught_up.note(first, seen(5))
    caught_up.note(second, seen(5))
    caught_up.note(first, seen(9))
    assert caught_up.is_known(second, pin(9))


def test_a_connection_that_has_not_asked_knows_nothing(connect):
    first, second = connect(), connect()
    caught_up.note(first, seen(5))
    assert not caught_up.is_known(second, pin(5))


def test_inside_a_transaction_a_connection_knows_only_what_it_knew_before(connect):
    """Its snapshot may be older than what the server has told others since."""
    busy, other = connect(), connect()
    caught_up.note(busy, seen(5))
    busy.autocommit = False
    caught_up.note(other, seen(9))
    assert caught_up.is_known(busy, pin(5))
    assert not caught_up.is_known(busy, pin(9))
    busy.autocommit = True
    assert caught_up.is_known(busy, pin(9))
    busy.autocommit = False
    assert caught_up.is_known(busy, pin(9))


def test_a_new_connection_in_place_of_another_knows_nothing(connect):
    connection = connect()
    caught_up.note(connection, seen(5))
    forget(connection)
    assert not caught_up.is_known(connection, pin(5))


@pytest.mark.parametrize(
    ("servers", "alias"),
    [
        (("one", "two"), "replica1"),
        (("", ""), "replica1"),
        # Two clusters may have servers of the same name
        (("one", "one"), "orders1"),
    ],
)
def test_what_another_server_has_says_nothing(connect, servers, alias):
    first, second = connect(), connect()
    second.alias = alias
    for connection, server in zip((first, second), servers, strict=True):
        caught_up.note(connection, seen(5, server=server))
    caught_up.note(first, seen(9, server=servers[0]))
    assert not caught_up.is_known(second, pin(9))


def test_a_connection_that_leads_elsewhere_by_now_knows_that_server_alone(connect):
    connection, other = connect(), connect()
    caught_up.note(connection, seen(9, server="one"))
    caught_up.note(connection, seen(5, server="two"))
    caught_up.note(other, seen(5, server="two"))
    assert not caught_up.is_known(connection, pin(9))
    assert not caught_up.is_known(other, pin(9))


def test_a_connection_whose_server_is_not_known_any_more_learns_from_no_other(connect):
    """As behind a pooler."""
    connection, other = connect(), connect()
    caught_up.note(connection, seen(5, server="one"))
    caught_up.note(connection, seen(5, server=""))
    caught_up.note(other, seen(9, server="one"))
    assert not caught_up.is_known(connection, pin(9))


def test_what_a_pooler_told_is_forgotten_when_the_next_scope_begins(connect):
    """Its connection outlives the server that answered."""
    pooled, direct = connect(), connect()
    caught_up.note(pooled, seen(5, server=""))
    caught_up.note(direct, seen(5, server="one"))
    assert caught_up.is_known(pooled, pin(5))
    for connection in (pooled, direct):
        caught_up.begin(connection)
    assert not caught_up.is_known(pooled, pin(5))
    assert caught_up.is_known(direct, pin(5))


def test_what_a_server_told_last_replaces_what_it_told_before(connect):
    """It cannot have become less; but if it has, nobody is shown what is gone."""
    old, new, third = connect(), connect(), connect()
    caught_up.note(old, seen(9, timeline="7.2"))
    caught_up.note(third, seen(1, timeline="7.1"))
    caught_up.note(new, seen(5, timeline="7.1"))
    assert not caught_up.is_known(new, pin(9, timeline="7.2"))
    assert not caught_up.is_known(third, pin(9, timeline="7.2"))
    assert caught_up.is_known(third, pin(5, timeline="7.1"))


def test_what_no_connection_knows_any_more_is_forgotten(connect):
    connection = connect()
    caught_up.note(connection, seen(5, server="soon gone"))
    assert "soon gone" in replica("replica1").servers
    forget(connection)
    assert "soon gone" not in replica("replica1").servers


def test_a_pin_from_before_the_timeline_was_known_is_not_covered(connect):
    connection = connect()
    caught_up.note(connection, seen(9, timeline="7.2", since=500.0))
    assert caught_up.is_known(connection, pin(9, timeline="7.2", written_at=500.0))
    assert not caught_up.is_known(connection, pin(9, timeline="7.2", written_at=499.0))


def test_a_pin_by_the_clock_is_never_covered(connect):
    connection = connect()
    caught_up.note(connection, seen(9))
    assert not caught_up.is_known(connection, Pin(cluster="default", written_at=1000.0))
