"""The system check that asks replicas what the site's role may do."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from pinning.checks.databases import check_databases
from pinning.testing.mariadb import MariaDB
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Audit


@pytest.fixture
def replica_as(pair: Pair, connect: Any, monkeypatch: Any) -> Any:
    """Puts a connection of a role to the replica in the place of "replica1"."""
    before = connections["replica1"]

    def connect_as(role: str, grant: str = "") -> None:
        pair.primary.create_role(role)
        if grant:
            pair.execute(f"GRANT {grant} TO {role}")
        pair.replica.wait_until_caught_up()
        connection = connect(pair.replica)
        connection.settings_dict["USER"] = role
        connections["replica1"] = connection

    yield connect_as
    connections["replica1"].close()
    connections["replica1"] = before
    for role in ("plain", "granted"):
        pair.execute(f"DROP ROLE IF EXISTS {role}")


def test_a_role_that_cannot_see_the_timeline_is_warned_of(replica_as, capsys):
    replica_as("plain")
    assert [message.id for message in check_databases(["default", "replica1"])] == ["pinning.W016"]
    call_command("check", databases=["replica1"])
    assert 'GRANT pg_read_all_stats TO "plain";' in capsys.readouterr().err


def test_one_that_can_is_not(replica_as):
    replica_as("granted", "pg_read_all_stats")
    assert check_databases(["replica1"]) == []


def test_nobody_is_asked_unless_the_alias_is_named(replica_as):
    replica_as("plain")
    assert check_databases() == check_databases(None) == check_databases(["default"]) == []


def test_a_replica_that_is_down_hides_no_right_that_is_missing(replica_as):
    replica_as("plain")
    connections["replica1"].settings_dict["PORT"] = "1"
    assert [message.id for message in check_databases(["replica1"])] == ["pinning.W024"]


@pytest.fixture
def apart(pair: Pair, aliases) -> Iterator[None]:
    """The audit's rows are not kept by the replica."""
    before, after = "SET UNLOGGED", "SET LOGGED"
    if isinstance(pair.primary, MariaDB):
        before, after = "ENGINE = MEMORY, MODIFY text varchar(50)", "ENGINE = InnoDB"
    pair.execute(f"ALTER TABLE notes_audit {before}")
    pair.replica.wait_until_caught_up()
    yield
    pair.execute(f"ALTER TABLE notes_audit {after}")


@on_each_database
def test_a_model_whose_rows_the_replica_does_not_keep_is_warned_of(apart, settings):
    def models() -> list[object]:
        return [each.obj for each in check_databases(["replica1"]) if each.id == "pinning.W019"]

    assert models() == [Audit]
    settings.PINNING = {**settings.PINNING, "PRIMARY_MODELS": ["notes.Audit"]}
    assert models() == []


@pytest.mark.parametrize("vendor", ["mariadb"], indirect=True)
def test_no_table_is_missed_where_the_server_cuts_texts_off(pair, apart):
    pair.replica.execute("SET GLOBAL group_concat_max_len = 4")
    connections["replica1"].close()
    try:
        messages = check_databases(["replica1"])
    finally:
        pair.replica.execute("SET GLOBAL group_concat_max_len = DEFAULT")
        connections["replica1"].close()
    assert [each.obj for each in messages if each.id == "pinning.W019"] == [Audit]
