"""What counts as a write, for whom, and from when."""

import contextlib

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from pinning import Reason, current_scope, mark_written, scope
from pinning.conf.clusters import clusters
from pinning.databases import VENDORS, is_in_transaction, isolation, state_of
from pinning.databases.base import Positions
from pinning.exceptions import UnknownClusterError
from pinning.pins.pin import HELD, Position
from pinning.reads.decision import decide
from pinning.reads.rerun import Rerunner
from pinning.scopes import Transaction, transaction_of
from pinning.scopes.scope import Scope
from pinning.writes.recorder import Recorder, recorder_of
from tests.notes.models import Audit, Note, Tag

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class Rollback(Exception):
    """Ends a transaction."""


def has_written() -> bool:
    return current_scope().has_written("default")


def reason() -> Reason:
    return decide(clusters().named("default"), Note, None, current_scope())[1]


def test_a_statement_on_its_own_counts_at_once():
    with scope():
        Note.objects.create(text="new")
        assert has_written()


@pytest.mark.parametrize(
    "write",
    [
        lambda: Note.objects.using("default").update(text="newer"),
        lambda: Note.objects.using("default").create(text="newer"),
        lambda: Note.objects.using("default").bulk_create([Note(text="newer")]),
        lambda: Note(text="newer").save(using="default"),
        lambda: Note.objects.first().delete(using="default"),
        lambda: Note.objects.all()._raw_delete("default"),
        lambda: connection.cursor().execute("UPDATE notes_note SET text = 'newer'"),
        lambda: connection.cursor().executemany(
            "UPDATE notes_note SET text = %s", [["newer"], ["newest"]]
        ),
    ],
)
def test_writes_that_ask_no_router_count(write):
    Note.objects.create(text="new")
    with scope():
        write()
        assert has_written()


def test_a_transaction_counts_when_it_commits():
    with scope():
        with transaction.atomic():
            Note.objects.create(text="new")
            assert not has_written()
        assert has_written()


def test_a_rolled_back_transaction_does_not_count():
    with scope():
        with contextlib.suppress(Rollback), transaction.atomic():
            Note.objects.create(text="new")
            raise Rollback
        assert not has_written()
        assert reason() == Reason.REPLICA


def test_set_rollback_does_not_count():
    with scope():
        with transaction.atomic():
            Note.objects.create(text="new")
            transaction.set_rollback(True)
        assert not has_written()


def test_a_rolled_back_savepoint_does_not_count():
    with scope():
        with transaction.atomic():
            with contextlib.suppress(Rollback), transaction.atomic():
                Note.objects.create(text="new")
                raise Rollback
        assert not has_written()


def test_a_write_beside_a_rolled_back_savepoint_counts():
    with scope():
        with transaction.atomic():
            Note.objects.create(text="stays")
            with contextlib.suppress(Rollback), transaction.atomic():
                Note.objects.create(text="goes")
                raise Rollback
        assert has_written()


def test_a_write_in_a_released_savepoint_of_a_rolled_back_one_does_not_count():
    with scope():
        with transaction.atomic():
            with contextlib.suppress(Rollback), transaction.atomic():
                with transaction.atomic():
                    Note.objects.create(text="new")
                raise Rollback
        assert not has_written()


@pytest.mark.parametrize("is_inside", [True, False], ids=["inside", "after"])
def test_a_write_counts_where_savepoints_are_numbered_anew(is_inside):
    """Django's ``clean_savepoints`` gives the name of one to another."""
    transaction.clean_savepoints()
    assert connections["default"].savepoint_state == 0
    with scope(), transaction.atomic():
        with transaction.atomic():
            Note.objects.create(text="stays")
            if is_inside:
                transaction.clean_savepoints()
                with contextlib.suppress(Rollback), transaction.atomic():
                    raise Rollback
        transaction.clean_savepoints()
        with contextlib.suppress(Rollback), transaction.atomic():
            raise Rollback
        assert transaction_of(connections["default"]).has_written()


def test_many_savepoints_cost_no_memory():
    with scope(), transaction.atomic():
        for number in range(100):
            with transaction.atomic():
                Tag.objects.create(name=str(number))
        assert len(transaction_of(connections["default"])._writers) <= 2


def test_a_write_costs_no_more_after_many_scopes_in_one_transaction():
    compared = []

    class Savepoints(frozenset):
        def __le__(self, other):
            compared.append(other)
            return frozenset.__le__(self, other)

    open_, scopes = Transaction(), [Scope() for _ in range(100)]
    for each in scopes:
        open_.note(each, Savepoints(), None)
    assert len(compared) <= 100
    assert list(open_.listeners(None)) == scopes


