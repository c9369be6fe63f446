"""What is found in what was seen. tests/live/test_diagnosis.py brings each about on servers."""

import math
from dataclasses import replace
from typing import Any

import pytest

from pinning.conf import Settings
from pinning.databases import Facts
from pinning.databases.facts import Grant, Remark
from pinning.diagnosis.findings import findings_of, findings_of_store, relation
from pinning.diagnosis.seen import Lag, Seen, SeenStore
from pinning.pins.stores import Condition

SETTINGS = Settings(max_lag=30.0, max_pin=60.0, window=5.0)

FACTS = Facts(
    product="SomeSQL 1", node="one", database="site", logs=frozenset({"7"}), takes_writes=True
)
PRIMARY = Seen(alias="default", primary="default", connected_in=0.001, facts=FACTS)
REPLICA = Seen(
    alias="replica1",
    primary="default",
    connected_in=0.001,
    facts=replace(FACTS, node="two", is_standby=True, takes_writes=False),
)


def ids(seen: Seen, primary: Seen = PRIMARY) -> list[str]:
    return [finding.id[8:] for finding in findings_of(seen, primary, SETTINGS)]


def with_facts(seen: Seen, **facts: Any) -> Seen:
    return replace(seen, facts=replace(seen.facts, **facts))


def test_nothing_is_wrong():
    assert ids(PRIMARY) == ids(REPLICA) == []


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"node": "one", "takes_writes": True, "is_standby": False}, ["W025"]),
        ({"logs": frozenset({"8"})}, ["E044"]),
        ({"logs": frozenset({"8"}), "takes_writes": True, "is_standby": False}, ["E044"]),
        ({"logs": frozenset({"8", "7"})}, []),
        ({"logs": frozenset()}, []),
        ({"takes_writes": True, "is_standby": False}, ["E045"]),
        ({"takes_writes": True, "is_standby": None}, ["W026"]),
        ({"takes_writes": True, "is_standby": True}, ["W026"]),
        ({"takes_writes": None, "is_standby": None}, []),
        ({"database": "other"}, ["E046"]),
        ({"database": ""}, []),
        ({"missing": Grant("web", "GRANT it;")}, ["W016"]),
        ({"stopped": Remark("it is paused", "Resume it.")}, ["W027"]),
        ({"longest_hold": 30.0}, []),
        ({"longest_hold": 30.1}, ["W029"]),
        ({"longest_hold": math.inf}, ["W029"]),
        ({"connections": 89, "most_connections": 100}, []),
        ({"connections": 90, "most_connections": 100}, ["W031"]),
        ({"connections": 90, "most_connections": None}, []),
    ],
)
def test_facts_of_a_replica(facts, found):
    assert ids(with_facts(REPLICA, **facts)) == found


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"takes_writes": False}, ["E043"]),
        ({"takes_writes": None}, []),
        ({"connections": 90, "most_connections": 100}, ["W031"]),
        ({"database": "other", "stopped": Remark("no matter")}, []),
    ],
)
def test_facts_of_a_primary(facts, found):
    assert ids(with_facts(PRIMARY, **facts)) == found


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [("1", "2", ["W035"]), ("2", "2", []), ("?", "2", []), (None, "2", []), ("1", None, [])],
)
def test_timelines(here, there, found):
    assert ids(replace(REPLICA, timeline=here), replace(PRIMARY, timeline=there)) == found


@pytest.mark.parametrize(
    ("at_least", "at_most", "found"),
    [(1.0, 30.0, []), (1.0, 30.1, ["W028"]), (1.0, None, []), (31.0, None, ["W028"])],
)
def test_lag(at_least, at_most, found):
    lag = Lag(at_least=at_least, at_most=at_most, distance=1)
    assert ids(replace(REPLICA, lag=lag)) == found
    endless = replace(SETTINGS, max_lag=None)
    assert findings_of(replace(REPLICA, lag=lag), PRIMARY, endless) == []


def test_of_a_server_that_cannot_be_connected_to_nothing_else_is_told():
    gone = Seen(alias="replica1", primary="default", error="no route")
    (finding,) = findings_of(gone, PRIMARY, SETTINGS)
    assert (finding.id, finding.level, finding.about) == ("pinning.W024", "warning", "replica1")
    assert finding.what == "'replica1' cannot be connected to: no route"
    assert ids(replace(gone, wanted="option=primary")) == ["E042", "W024"]


def test_what_was_seen_before_it_failed_counts():
    failed = with_facts(replace(REPLICA, error="it is gone"), database="other")
    assert ids(failed) == ["W024", "E046"]
    assert "failed while it was asked" in findings_of(failed, PRIMARY, SETTINGS)[0].what


def test_one_that_is_full_is_up():
    full = Seen(alias="replica1", primary="default", error="too many", is_full=True)
    (finding,) = findings_of(full, PRIMARY, SETTINGS)
    assert finding.what == "'replica1' has no connection left: too many"


def test_a_replica_is_not_compared_with_a_primary_that_was_not_seen():
    unseen = Seen(alias="default", primary="default", error="no route")
    assert relation(REPLICA, unseen) == "unknown"
    assert ids(REPLICA, unseen) == []


def test_the_option_is_right_for_a_primary():
    assert ids(replace(PRIMARY, wanted="option=primary")) == []


def test_a_cluster_that_is_read_only_need_take_no_writes():
    closed = with_facts(PRIMARY, takes_writes=False)
    assert findings_of(closed, closed, replace(SETTINGS, read_only=("default",))) == []


def test_a_position_that_is_refused():
    assert ids(replace(PRIMARY, refusal="no right")) == ["W030"]
    assert ids(replace(REPLICA, refusal="no right")) == ["W030"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (None, ["W032"]),
        (Condition(), []),
        (Condition(is_complete=False), ["W033"]),
        (Condition(policy="noeviction"), []),
        (Condition(policy="allkeys-lru", evicts=True), ["W034"]),
    ],
)
def test_stores(condition, found):
    seen = SeenStore(name="redis", is_server_side=True, condition=condition, error="no route")
    assert [finding.id[8:] for finding in findings_of_store(seen, SETTINGS)] == found


@pytest.mark.parametrize(("young_seconds", "told"), [(12.0, "up to 12 s"), (None, "up to 60 s")])
def test_how_long_a_store_is_young(young_seconds, told):
    condition = Condition(is_complete=False, young_seconds=young_seconds)
    seen = SeenStore(name="redis", is_server_side=True, condition=condition)
    (finding,) = findings_of_store(seen, SETTINGS)
    assert told in finding.what
