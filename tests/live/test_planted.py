"""Functions, operators, types and views of the names in our SQL, planted in ``public``.

Who may create them there would have them called with the site's rights: CVE-2018-1058.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import databases
from pinning.databases import mysql, positions_of, postgresql, receiver, system
from tests.live.site.pair import Pair

TEXTS = {**vars(postgresql), **vars(receiver), **vars(system)}
SQL = "".join(text for name, text in TEXTS.items() if "SELECT" in str(text))

#: Signatures that match the arguments in our SQL better than those of pg_catalog do.
BETTER = (
    *("concat_ws(text, inet, text, numeric)", "concat_ws(text, inet, text, double precision)"),
    *("pg_has_role(text, text)", "quote_ident(name)", "aurora_version()"),
    *("extract(text, timestamptz)", "pg_size_bytes(character varying)"),
)

#: The types at both sides of each operator, and those that match better.
OPERATORS = (
    *(("-", "pg_lsn", "pg_lsn"), ("||", "text", "text"), ("+", "double precision", "integer")),
    *(("+", "double precision", "double precision"), ("=", "name", "text")),
    *((">", "integer", "integer"), (">=", "oid", "oid")),
)


def planted(pair: Pair) -> Iterator[str]:
    """What a role without any rights on the site's tables runs."""
    raising = "BEGIN RAISE EXCEPTION 'planted'; END"
    yield (
        "CREATE FUNCTION public.planted_type(pg_catalog.float8) RETURNS boolean "
        f"LANGUAGE plpgsql AS $${raising}$$"
    )
    of_pg_catalog = pair.primary.execute(
        "SELECT quote_ident(proname) || '(' || array_to_string(proargtypes::regtype[], ', ') || ')'"
        " FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f'"
        " AND proname = ANY(%s) AND NOT 'internal'::regtype = ANY(proargtypes)",
        [sorted({*re.findall(r"(\w+)\(", SQL)})],
    )
    for signature in [*BETTER, *(signature for (signature,) in of_pg_catalog)]:
        if '"any"' not in signature:
            yield (
                f"CREATE OR REPLACE FUNCTION public.{signature} RETURNS text "
                f"LANGUAGE plpgsql AS $${raising}$$"
            )
    for number, (operator, left, right) in enumerate(OPERATORS):
        yield (
            f"CREATE FUNCTION public.planted{number}({left}, {right}) RETURNS {left} "
            f"LANGUAGE plpgsql AS $${raising}$$"
        )
        yield (
            f"CREATE OPERATOR public.{operator} (FUNCTION = public.planted{number}, "
            f"LEFTARG = {left}, RIGHTARG = {right})"
        )
    yield "CREATE VIEW public.pg_stat_wal_receiver AS SELECT 66 AS received_tli, 66 AS pid"
    yield "CREATE DOMAIN public.float8 AS pg_catalog.float8 CHECK (public.planted_type(VALUE))"
    yield "CREATE DOMAIN public.int4 AS pg_catalog.int4 CHECK (1 / 0 = 1)"
    yield "CREATE DOMAIN public.pg_lsn AS pg_catalog.pg_lsn CHECK (1 / 0 = 1)"


@pytest.fixture(scope="module")
def field(session_pair: Pair) -> Iterator[str]:
    """A database in whose ``public`` somebody else has planted everything."""
    primary = session_pair.primary
    primary.create_database("field")
    primary.create_role("planter")
    primary.execute("GRANT planter TO postgres")
    primary.execute("GRANT ALL ON SCHEMA public TO planter", database="field")
    for statement in planted(session_pair):
        primary.execute(f"SET ROLE planter; {statement}", database="field")
    session_pair.replica.wait_until_caught_up()
    yield "field"
    primary.execute("DROP DATABASE field WITH (FORCE)")
    primary.execute("DROP ROLE planter")