def test_a_read_in_an_on_commit_callback_registered_before_the_write_goes_to_the_primary():
    reasons = []
    with scope(), transaction.atomic():
        transaction.on_commit(lambda: reasons.append(reason()))
        Note.objects.create(text="new")
    assert reasons == [Reason.WRITTEN]


def test_a_write_under_manual_transactions_counts_when_it_is_committed():
    with scope():
        transaction.set_autocommit(False)
        try:
            Note.objects.create(text="new")
            assert not has_written()
            transaction.commit()
            assert has_written()
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)


def test_a_write_under_manual_transactions_that_is_rolled_back_does_not_count():
    with scope():
        transaction.set_autocommit(False)
        try:
            Note.objects.create(text="new")
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)
        assert not has_written()


def test_switching_autocommit_on_commits_what_is_open():
    with scope():
        transaction.set_autocommit(False)
        Note.objects.create(text="new")
        transaction.set_autocommit(True)
        assert Note.objects.using("default").count() == 1
        assert has_written()


def test_a_transaction_lost_with_its_connection_does_not_count():
    with scope():
        with contextlib.suppress(Exception), transaction.atomic():
            Note.objects.create(text="new")
            connections["default"].close()
            raise Rollback
        with transaction.atomic():
            list(Note.objects.all())
        assert not has_written()


def test_a_refused_statement_does_not_count():
    Tag.objects.create(name="red")
    with scope():
        with pytest.raises(IntegrityError):
            Tag.objects.bulk_create([Tag(name="red")])
        with connection.cursor() as cursor, pytest.raises(IntegrityError):
            cursor.execute("INSERT INTO notes_tag (name) VALUES ('red')")
        assert not has_written()


def test_one_of_many_that_is_refused_counts_for_those_before_it():
    with scope():
        with connection.cursor() as cursor, pytest.raises(IntegrityError):
            cursor.executemany("INSERT INTO notes_tag (name) VALUES (%s)", [["red"], ["red"]])
        assert Tag.objects.using("default").count() == 1
        assert has_written()


def test_a_statement_that_is_wrong_does_not_count():
    with scope():
        with connection.cursor() as cursor, pytest.raises(OperationalError):
            cursor.execute("SELECT 1 FROM nowhere")
        assert not has_written()


@pytest.mark.parametrize(
    ("error", "counts"),
    [(OperationalError, True), (DataError, False), (ProgrammingError, False), (KeyError, True)],
)
def test_a_statement_whose_end_is_unknown_counts(error, counts):
    def lose(execute, sql, *args):
        execute(sql, *args)
        raise error("lost")

    with scope():
        with connections["default"].execute_wrapper(lose), pytest.raises(error):
            Note.objects.filter(pk=1).update(text="new")
        assert has_written() is counts


def test_a_commit_whose_end_is_unknown_counts():
    class Lossy:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def commit(self):
            self.inner.commit()
            raise OperationalError("lost")

    with scope():
        inner = connections["default"].connection
        with pytest.raises(OperationalError), transaction.atomic():
            Note.objects.create(text="new")
            inner = connections["default"].connection
            connections["default"].connection = Lossy(inner)
        connections["default"].connection = inner
        assert has_written()


def test_a_deferred_constraint_that_fails_at_commit_does_not_count():
    with scope():
        with pytest.raises(IntegrityError), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA defer_foreign_keys = ON")
                cursor.execute("INSERT INTO notes_attachment (name, note_id) VALUES ('a', 99)")
        assert not has_written()


def test_a_raw_commit_counts_what_was_pending():
    with scope():
        with contextlib.suppress(Exception), transaction.atomic():
            Note.objects.create(text="new")
            connection.cursor().execute("COMMIT")
            raise Rollback
        assert has_written()


def test_reads_do_not_count():
    with scope():
        list(Note.objects.using("default").all())
        Note.objects.using("default").explain()
        assert not has_written()


def test_a_write_to_a_primary_model_pins(settings):
    settings.PINNING = {**settings.PINNING, "PRIMARY_MODELS": ["notes.Audit"]}
    with scope():
        Audit.objects.create(text="seen")
        assert has_written()


@pytest.mark.parametrize("label", ["notes.Audit", "notes.audit"])
def test_a_write_to_an_unpinned_model_pins_nobody(settings, label):
    settings.PINNING = {**settings.PINNING, "UNPINNED_MODELS": [label]}
    with scope():
        audit = Audit.objects.create(text="seen")
        audit.text = "seen again"
        audit.save()
        audit.delete()
        assert not has_written()
        Note.objects.create(text="new")
        assert has_written()


