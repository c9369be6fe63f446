"""A pin is no further in the log than its write needs, and never before it, on a real server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection, connections, transaction

from pinning import in_scope, mark_written, scope
from pinning.databases import VENDORS, of_log, of_primary, of_replica
from pinning.databases.log import end_of_record
from pinning.databases.state import known_for_connection
from tests.live.site.pair import DATABASE, Pair
from tests.live.site.reaching import STALL_SECONDS, wait_until_reached
from tests.notes.models import Note

TRIGGER = """
CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM set_config('synchronous_commit', 'off', true); RETURN NEW; END$$;
CREATE TRIGGER later BEFORE INSERT ON notes_note FOR EACH ROW EXECUTE FUNCTION later()
"""

COMPOSED = """
CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN EXECUTE 'SET LOCAL synchronous' || '_commit = off'; RETURN NEW; END$$;
CREATE TRIGGER later BEFORE INSERT ON notes_note FOR EACH ROW EXECUTE FUNCTION later()
"""

OFF = "set_config('synchronous' || '_commit', 'off', true)"
BY_XML = f"query_to_xml($$SELECT {OFF}$$, true, true, '')"

CONDITION = f"""
CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER later BEFORE INSERT ON notes_note FOR EACH ROW
WHEN ({OFF} = 'off') EXECUTE FUNCTION later()
"""

DOMAIN = f"""
CREATE DOMAIN later AS integer CHECK ({OFF} = 'off');
ALTER TABLE notes_note ADD later later DEFAULT 1
"""

DOMAIN_DEFAULT = f"""
CREATE DOMAIN later AS text DEFAULT {OFF};
ALTER TABLE notes_note ADD later later
"""

HIDDEN = [
    TRIGGER,
    COMPOSED,
    CONDITION,
    DOMAIN,
    DOMAIN_DEFAULT,
    f"ALTER TABLE notes_note ADD later text DEFAULT {OFF}",
    f"ALTER TABLE notes_note ADD later text DEFAULT ({BY_XML})::text",
    f"ALTER TABLE notes_note ADD CONSTRAINT later CHECK ({OFF} = 'off')",
    f"CREATE RULE later AS ON INSERT TO notes_note DO ALSO "
    f"INSERT INTO notes_tag (name) SELECT {OFF} || random()",
    "ALTER ROLE CURRENT_USER SET synchronous_commit = off",
]


@pytest.fixture(autouse=True)
def clean(pair_here: Pair) -> Iterator[None]:
    yield
    pair_here.execute("ALTER TABLE notes_note DROP COLUMN IF EXISTS later")
    pair_here.execute("ALTER TABLE notes_note DROP CONSTRAINT IF EXISTS later")
    pair_here.execute("DROP POLICY IF EXISTS later ON notes_note")
    pair_here.execute("DROP RULE IF EXISTS later ON notes_note")
    pair_here.execute("DROP FUNCTION IF EXISTS later CASCADE")
    pair_here.execute("DROP DOMAIN IF EXISTS later CASCADE")
    pair_here.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def insert() -> None:
    Note.objects.create(text="new")


def off_for_the_session() -> None:
    run("SET synchronous_commit = off")
    insert()


def off_and_on_again() -> None:
    run("SET synchronous_commit TO off")
    insert()
    run("RESET synchronous_commit")


def off_by_a_function() -> None:
    run("SELECT set_config('synchronous_commit', 'off', false)")
    insert()


def off_for_the_transaction() -> None:
    with transaction.atomic():
        run("SET LOCAL Synchronous_Commit = off")
        insert()


def off_in_another_thread() -> None:
    def write() -> None:
        off_for_the_session()
        connections.close_all()

    thread = threading.Thread(target=in_scope(write))
    thread.start()
    thread.join()


def off_in_another_session() -> None:
    with connections["default"].copy().cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("INSERT INTO notes_note (text) VALUES ('new')")
        cursor.db.close()
    mark_written()


WAYS = [
    off_for_the_session,
    off_and_on_again,
    off_by_a_function,
    off_for_the_transaction,
    off_in_another_thread,
    off_in_another_session,
]


def covers(pair: Pair, write: Callable[[], None]) -> bool:
    """Whether the pin of ``write`` is at or past all that was in the log right after it."""
    with scope() as work:
        write()
        lsn = pair.primary.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")[0][0]
        (pin,) = work.take_pins()
    return pin.position >= end_of_record(lsn, page=8192, segment=16 * 2**20)


def are_covered(pair: Pair, write: Callable[[], None]) -> bool:
    """Whether that holds again and again. Once the server itself may add to the log in between."""
    return [covers(pair, write) for _ in range(5)].count(True) >= 4


@pytest.mark.parametrize("is_atomic", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_commit_that_did_not_wait_is_covered(pair_here: Pair, way: Any, is_atomic: bool):
    def write() -> None:
        with transaction.atomic() if is_atomic else nullcontext():
            way()

    insert()  # what is known of the connection by now is that its commits wait
    assert are_covered(pair_here, write)


@pytest.mark.parametrize("is_atomic", [False, True])
@pytest.mark.parametrize("how", HIDDEN)
def test_so_is_one_whose_text_does_not_tell(pair_here: Pair, how: str, is_atomic: bool):
    def write() -> None:
        with transaction.atomic() if is_atomic else nullcontext():
            insert()

    pair_here.execute(how)
    connections["default"].close()
    assert are_covered(pair_here, write)


@pytest.mark.parametrize("how", ["USING", "WITH CHECK"])
def test_so_may_one_under_a_policy_be(pair_here: Pair, how: str):
    """The tests' own role is above policies."""
    pair_here.execute(f"CREATE POLICY later ON notes_note {how} ({OFF} = 'off')")
    write_on_a_new_connection(is_atomic=True)
    assert may_defer()


