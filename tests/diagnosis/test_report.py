"""The report in both forms: a table for people, and values for JSON."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pinning.databases.facts import Grant
from pinning.diagnosis import Report
from pinning.diagnosis.findings import findings_of, findings_of_store
from pinning.diagnosis.seen import Lag, Seen, SeenStore
from pinning.pins.stores import Condition
from tests.diagnosis.test_findings import PRIMARY, REPLICA, SETTINGS, with_facts

COOKIE = SeenStore(name="cookie", is_server_side=False, condition=Condition())
REDIS = SeenStore(
    name="redis",
    is_server_side=True,
    answered_in=0.0012,
    condition=Condition(policy="noeviction"),
)
GONE = Seen(alias="replica2", primary="default", error="no route", set_aside="It was silent.")


def report(*seen: Seen, stores: Any = (COOKIE, REDIS)) -> Report:
    findings = [
        *(found for each in seen for found in findings_of(each, PRIMARY, SETTINGS)),
        *(found for each in stores for found in findings_of_store(each, SETTINGS)),
    ]
    return Report({each.alias: each for each in (PRIMARY, *seen)}, stores, findings)


def test_the_text():
    seen = with_facts(
        replace(REPLICA, lag=Lag(at_least=0.0, at_most=0.0, distance=0), timeline="1"),
        connections=3,
        most_connections=97,
        settings={"feedback": "off", "names": ""},
        remarks=("feedback is off: queries are cancelled.",),
    )
    assert report(seen, GONE).text() == (
        """\
alias     server     it is               connects in  lag                  timeline  connections
default   SomeSQL 1  primary             1 ms         -                    -         -
replica1  SomeSQL 1  replica of default  1 ms         0 s, 0 transactions  1         3 of 97
replica2  -          unreachable         -            -                    -         -

replica1: feedback = off, names = ''
feedback is off: queries are cancelled.

store   answers in  memory           when full
cookie  -           with the client  -
redis   1 ms        is believed      noeviction

This process has set 'replica2' aside: It was silent.
Each process finds that out for itself: the log of the site tells of others.

warning pinning.W024: 'replica2' cannot be connected to: no route
  See whether the server runs and can be reached, and HOST, PORT, USER and PASSWORD."""
    )


def test_nothing_is_wrong():
    text = report(REPLICA).text()
    assert text.endswith("\n\nNothing is wrong.")
    assert "This process has set nothing aside." in text


def test_what_settings_mean_is_told_once():
    one = with_facts(REPLICA, remarks=("It is off.", "It is on."))
    two = with_facts(replace(REPLICA, alias="replica2"), remarks=("It is off.",))
    assert "\n\nIt is off.\nIt is on.\n\n" in report(one, two).text()


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (with_facts(REPLICA, node="one"), "default itself"),
        (with_facts(REPLICA, logs=frozenset({"8"})), "another system"),
        (with_facts(REPLICA, logs=frozenset()), "unknown"),
        (with_facts(REPLICA, takes_writes=True), "takes writes"),
        (with_facts(REPLICA, missing=Grant("web", "GRANT it;")), "hidden"),
        (replace(REPLICA, timeline="?"), "unknown"),
        (replace(REPLICA, is_asked=False), "not asked"),
        (replace(REPLICA, lag=Lag(at_least=0.0423, at_most=0.0423, distance=5)), "0.042 s, 5"),
        (replace(REPLICA, lag=Lag(at_least=1.0, at_most=61.7, distance=1234)), "to 62 s, 1,234 "),
        (replace(REPLICA, lag=Lag(at_least=1.0, at_most=None, distance=1)), "1 s or more, 1 "),
    ],
)
def test_cells(seen, told):
    (row,) = [line for line in report(seen).text().splitlines() if line.startswith("replica1")]
    assert told in row


def test_a_primary_that_takes_no_writes():
    closed = with_facts(PRIMARY, takes_writes=False)
    assert "takes no writes" in Report({"default": closed}, [], []).text()


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (replace(REDIS, condition=None, error="no route"), "redis  no answer   -"),
        (replace(REDIS, condition=Condition(is_complete=False)), "is too young  unknown"),
        (replace(REDIS, is_set_aside=True), "This process has set the store 'redis' aside."),
    ],
)
def test_stores(store, told):
    assert told in report(stores=[store]).text()


def test_the_values_are_for_json():
    lag = Lag(at_least=1.0, at_most=None, distance=5)
    values = json.loads(json.dumps(report(replace(REPLICA, lag=lag, timeline="?"), GONE).values()))
    assert values["is_well"] is False
    assert values["findings"] == [
        {
            "id": "pinning.W024",
            "level": "warning",
            "about": "replica2",
            "what": "'replica2' cannot be connected to: no route",
            "hint": "See whether the server runs and can be reached, and HOST, PORT, USER and "
            "PASSWORD.",
        }
    ]
    replica = values["aliases"]["replica1"]
    assert replica["lag"] == {
        "at_least": 1.0,
        "at_most": None,
        "distance": 5,
        "unit": "transactions",
    }
    assert (replica["relation"], replica["timeline"]) == ("same", None)
    assert values["aliases"]["default"]["relation"] is None
    gone = values["aliases"]["replica2"]
    assert (gone["connected_in"], gone["error"]) == (None, "no route")
    assert (gone["may_see_timeline"], gone["set_aside"]) == (None, "It was silent.")
    assert values["stores"]["redis"]["condition"]["policy"] == "noeviction"
    assert report(REPLICA).values()["is_well"] is True