def test_raw_sql_that_plainly_writes_to_an_unpinned_model_pins_nobody(settings):
    settings.PINNING = {**settings.PINNING, "UNPINNED_MODELS": ["notes.Audit"]}
    with scope(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO notes_audit (text) VALUES ('seen')")
        assert not has_written()
        cursor.execute("WITH new AS (SELECT 1) INSERT INTO notes_audit (text) VALUES ('seen')")
        assert has_written()


@pytest.fixture
def database_cache(settings):
    backend = "django.core.cache.backends.db.DatabaseCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "cache_table"}}
    call_command("createcachetable")
    yield
    connection.cursor().execute("DROP TABLE cache_table")


def test_a_write_to_the_database_cache_pins_nobody(database_cache):
    with scope():
        cache.add("key", 1)
        cache.incr("key")
        cache.touch("key")
        cache.get("key")
        cache.delete("key")
        cache.clear()
        assert not has_written()


def test_the_location_of_another_cache_is_no_table(settings):
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "notes_note"}}
    with scope():
        Note.objects.create(text="new")
        assert has_written()


def test_a_write_outside_any_scope_is_nobodys():
    Note.objects.create(text="new")
    with scope():
        assert not has_written()


def test_a_write_in_an_inner_scope_counts_for_the_outer_one():
    with scope() as outer:
        with scope():
            Note.objects.create(text="new")
        assert outer.has_written("default")


def test_an_inner_scope_knows_what_the_outer_one_wrote():
    with scope():
        Note.objects.create(text="new")
        with scope():
            assert reason() == Reason.WRITTEN


def test_an_inner_scope_that_ends_before_the_commit_leaves_the_write_to_the_outer_one():
    with scope() as outer:
        with transaction.atomic(), scope():
            Note.objects.create(text="new")
        assert outer.has_written("default")


def test_mark_written_counts_what_no_wrapper_sees():
    with scope():
        mark_written()
        assert has_written()


def test_mark_written_in_a_transaction_counts_when_that_commits():
    with scope():
        with transaction.atomic():
            mark_written()
            assert not has_written()
        assert has_written()
        assert current_scope().take_pins().of("default")


def test_mark_written_takes_a_replica_for_its_cluster():
    with scope():
        mark_written("replica1")
        assert has_written()


def test_mark_written_of_an_unknown_cluster_says_which_there_are():
    with scope(), pytest.raises(UnknownClusterError, match="'nowhere'.*default"):
        mark_written("nowhere")


def pass_on(execute, *args):
    return execute(*args)


def test_a_write_is_noted_once_however_often_the_connection_is_opened(monkeypatch):
    wrapped = connections["default"]
    for _ in range(2):
        wrapped.close()
        wrapped.connect()
    noted = []
    monkeypatch.setattr(Recorder, "note", lambda self, scope, write: noted.append(self))
    Note.objects.create(text="new")
    assert noted == [recorder_of(wrapped)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda connection: connection.execute_wrappers.clear(),
        lambda connection: connection.execute_wrappers.pop(),
        lambda connection: setattr(connection, "execute_wrappers", []),
    ],
)
@pytest.mark.parametrize("method", ["execute", "executemany"])
def test_a_write_is_seen_whatever_others_do_to_the_execute_wrappers(spoil, method):
    wrapped = connections["default"]
    sql, params = "INSERT INTO notes_note (text) VALUES (%s)", ["new"]
    wrapped.execute_wrappers.append(pass_on)
    spoil(wrapped)
    with scope(), wrapped.cursor() as cursor:
        getattr(cursor, method)(sql, params if method == "execute" else [params])
        assert has_written()


def test_a_write_is_seen_while_queries_are_logged():
    wrapped = connections["default"]
    with scope(), CaptureQueriesContext(wrapped) as queries:
        Note.objects.create(text="new")
        assert has_written()
    assert len(queries) == 1


def test_the_connection_s_execute_wrappers_are_its_owner_s():
    seen = []

    def look(execute, sql, params, many, context):
        seen.append((sql, context["connection"], type(context["cursor"]).__name__))
        return execute(sql, params, many, context)

    wrapped = connections["default"]
    assert wrapped.execute_wrappers == []
    with wrapped.execute_wrapper(look), wrapped.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert seen == [("SELECT 1", wrapped, "CursorWrapper")]
    assert wrapped.execute_wrappers == []


