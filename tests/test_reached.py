"""What replicas were seen to have reached, and which connections may know it."""

from types import SimpleNamespace

import pytest

from pinning import reached
from pinning.pins.pin import Pin, Position


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
    reached.note(connection, seen(5))
    assert reached.has(connection, pin(5))
    assert not reached.has(connection, pin(6))


def test_a_connection_that_has_asked_knows_what_others_are_told_by_the_same_server(connect):
    first, second = connect(), connect()
    reached.note(first, seen(5))
    reached.note(second, seen(5))
    reached.note(first, seen(9))
    assert reached.has(second, pin(9))


def test_a_connection_that_has_not_asked_knows_nothing(connect):
    first, second = connect(), connect()
    reached.note(first, seen(5))
    assert not reached.has(second, pin(5))


def test_inside_a_transaction_a_connection_knows_only_what_it_knew_before(connect):
    """Its snapshot may be older than what the server has told others since."""
    busy, other = connect(), connect()
    reached.note(busy, seen(5))
    busy.autocommit = False
    reached.note(other, seen(9))
    assert reached.has(busy, pin(5))
    assert not reached.has(busy, pin(9))
    busy.autocommit = True
    assert reached.has(busy, pin(9))
    busy.autocommit = False
    assert reached.has(busy, pin(9))


def test_a_new_connection_in_place_of_another_knows_nothing(connect):
    connection = connect()
    reached.note(connection, seen(5))
    reached.forget(connection)
    assert not reached.has(connection, pin(5))


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
        reached.note(connection, seen(5, server=server))
    reached.note(first, seen(9, server=servers[0]))
    assert not reached.has(second, pin(9))


def test_a_connection_that_leads_elsewhere_by_now_knows_that_server_alone(connect):
    connection, other = connect(), connect()
    reached.note(connection, seen(9, server="one"))
    reached.note(connection, seen(5, server="two"))
    reached.note(other, seen(5, server="two"))
    assert not reached.has(connection, pin(9))
    assert not reached.has(other, pin(9))


def test_a_connection_whose_server_is_not_known_any_more_learns_from_no_other(connect):
    """As behind a pooler."""
    connection, other = connect(), connect()
    reached.note(connection, seen(5, server="one"))
    reached.note(connection, seen(5, server=""))
    reached.note(other, seen(9, server="one"))
    assert not reached.has(connection, pin(9))


def test_what_a_pooler_told_is_forgotten_when_the_next_scope_begins(connect):
    """Its connection outlives the server that answered."""
    pooled, direct = connect(), connect()
    reached.note(pooled, seen(5, server=""))
    reached.note(direct, seen(5, server="one"))
    assert reached.has(pooled, pin(5))
    for connection in (pooled, direct):
        reached.begin(connection)
    assert not reached.has(pooled, pin(5))
    assert reached.has(direct, pin(5))


def test_what_a_server_told_last_replaces_what_it_told_before(connect):
    """It cannot have become less; but if it has, nobody is shown what is gone."""
    old, new, third = connect(), connect(), connect()
    reached.note(old, seen(9, timeline="7.2"))
    reached.note(third, seen(1, timeline="7.1"))
    reached.note(new, seen(5, timeline="7.1"))
    assert not reached.has(new, pin(9, timeline="7.2"))
    assert not reached.has(third, pin(9, timeline="7.2"))
    assert reached.has(third, pin(5, timeline="7.1"))


def test_what_no_connection_knows_any_more_is_forgotten(connect):
    connection = connect()
    reached.note(connection, seen(5, server="soon gone"))
    assert "replica1 soon gone" in reached._servers
    reached.forget(connection)
    assert "replica1 soon gone" not in reached._servers


def test_a_pin_from_before_the_timeline_was_known_is_not_covered(connect):
    connection = connect()
    reached.note(connection, seen(9, timeline="7.2", since=500.0))
    assert reached.has(connection, pin(9, timeline="7.2", written_at=500.0))
    assert not reached.has(connection, pin(9, timeline="7.2", written_at=499.0))


def test_a_pin_by_the_clock_is_never_covered(connect):
    connection = connect()
    reached.note(connection, seen(9))
    assert not reached.has(connection, Pin(cluster="default", written_at=1000.0))