@pytest.fixture(params=["", "public,pg_catalog"], ids=["default", "public first"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The search_path by which the site connects."""
    path = f"-c search_path={request.param}" if request.param else ""
    return {"options": path, "connect_timeout": 5}


@pytest.mark.parametrize("word", ["pg_control_system", "||", "concat_ws"])
def test_there_is_something_to_step_on(field, pair, word):
    """Else the tests below prove nothing."""
    told = pair.primary.execute(
        "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "UNION SELECT oprname::text FROM pg_operator WHERE oprnamespace = 'public'::regnamespace",
        database=field,
    )
    assert (word,) in told


def test_a_primary_is_asked_and_nothing_that_was_planted_runs(field, pair, connect, options):
    primary = connect(pair.primary, NAME=field, OPTIONS=options)
    (timeline,) = databases.of_primary(primary).places
    assert timeline.endswith(".1")
    assert databases.of_log(primary).places.keys() == {timeline}
    assert not positions_of(primary).is_standby(primary)
    assert positions_of(primary).facts(primary).missing is None


def test_nor_does_it_with_a_commit(field, pair, connect, options):
    primary = connect(pair.primary, NAME=field, OPTIONS=options)
    for _ in range(2):  # the first asks for the system as well
        primary.set_autocommit(False)
        with primary.cursor() as cursor:
            cursor.execute("SELECT 1")
        position = positions_of(primary).commit(primary)
        primary.set_autocommit(True)
        assert position is not None


def test_a_replica_is_asked_and_nothing_that_was_planted_runs(field, pair, connect, options):
    replica = connect(pair.replica, NAME=field, OPTIONS=options)
    position = databases.of_replica(replica)
    (timeline,) = position.places
    assert timeline.endswith(".1")
    assert position.server
    assert positions_of(replica).is_standby(replica)
    assert positions_of(replica).facts(replica).missing is None


def test_the_function_of_ours_is_made_and_called_and_nothing_that_was_planted_runs(
    field, pair, connect, options
):
    primary = connect(pair.primary, NAME=field, OPTIONS=options)
    with primary.cursor() as cursor:
        cursor.execute(positions_of(primary).installation(["planter"]))
    pair.replica.wait_until_caught_up()
    replica = connect(pair.replica, NAME=field, OPTIONS=options, USER="planter")
    (timeline,) = databases.of_replica(replica).places
    assert timeline.endswith(".1")
    assert positions_of(replica).facts(replica).missing is None


def test_the_database_with_the_planted_function_is_not_taken_for_aurora(
    field, pair, connect, options
):
    """The clock would decide there, for everybody."""
    primary: BaseDatabaseWrapper = connect(pair.primary, NAME=field, OPTIONS=options)
    assert databases.of_primary(primary) is not None


@pytest.mark.parametrize("vendor", ["mariadb"], indirect=True)
@pytest.mark.parametrize("mode", ["", "IGNORE_SPACE"])
def test_a_stored_function_of_mariadb_is_not_called_in_the_stead_of_a_built_in(pair, connect, mode):
    """Without its database's name in front, a built-in comes first: no blank is before ``(``."""
    texts = "".join(text for text in vars(mysql).values() if isinstance(text, str))
    names = set(re.findall(r"\b([A-Z_]{4,})\(", texts))
    assert {"CONCAT_WS", "UUID", "CONNECTION_ID", "RIGHT", "UTC_TIMESTAMP"} < names
    planted = "RETURNS INT DETERMINISTIC BEGIN SIGNAL SQLSTATE '45000'; RETURN 1; END"
    for name in names:
        pair.execute(f"CREATE FUNCTION `{name}`() {planted}")
    try:
        pair.replica.wait_until_caught_up()
        options = {"init_command": f"SET sql_mode = '{mode}'"}
        primary = connect(pair.primary, OPTIONS=options)
        replica = connect(pair.replica, OPTIONS=options)
        assert databases.of_primary(primary).places
        assert databases.of_replica(replica).server
        with replica.cursor() as cursor, pytest.raises(Error):
            cursor.execute("SELECT app.`UUID`()")
    finally:
        for name in names:
            pair.execute(f"DROP FUNCTION `{name}`")