def test_a_cursor_of_another_package_s_class_is_watched():
    """Built from the class of Django's cursor, as debugging tools do."""
    wrapped = connections["default"]
    with wrapped.cursor() as cursor:
        kind = type("Logging", (type(cursor),), {})
    with scope(), kind(wrapped.connection.cursor(), wrapped) as cursor:
        cursor.execute("DELETE FROM notes_note")
        assert has_written()


def test_what_an_execute_wrapper_refuses_has_an_unknown_outcome():
    """The wrapper may have sent it."""

    def refuse(*_):
        raise RuntimeError

    with scope(), connection.execute_wrapper(refuse):
        with pytest.raises(RuntimeError):
            Note.objects.create(text="new")
        assert has_written()


def test_writes_leave_the_log_of_queries_alone():
    with CaptureQueriesContext(connections["default"]) as queries, scope() as work:
        Note.objects.create(text="new")
        work.take_pins()
    assert len(queries) == 1


def test_each_pin_is_taken_once():
    with scope() as work:
        assert not work.take_pins()
        Note.objects.create(text="new")
        assert len(work.take_pins()) == 1
        assert not work.take_pins()
        Note.objects.create(text="newer")
        assert len(work.take_pins()) == 1


def test_a_position_belongs_to_the_commit_that_it_came_with():
    """A later one that says nothing, by a statement that commits by the way say, has none."""
    recorder = recorder_of(connections["default"])
    heard = []

    class Ear(Scope):
        def wrote(self, cluster, position=None, session=None, writes=()):
            heard.append(position)

    position = Position(places={"7.1": 5}, clock=0.0)
    recorder._told = position
    for _ in range(2):
        transaction_of(connections["default"]).note(Ear(), frozenset(), None)
        recorder._after_commit()
    assert heard == [position, None]


def test_a_connection_that_a_test_makes_a_primary_s_is_watched_from_then_on():
    elsewhere = connections["elsewhere"]
    elsewhere.ensure_connection()
    with override_settings(PINNING={"REPLICAS": {"default": [], "elsewhere": []}}):
        with scope() as work:
            Note.objects.using("elsewhere").create(text="new")
        assert work.has_written("elsewhere")


def test_a_replica_that_a_test_makes_a_primary_is_watched_as_one():
    replica = connections["replica1"]
    replica.close()
    replica.connect()
    with override_settings(PINNING={"REPLICAS": {"replica1": ["default"]}}):
        assert isinstance(state_of(replica).watcher, Recorder)
        replica.close()
    replica.connect()
    assert isinstance(state_of(replica).watcher, Rerunner)


def test_a_transaction_that_is_begun_twice_keeps_what_was_written():
    with scope():
        transaction.set_autocommit(False)
        try:
            Note.objects.create(text="new")
            transaction.set_autocommit(False)
            transaction.commit()
        finally:
            transaction.set_autocommit(True)
        assert has_written()


class Log(Positions):
    """A primary's log that is as far as the test says."""

    place = 10

    def of_primary(self, connection):
        return Position(places={"1": self.place}, clock=1000.0)

    def of_replica(self, connection):
        return Position(places={"1": 0}, clock=1000.0)


@pytest.fixture
def log(monkeypatch):
    log = Log()
    monkeypatch.setitem(VENDORS, "sqlite", log)
    return log


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


INSERT = "INSERT INTO notes_tag (name) VALUES ('red')"


@pytest.mark.parametrize(
    "begun",
    [
        ["BEGIN", INSERT],
        ["BEGIN IMMEDIATE", "SAVEPOINT a", INSERT, "ROLLBACK TO a", INSERT],
        ["BEGIN", "CREATE TABLE extra (id int)", "DROP TABLE extra", INSERT],
    ],
)
@pytest.mark.parametrize("end", ["COMMIT", "END", "commit -- done"])
def test_a_pin_of_a_transaction_in_raw_sql_has_no_position_before_the_commit(log, begun, end):
    with scope() as work:
        execute(*begun)
        assert [pin.timeline for pin in work.take_pins()] == [HELD]
        assert [pin.timeline for pin in work.pins_of_writes("default")] == [HELD]
        log.place = 20
        execute(end)
        assert [pin.position for pin in work.take_pins()] == [20]


def test_a_commit_is_held_while_another_transaction_in_raw_sql_is_open(log):
    """Replicas may lag by more than WINDOW."""
    with scope() as work:
        execute(INSERT, "BEGIN", "SELECT 1")
        assert [pin.timeline for pin in work.take_pins()] == [HELD]
        execute("ROLLBACK")


