"""What PostgreSQL's session is free of after the transaction: lists of both sides."""

import pytest

from pinning.databases.passing import is_passing

PASSING = [
    "SET LOCAL lock_timeout = '1s'",
    "set local app.tenant to 7;",
    "SET LOCAL ROLE one",
    "SELECT set_config('app.tenant', %s, true)",
    "SELECT pg_catalog.set_config('app.a', '1', true), set_config('app.b', '2', true)",
    "SELECT pg_advisory_xact_lock(7)",
    "LOCK TABLE notes IN SHARE MODE",
    "SET CONSTRAINTS ALL DEFERRED",
    'SET CONSTRAINTS "a", public.b IMMEDIATE',
    "NOTIFY news",
    "NOTIFY news, 'it'",
    "SELECT pg_notify(%s, %s)",
    "TRUNCATE notes",
    'TRUNCATE TABLE ONLY "notes", public.tags RESTART IDENTITY CASCADE;',
    "ANALYZE",
    "ANALYZE VERBOSE notes",
    "CREATE TABLE notes (id int)",
    "CREATE UNLOGGED TABLE IF NOT EXISTS a.notes (id numeric(3) DEFAULT (1 + (2)), CHECK (id > 0))",
    "DROP TABLE IF EXISTS notes, tags CASCADE",
]
LASTING = [
    "SET lock_timeout = '1s'",
    "SET SESSION app.tenant = 7",
    # Where the log is after the commit depends on it
    "SET LOCAL synchronous_commit = off",
    "SET LOCAL Synchronous_Commit TO off",
    'SET LOCAL "synchronous_commit" = off',
    "SET LOCAL U&\"!0073ynchronous_commit\" UESCAPE '!' = off",
    "SET LOCAL/**/synchronous_commit = off",
    "SELECT set_config('synchronous_commit', 'off', true)",
    "SELECT set_config(%s, %s, true)",
    # It stays
    "SELECT set_config('app.tenant', '1', false)",
    "SELECT set_config('app.tenant', '1', %s)",
    "SELECT set_config('app.a', '1', true), set_config('app.b', '2', false)",
    "SELECT set_config('app.a', archive(), true)",
    "SELECT pg_advisory_lock(7)",
    "SET LOCAL app.a = 1; SET app.a = 2",
    "SET CONSTRAINTS ALL DEFERRED; SET app.a = 2",
    "LISTEN news",
    "CREATE TEMP TABLE notes (id int)",
    "CREATE TABLE pg_temp.notes (id int)",
    "DROP TABLE pg_temp.notes",
    "CREATE TABLE notes AS SELECT archive()",
    "CREATE TABLE notes (id) AS SELECT archive()",
    "CREATE TABLE notes (id) AS (SELECT archive())",
    "TRUNCATE notes; SET app.tenant = 1",
    "ANALYZE notes (text); SET app.tenant = 1",
    "LOCK TABLES notes READ",
    "SELECT pg_notify('news', archive())",
    "SELECT 1; SELECT 2",
]


@pytest.mark.parametrize("sql", PASSING)
def test_it_is_over_with_the_transaction(sql):
    assert is_passing(sql)


@pytest.mark.parametrize("sql", LASTING)
def test_it_may_last(sql):
    assert not is_passing(sql)
