"""Packing: what is written is read, in few bytes, and nothing else is."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinning.pins.packing import _codes, pack, unpack
from pinning.pins.pin import EVERY_CLUSTER, HELD, Pin, held
from pinning.pins.tokens import Given, Token, hold

CLUSTERS = ("default", "orders", "users")
NOW = 1_800_000_000
#: The bytes for pins in the longest text of a cookie: 128 characters, less what encryption adds.
ROOM = 80


def read(token, clusters=CLUSTERS, room=4000):
    return unpack(pack(token, clusters, room), clusters)


def token_of(*pins, since=NOW, marks=0):
    return Token(issued_at=NOW, given=tuple(Given(pin, since) for pin in pins), marks=marks)


timelines = st.one_of(
    st.builds("{}.{}".format, st.integers(0, 2**64 - 1), st.integers(0, 2**32)),
    st.uuids().map("{}.".format),
    st.builds("{}:{}.".format, st.uuids(), st.from_regex(r"\A[a-z_]{1,32}\Z")),
    st.text(min_size=1, max_size=50),
).filter(lambda timeline: timeline != HELD)
ticks = st.integers(0, 2**42).map(lambda number: number / 256)
clusters = st.sampled_from(["default", "orders", "unknown", "?", "?abc", "é", EVERY_CLUSTER])
positions = st.integers(0, 2**63 - 1)
pins = st.one_of(
    st.builds(Pin, cluster=clusters, written_at=ticks),
    st.builds(held, clusters, ticks),
    st.builds(Pin, cluster=clusters, written_at=ticks, timeline=timelines, position=positions),
)
tokens = st.builds(
    Token,
    issued_at=st.just(NOW),
    given=st.lists(st.builds(Given, pins, st.integers(NOW - 10**6, NOW)), max_size=5).map(tuple),
    marks=st.integers(0, 2**40 - 1),
)


@given(token=tokens)
def test_what_is_packed_is_read(token):
    assert read(token) == token


@given(token=tokens, room=st.integers(32, 200))
def test_it_takes_no_more_room_and_tells_little_by_its_length(token, room):
    packed = pack(token, CLUSTERS, room)
    assert len(packed) <= max(room, 32)
    assert (len(packed) - 32) % 24 == 0


@given(packed=st.binary(max_size=200))
def test_no_bytes_raise(packed):
    unpack(packed, CLUSTERS)


@given(token=tokens, cut=st.integers(0, 300))
def test_what_is_cut_off_is_no_token_or_the_same(token, cut):
    assert unpack(pack(token, CLUSTERS, 4000)[:cut], CLUSTERS) in (None, token)


def test_pins_without_room_become_a_hold():
    many = [
        Pin(cluster="default", written_at=NOW, timeline=f"{n}.1", position=n) for n in range(99)
    ]
    assert read(token_of(*many, marks=5), room=ROOM) == token_of(marks=5).with_given([hold(NOW)])


def test_equal_tokens_are_packed_differently():
    """Their random bytes at the end differ."""
    token = token_of(Pin(cluster="default", written_at=NOW))
    assert pack(token, CLUSTERS, ROOM) != pack(token, CLUSTERS, ROOM)


def test_the_order_of_clusters_does_not_matter():
    token = token_of(*(Pin(cluster=name, written_at=NOW) for name in CLUSTERS))
    assert unpack(pack(token, CLUSTERS, ROOM), CLUSTERS[::-1]) == token


def test_a_cluster_that_only_others_know_passes_through():
    token = token_of(Pin(cluster="users", written_at=NOW, timeline="7.1", position=5))
    passed = read(unpack(pack(token, CLUSTERS, ROOM), ("default",)), ("default",))
    assert unpack(pack(passed, ("default",), ROOM), CLUSTERS) == token


def test_clusters_that_share_a_code_are_written_by_their_names():
    names = tuple(f"cluster{number}" for number in range(500))
    doubtful = [name for name in names if name not in _codes(names)]
    assert doubtful
    token = token_of(*(Pin(cluster=name, written_at=NOW) for name in doubtful))
    assert read(token, names) == token


def postgresql(cluster):
    return Pin(cluster=cluster, written_at=NOW, timeline="7412345678901234567.12", position=2**48)


def mariadb(cluster):
    return Pin(cluster=cluster, written_at=NOW, timeline="0.4294967295", position=10**11)


def mysql(cluster):
    return Pin(cluster=cluster, written_at=NOW, timeline=f"{uuid.uuid4()}.", position=10**11)


@pytest.mark.parametrize(
    ("kind", "clusters", "size"),
    [
        (postgresql, 1, 32),
        (mariadb, 1, 32),
        (mysql, 1, 56),
        (postgresql, 3, 80),
        (mariadb, 3, 80),
        (mysql, 3, 104),
    ],
)
def test_a_token_is_small(kind, clusters, size, figure):
    token = token_of(*(kind(name) for name in CLUSTERS[:clusters]))
    packed = pack(token, CLUSTERS, 4000)
    figure(f"A token of {kind.__name__}, {clusters} clusters", f"{(len(packed) + 16) * 4 // 3} B")
    assert len(packed) == size


def test_a_time_by_the_clock_is_not_cut_off():
    """Cut off, the pin would end too early."""
    pin = Pin(cluster="default", written_at=NOW + 0.0001)
    (one,) = read(token_of(pin)).given
    assert pin.written_at <= one.pin.written_at < pin.written_at + 0.01


def test_a_time_of_a_position_is_not_rounded_up():
    """Rounded up, the pin could seem to be younger than a failover before it."""
    pin = Pin(cluster="default", written_at=NOW + 0.9999, timeline="7.1", position=5)
    (one,) = read(token_of(pin)).given
    assert pin.written_at - 0.01 < one.pin.written_at <= pin.written_at
