"""What statements do on real servers, against what is told from their text. A small proof."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases import statement_of
from pinning.testing.mariadb import MariaDB
from pinning.testing.postgres import Postgres
from proof.statements.__main__ import faulty
from proof.statements.servers import MariaDBSession, PostgresSession
from proof.statements.trial import Outcome, play
from tests.databases.orm import postgresql_querysets, querysets, texts_of
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.services import service

COUNT = 1000


@pytest.fixture(params=["postgresql", "mysql"])
def trial(request: pytest.FixtureRequest) -> Any:
    """Plays a small proof on a server of its own."""
    kinds = {"postgresql": (Postgres, PostgresSession), "mysql": (MariaDB, MariaDBSession)}
    kind, session = kinds[request.param]
    with service(kind.primary()) as server:

        def run(tell: Any) -> Outcome:
            tell = functools.partial(tell, vendor=request.param)
            return play(session, server, request.param, COUNT, 7, tell)

        yield run


def test_no_statement_does_more_than_its_text_tells(trial, figure):
    outcome = trial(statement_of)
    assert outcome.misses == []
    assert outcome.ran["run"] > COUNT / 10
    figure("Statements that ran and did no more than was told", outcome.ran["run"])


def test_a_classifier_that_has_forgotten_a_word_is_found_out(trial):
    assert trial(functools.partial(faulty, "nextval")).misses


@on_each_database
def test_what_the_orm_asks_is_a_query(pair: Pair, vendor: str, connect: Callable[..., Any]):
    connection: BaseDatabaseWrapper = connect(pair.primary)
    texts = texts_of(connection, querysets())
    if vendor == "postgresql":
        own = texts_of(connection, postgresql_querysets())
        assert len(own) > 50
        texts += own
    assert len(texts) > 300
    told = {sql: statement_of(sql, connection.vendor) for sql in texts}
    assert [sql for sql in texts if not told[sql].is_query or told[sql].locks] == []


@on_each_database
def test_what_django_asks_about_tables_is_a_query(
    pair: Pair, vendor: str, connect: Callable[..., Any]
):
    connection: BaseDatabaseWrapper = connect(pair.primary)
    connection.ensure_connection()
    seen: list[str] = []

    def note(execute: Any, sql: str, *others: Any) -> Any:
        seen.append(sql)
        return execute(sql, *others)

    with connection.execute_wrapper(note), connection.cursor() as cursor:
        look = connection.introspection
        for table in look.table_names(cursor, include_views=True):
            look.get_table_description(cursor, table)
            look.get_relations(cursor, table)
            look.get_constraints(cursor, table)
            look.get_sequences(cursor, table)
        connection.get_database_version()
    assert len(seen) > 10
    assert [sql for sql in seen if not statement_of(sql, connection.vendor).is_query] == []


@pytest.mark.parametrize("vendor", ["postgresql"], indirect=True)
def test_a_known_function_of_postgresql_changes_nothing(pair: Pair, vendor: str):
    """It is stable or immutable, or is known for something harmless."""
    from pinning.databases.functions import HARMLESS

    rows = pair.primary.execute(
        "SELECT DISTINCT proname FROM pg_catalog.pg_proc WHERE provolatile = 'v' AND prokind = 'f'"
        " AND pronamespace = 'pg_catalog'::regnamespace"
    )
    volatile = {name for (name,) in rows}
    assert volatile & HARMLESS == VOLATILE & volatile


@pytest.mark.parametrize("vendor", ["postgresql"], indirect=True)
def test_a_reserved_word_of_postgresql_is_the_name_of_no_function(pair: Pair, vendor: str):
    from pinning.databases.functions import RESERVED_ON

    rows = pair.primary.execute(
        "SELECT word FROM pg_catalog.pg_get_keywords() WHERE catcode IN ('R', 'C')"
    )
    assert RESERVED_ON["postgresql"] - {word for (word,) in rows} == set()


#: They tell the time, draw lots, wait, or tell of the server.
VOLATILE = {
    *(
        "clock_timestamp",
        "current_query",
        "gen_random_uuid",
        "random",
        "random_normal",
        "timeofday",
    ),
    *("pg_sleep", "pg_sleep_for", "pg_sleep_until", "uuidv4", "uuidv7", "array_sample"),
    *("pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn", "pg_current_wal_lsn"),
    *("pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp"),
    *("pg_is_in_recovery", "pg_is_wal_replay_paused", "pg_database_size", "pg_indexes_size"),
    *("pg_relation_size", "pg_table_size", "pg_tablespace_size", "pg_total_relation_size"),
    "array_shuffle",
}
