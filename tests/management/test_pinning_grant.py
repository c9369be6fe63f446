"""What the command prints and refuses. tests/live/test_grant.py runs it on real servers."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from tests.live.conftest import completed


@pytest.fixture
def users(monkeypatch, settings):
    """Aliases of PostgreSQL with such users. Nothing connects."""
    settings.PINNING = {"REPLICAS": {"default": ["replica1", "replica2"]}}
    before = {alias: connections[alias] for alias in ("default", "replica1", "replica2")}

    def users(**named):
        for alias in before:
            user = {"NAME": "site", "USER": named.get(alias, "")}
            connections[alias] = DatabaseWrapper(completed(user), alias=alias)

    yield users
    for alias, connection in before.items():
        connections[alias] = connection


def printed(capsys, **options):
    call_command("pinning_grant", **options)
    return capsys.readouterr().out


def test_one_transaction_is_printed_for_the_users_of_the_replicas(users, capsys):
    users(default="owner", replica1="reader", replica2='od"d')
    sql = printed(capsys)
    assert sql.startswith("BEGIN;\n")
    assert sql.endswith("COMMIT;\n")
    for role in ('"reader"', '"od""d"'):
        assert f"GRANT EXECUTE ON FUNCTION pinning.wal_receiver() TO {role};" in sql
    assert "owner" not in sql.replace("nspowner", "")


def test_or_for_those_that_are_named(users, capsys):
    users(replica1="reader", replica2="reader")
    sql = printed(capsys, roles=["web", "worker"])
    assert 'TO "web";' in sql
    assert 'TO "worker";' in sql
    assert "reader" not in sql


def test_it_is_never_guessed_who_may(users):
    users(replica1="reader")
    with pytest.raises(CommandError, match="name the role with --role"):
        call_command("pinning_grant")


@pytest.mark.parametrize("alias", ["replica1", "other"])
def test_only_a_primary_is_taken(users, alias):
    users(replica1="reader", replica2="reader")
    with pytest.raises(CommandError, match=f"'{alias}' is not the primary"):
        call_command("pinning_grant", database=alias)


def test_a_database_whose_positions_everybody_may_see_needs_nothing(settings, capsys):
    settings.PINNING = {"REPLICAS": {"default": ["replica1"]}}
    call_command("pinning_grant", roles=["web"])
    told = capsys.readouterr()
    assert told.out == ""
    assert "SQLite needs none" in told.err