def test_what_may_have_committed_counts_at_once_and_again_at_the_commit():
    """So long a text is not looked at. It may have been several statements."""
    with scope() as work:
        with transaction.atomic():
            execute(f"INSERT INTO notes_tag (name) VALUES ('{';' * 1_000_000}')")
            assert has_written()
            latest = work.work("default").written.latest()
        assert work.work("default").written.latest() is not latest


def test_django_may_end_a_transaction_in_raw_sql(log):
    with scope() as work:
        execute("BEGIN", INSERT)
        work.take_pins()
        connection.commit()
        assert [pin.position for pin in work.take_pins()] == [10]


def test_a_transaction_in_raw_sql_that_is_rolled_back_is_over(log):
    with scope() as work:
        execute("BEGIN", INSERT, "ROLLBACK", INSERT)
        assert [pin.position for pin in work.take_pins()] == [10]


def test_from_a_transaction_in_raw_sql_on_reads_go_to_the_primary():
    """It may have locked what it read, and look now whether to go on."""
    with scope():
        execute("BEGIN")
        assert reason() == Reason.LOCKED
        execute("COMMIT")
        assert reason() == Reason.LOCKED


def test_one_that_was_begun_before_the_scope_binds_it_too():
    execute("BEGIN", INSERT)
    with scope():
        assert reason() == Reason.LOCKED
        with scope():
            assert reason() == Reason.LOCKED
    execute("COMMIT")
    with scope():
        assert reason() == Reason.REPLICA


def test_a_transaction_of_django_s_is_none_of_raw_sql():
    with scope():
        with transaction.atomic():
            pass
        assert reason() == Reason.REPLICA
        assert not is_in_transaction(connections["default"])


def test_a_write_that_nobody_saw_says_nothing_of_later_transactions():
    with scope():
        with transaction.atomic():
            mark_written()
            assert not transaction_of(connections["default"]).is_seen
        with transaction.atomic():
            Note.objects.create(text="new")
            assert transaction_of(connections["default"]).is_seen


def test_after_a_conflict_reads_go_to_the_primary():
    """Another has written the row that is in the way, and the code looks for it now."""
    Tag.objects.create(pk=5, name="red")
    with scope():
        assert reason() == Reason.REPLICA
        with pytest.raises(IntegrityError), transaction.atomic():
            Tag.objects.create(pk=5, name="blue")
        assert reason() == Reason.LOCKED


def begin_by_hand():
    connection.set_autocommit(False)


def begin_by_sql():
    execute("BEGIN")


def commit_by_hand():
    connection.commit()
    connection.set_autocommit(True)


def commit_by_sql():
    execute("COMMIT")


@pytest.mark.parametrize(
    ("begin", "commit"), [(begin_by_hand, commit_by_hand), (begin_by_sql, commit_by_sql)]
)
class TestATransactionThatWasBegunBeforeTheScope:
    """Whoever commits it knows what was written, and may tell the user."""

    def test_pins_the_scope_that_commits_it(self, log, begin, commit):
        begin()
        execute(INSERT)
        with scope() as outer, scope() as work:
            assert not work.has_written("default")
            commit()
            assert [pin.position for pin in work.take_pins()] == [10]
            assert [pin.position for pin in outer.take_pins()] == [10]

    def test_pins_it_also_if_an_earlier_scope_has_written(self, log, begin, commit):
        begin()
        with scope():
            execute(INSERT)
        with scope() as work:
            commit()
            assert [pin.position for pin in work.take_pins()] == [10]

    def test_pins_nobody_if_that_is_rolled_back(self, begin, commit):
        begin()
        execute(INSERT)
        connection.rollback()
        connection.set_autocommit(True)
        begin()
        with scope():
            commit()
            assert not has_written()

    def test_pins_nobody_by_a_commit_outside_of_scopes(self, begin, commit):
        begin()
        execute(INSERT)
        commit()
        with scope():
            assert not has_written()


class Unseen:
    """A parameter of a hundred megabytes, say."""

    def __repr__(self) -> str:
        raise AssertionError


@pytest.mark.parametrize("params", [[Unseen()], {"a": Unseen()}, iter([1]), None])
def test_parameters_that_are_no_text_are_not_written_out_to_look_for_an_isolation_level(params):
    assert not isolation.note_statement(connection, "SELECT f(%s)", params)


@pytest.mark.parametrize("params", [["ISOLATION", 1], {"a": "x.isolation"}, [("isolation",)]])
def test_an_isolation_level_among_the_parameters_is_seen(params):
    with scope():
        assert isolation.note_statement(connection, "SELECT set_config(%s)", params)
    connection.close()