def may_defer(alias: str = "default") -> bool | None:
    return known_for_connection(connections[alias]).may_defer


def write_on_a_new_connection(is_atomic: bool) -> str:
    """Write, and take a pin. The question for what the process does not know of the server."""
    connections["default"].close()
    question = VENDORS["postgresql"].code.missing(connections["default"])
    with scope() as work:
        with transaction.atomic() if is_atomic else nullcontext():
            insert()
        work.take_pins()
    return question


HARMLESS = "CREATE OR REPLACE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"


@pytest.mark.parametrize("is_atomic", [False, True])
def test_stored_code_is_looked_into_once_for_each_state_of_it(pair_here: Pair, is_atomic: bool):
    known = VENDORS["postgresql"].code.known
    known.clear()
    write_on_a_new_connection(is_atomic)
    assert (may_defer(), len(known)) == (False, 1)
    (state,) = known
    assert state in write_on_a_new_connection(is_atomic)
    assert (may_defer(), len(known)) == (False, 1)
    pair_here.execute(TRIGGER)
    write_on_a_new_connection(is_atomic)
    assert (may_defer(), len(known)) == (True, 2)
    pair_here.execute(f"DROP TRIGGER later ON notes_note; {HARMLESS}")
    write_on_a_new_connection(is_atomic)
    assert (may_defer(), len(known)) == (False, 3)


def test_nobody_else_looks_into_it(pair_here: Pair, connect: Any):
    of_replica(connections["replica1"])
    assert may_defer("replica1") is None
    for ask in (of_primary, of_log):
        connections["default"].close()
        ask(connections["default"])
        assert may_defer() is None
    run("SET statement_timeout = 5000")  # the insert position counts from now on
    insert_in_scope()
    assert may_defer() is None


def insert_in_scope() -> None:
    with scope() as work, transaction.atomic():
        insert()
    assert not work.pins_of_writes("default").of("default")[0].is_by_clock


@pytest.mark.parametrize("is_atomic", [False, True])
def test_what_others_have_not_committed_keeps_nobody_pinned(
    pair_here: Pair, connect: Any, is_atomic: bool
):
    """It is not flushed until somebody commits, which may take long on a quiet site."""
    replica = connect(pair_here.replica)
    with pair_here.primary.connect(DATABASE) as other, scope() as work:
        other.autocommit = False
        with transaction.atomic() if is_atomic else nullcontext():
            insert()
        other.execute("INSERT INTO notes_note (text) VALUES ('idle')")
        (pin,) = work.take_pins()
        assert wait_until_reached(replica, pin) < STALL_SECONDS
        other.rollback()
