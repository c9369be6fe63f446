"""Whoever locks and then looks whether to go on: one after the other, at any lag."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import Func, IntegerField, Value
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from pinning import Reason, read_connection, scope
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Note

pytestmark = on_each_database


def pay_once() -> None:
    if Note.objects.filter(text="paid").count() == 0:
        Note.objects.create(text="paid")


def pay(request: Any) -> HttpResponse:
    """A payment's return URL: whoever is first books it."""
    Note.objects.select_for_update().get(text="order")
    pay_once()
    return HttpResponse()


def lock_by_name(name: int = 7) -> str:
    by_vendor = {"postgresql": "pg_advisory_lock({})", "mysql": "GET_LOCK('{}', 5)"}
    return by_vendor[connection.vendor].format(name)


def unlock_by_name(name: int = 7) -> str:
    by_vendor = {"postgresql": "pg_advisory_unlock({})", "mysql": "RELEASE_LOCK('{}')"}
    return by_vendor[connection.vendor].format(name)


def unlock_all() -> str:
    by_vendor = {"postgresql": "pg_advisory_unlock_all()", "mysql": "RELEASE_ALL_LOCKS()"}
    return by_vendor[connection.vendor]


def select(call: str) -> Any:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT {call}")
        return cursor.fetchone()[0]


def pay_by_name(request: Any) -> HttpResponse:
    select(lock_by_name())
    pay_once()
    select(unlock_by_name())
    return HttpResponse()


def pay_raw(request: Any) -> HttpResponse:
    """What looks like a read is sent where reads go."""
    list(Note.objects.raw("SELECT * FROM notes_note WHERE text = 'order' FOR UPDATE"))
    pay_once()
    return HttpResponse()


def pay_raw_by_name(request: Any) -> HttpResponse:
    lock = lock_by_name()
    list(Note.objects.raw(f"SELECT *, {lock} AS locked FROM notes_note WHERE text = 'order'"))
    pay_once()
    select(unlock_by_name())
    return HttpResponse()


class Lock(Func):
    output_field = IntegerField()

    def as_postgresql(self, *args: Any, **more: Any) -> Any:
        template = "(%(function)s(%(expressions)s) IS NULL)::int"
        return self.as_sql(*args, **more, function="pg_advisory_lock", template=template)

    def as_mysql(self, *args: Any, **more: Any) -> Any:
        template = "%(function)s(concat(%(expressions)s), 5)"
        return self.as_sql(*args, **more, function="GET_LOCK", template=template)


def pay_annotated(request: Any) -> HttpResponse:
    list(Note.objects.filter(text="order").annotate(locked=Lock(Value(7))))
    pay_once()
    select(unlock_by_name())
    return HttpResponse()


def pay_on_a_read_connection(request: Any) -> HttpResponse:
    with read_connection().cursor() as cursor:
        cursor.execute(f"SELECT {lock_by_name()}")
        cursor.fetchall()
        pay_once()
        cursor.execute(f"SELECT {unlock_by_name()}")
    return HttpResponse()


WAYS = {
    "pay": pay,
    "pay-by-name": pay_by_name,
    "pay-raw": pay_raw,
    "pay-raw-by-name": pay_raw_by_name,
    "pay-annotated": pay_annotated,
    "pay-on-a-read-connection": pay_on_a_read_connection,
}
IN_A_TRANSACTION = {"pay", "pay-raw"}
urlpatterns = [path(name, view) for name, view in WAYS.items()]


@pytest.fixture(params=[True, False], ids=["atomic", "autocommit"])
def is_atomic(request: pytest.FixtureRequest, pair_here: Pair) -> Iterator[bool]:
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = request.param
    pair_here.execute("INSERT INTO notes_note (text) VALUES ('order')")
    pair_here.catch_up()
    with override_settings(ROOT_URLCONF=__name__):
        yield request.param


@pytest.mark.parametrize("way", WAYS)
def test_three_visitors_book_once(pair_here: Pair, is_atomic: bool, way: str):
    if way in IN_A_TRANSACTION and not is_atomic:
        pytest.skip("The lock is over with the statement; Django refuses select_for_update.")
    with pair_here.paused():
        for _ in range(3):
            assert Client().get(f"/{way}").status_code == 200
    assert pair_here.execute("SELECT count(*) FROM notes_note WHERE text = 'paid'")[0][0] == 1


@pytest.fixture
def pair_of_its_own(pair_here: Pair) -> Iterator[Pair]:
    """The pair in this process, with sessions that hold nothing."""
    connections["default"].close()
    yield pair_here
    connections["default"].close()


def reason_in_a_new_scope() -> Reason:
    """Why the first read of a scope goes where it goes. What it reads is up to date."""
    with scope() as work:
        work.trace = []
        Note.objects.count()
        return work.trace[0].reason


@pytest.fixture(params=["before", "in an earlier scope"])
def locked(request: pytest.FixtureRequest, pair_of_its_own: Pair) -> None:
    """A lock that is held as the scope opens."""
    if request.param == "before":
        select(lock_by_name())
    else:
        with scope():
            select(lock_by_name())


@pytest.mark.usefixtures("locked")
def test_a_lock_that_is_held_as_a_scope_opens_binds_it():
    for _ in range(2):
        assert reason_in_a_new_scope() is Reason.LOCKED


@pytest.mark.parametrize("statement", ["BEGIN", "START TRANSACTION"])
def test_a_scope_in_a_transaction_of_raw_sql_sees_what_that_wrote(
    pair_of_its_own: Pair, statement: str
):
    with pair_of_its_own.paused(), connections["default"].cursor() as cursor:
        cursor.execute(statement)
        cursor.execute("INSERT INTO notes_note (text) VALUES ('new')")
        with scope():
            assert Note.objects.count() == 1
        cursor.execute("ROLLBACK")
    assert reason_in_a_new_scope() is Reason.REPLICA


def test_a_transaction_that_begins_behind_a_routine_binds_a_later_scope(pair_of_its_own: Pair):
    if connection.vendor != "postgresql":
        pytest.skip("Its driver reads the answer of one statement.")
    with pair_of_its_own.paused(), connections["default"].cursor() as cursor:
        routine = "CREATE FUNCTION pg_temp.one() RETURNS int BEGIN ATOMIC SELECT 1; END"
        cursor.execute(f"{routine}; BEGIN")
        cursor.execute("INSERT INTO notes_note (text) VALUES ('new')")
        with scope():
            assert Note.objects.count() == 1
        cursor.execute("ROLLBACK")


@pytest.mark.parametrize("lock", ["LOCK TABLES notes_note WRITE", "LOCK TABLES notes_note READ"])
def test_tables_that_are_held_bind_later_scopes_until_they_are_unlocked(
    pair_of_its_own: Pair, lock: str
):
    if connection.vendor != "mysql":
        pytest.skip("PostgreSQL's LOCK is over with the transaction.")
    with scope(), connections["default"].cursor() as cursor:
        cursor.execute(lock)
    for _ in range(2):
        assert reason_in_a_new_scope() is Reason.LOCKED
    with scope() as work, connections["default"].cursor() as cursor:
        cursor.execute("UNLOCK TABLES")
        assert not work.has_written("default")
    assert reason_in_a_new_scope() is Reason.REPLICA


def test_what_is_written_after_sql_has_turned_autocommit_off_is_pinned_by_each_commit(
    pair_of_its_own: Pair,
):
    """A position from before the commit would be reached by replicas that do not have it."""
    if connection.vendor != "mysql":
        pytest.skip("PostgreSQL's server has no such setting.")
    with scope() as work, connections["default"].cursor() as cursor:
        cursor.execute("SET autocommit = 0")
        for end in ("COMMIT", "COMMIT", "SET autocommit = 1"):
            cursor.execute("INSERT INTO notes_note (text) VALUES ('new')")
            assert [pin.is_by_clock for pin in work.take_pins()] == [True]
            cursor.execute("SET @a = 1")
            cursor.execute(end)
            assert [pin.is_by_clock for pin in work.take_pins()] == [False]
    assert reason_in_a_new_scope() is not Reason.LOCKED


@pytest.mark.parametrize("reads_before", [False, True])
def test_what_was_read_under_a_lock_that_is_over_stays_read(
    pair_of_its_own: Pair, reads_before: bool
):
    pair_of_its_own.execute("INSERT INTO notes_note (text) VALUES ('order')")
    pair_of_its_own.catch_up()
    with pair_of_its_own.paused():
        pair_of_its_own.execute("UPDATE notes_note SET text = 'paid'")
        with scope():
            if reads_before:
                assert Note.objects.get().text == "order"
            with transaction.atomic():
                assert Note.objects.select_for_update().get().text == "paid"
            assert Note.objects.get().text == "paid"


def unlock_one() -> None:
    assert select(unlock_by_name())


def unlock_behind_a_comment() -> None:
    """As tracers make it."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"/* route='pay' */ SELECT {unlock_by_name()} /* trace='1' */")
        assert cursor.fetchone()[0]


def unlock_every_one() -> None:
    select(unlock_all())


def close() -> None:
    connections["default"].close()


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("unlock", [unlock_one, unlock_behind_a_comment, unlock_every_one, close])
def test_one_that_was_unlocked_does_not(unlock: Any):
    unlock()
    assert reason_in_a_new_scope() is Reason.REPLICA


@pytest.mark.usefixtures("locked")
def test_a_lock_has_to_be_unlocked_as_often_as_it_was_locked():
    select(lock_by_name())
    unlock_one()
    assert reason_in_a_new_scope() is Reason.LOCKED
    unlock_one()
    assert reason_in_a_new_scope() is Reason.REPLICA


@pytest.mark.usefixtures("locked")
def test_to_unlock_what_is_not_locked_unlocks_nothing():
    assert not select(unlock_by_name(8))
    assert reason_in_a_new_scope() is Reason.LOCKED


def test_a_lock_that_somebody_else_has_is_not_held(pair_of_its_own: Pair):
    own = connections["default"]
    other = own.copy()
    lock = {"postgresql": "pg_try_advisory_lock(7)", "mysql": "GET_LOCK('7', 0)"}[own.vendor]
    with other.cursor() as cursor:
        cursor.execute(f"SELECT {lock}")
    assert not select(lock)
    assert reason_in_a_new_scope() is Reason.REPLICA
    other.close()


def test_locks_of_many_rows_hold_until_all_are_unlocked(pair_of_its_own: Pair):
    pair_of_its_own.execute("INSERT INTO notes_note (text) VALUES ('a'), ('b')")
    with scope():
        list(Note.objects.annotate(locked=Lock(Value(7))))
    unlock_one()
    assert reason_in_a_new_scope() is Reason.LOCKED
    unlock_every_one()
    assert reason_in_a_new_scope() is Reason.REPLICA
