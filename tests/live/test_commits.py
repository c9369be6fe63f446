"""What a writing request pays for its position: round trips to a primary that is far away."""

import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext, suppress
from typing import Any

import pytest
from django.db import (
    Error,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)
from django.db.utils import load_backend

from pinning import carried, databases, scope
from pinning.pins import signing
from pinning.pins.pin import HELD, Pins
from tests.live.conftest import on_each_database
from tests.live.site.far import Far, through
from tests.live.site.pair import DATABASE, Pair
from tests.live.site.reaching import count, has_reached, wait_until_reached
from tests.notes.models import Attachment, Note, Tag

ONE_WAY_SECONDS = 0.01


@pytest.fixture
def far(pair: Pair, django_db_blocker: Any) -> Iterator[Far]:
    """Puts a connection to the primary, through a proxy, in the place of "default"."""
    before = connections["default"]
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        proxy = stack.enter_context(Far(int(pair.primary.port)))
        settings = through(proxy, {**before.settings_dict, **pair.primary.settings(DATABASE)})
        settings.update(TEST={}, CONN_MAX_AGE=None)
        backend = load_backend(settings["ENGINE"])
        connections["default"] = backend.DatabaseWrapper(settings, alias="default")
        yield proxy
        connections["default"].close()
        connections["default"] = before


def write(*, pins: bool = True, is_atomic: bool = True) -> tuple[Pins, float]:
    """Without pins it is outside every scope, as if there were no pinning."""
    begun = time.monotonic()
    taken = Pins()
    with scope() if pins else nullcontext() as work:
        with transaction.atomic() if is_atomic else nullcontext():
            Note.objects.create(text="far")
        if work is not None:
            taken = work.take_pins()
    return taken, time.monotonic() - begun


def round_trips(far: Far, **how: bool) -> int:
    before = far.round_trips
    write(**how)
    return far.round_trips - before


@on_each_database
def test_the_position_comes_with_the_commit(far: Far):
    write()
    assert round_trips(far, pins=True) == round_trips(far, pins=False)
    ((pin,), _) = write()
    now = databases.of_primary(connections["default"])
    assert 0 < pin.position <= now.places[pin.timeline]
    assert pin.written_at <= now.clock


@on_each_database
def test_on_a_new_connection_too(far: Far, vendor: str):
    write()  # what Django asks once for each server
    costs = []
    for pins in (False, True):
        connections["default"].close()
        time.sleep(0.1)  # its farewell is on the way
        costs.append(round_trips(far, pins=pins))
    asks = vendor == "mysql"  # whether it is Aurora, once for each connection
    assert costs[1] == costs[0] + asks, costs


def test_without_a_transaction_it_is_asked_for(far: Far):
    write(is_atomic=False)
    without = round_trips(far, pins=False, is_atomic=False)
    assert round_trips(far, pins=True, is_atomic=False) == without + 1


@on_each_database
def test_it_covers_the_commit(far: Far, pair: Pair, connect: Any):
    replica = connect(pair.replica)
    for number in range(1, 51):
        ((pin,), _) = write()
        wait_until_reached(replica, pin)
        assert count(replica) == number
    pair.replica.pause_replay()
    ((pin,), _) = write()
    assert not has_reached(replica, pin)


def test_a_commit_that_fails_raises_what_it_did_and_pins_nobody(far: Far):
    with scope() as work:
        with pytest.raises(IntegrityError), transaction.atomic():
            Attachment.objects.create(name="a", note_id=99)
        assert not work.has_unsaved_writes()
    assert Note.objects.count() == 0
    assert connections["default"].is_usable()


@pytest.mark.parametrize("question", ["SELECT 1/0", "SELECT 1 WHERE false"])
def test_a_question_that_fails_undoes_no_commit(far: Far, monkeypatch: Any, question: str):
    with scope() as work:
        with monkeypatch.context() as patch:
            patch.setattr("pinning.databases.postgresql._PRIMARY", question)
            with transaction.atomic():
                Note.objects.create(text="kept")
        (pin,) = work.take_pins()
        assert pin.position is not None  # asked for anew
    assert [note.text for note in Note.objects.all()] == ["kept"]


def test_a_write_without_a_position_has_it_asked_for_all(far: Far):
    with scope() as work:
        with transaction.atomic():
            Note.objects.create(text="told")
        Note.objects.create(text="not told")
        now = databases.of_primary(connections["default"])
        (pin,) = work.take_pins()
    assert pin.position >= now.places[pin.timeline]


def test_a_connection_that_breaks_in_the_commit_is_an_error_and_pins(far: Far, pair: Pair):
    with scope() as work:
        with pytest.raises(OperationalError), transaction.atomic():
            Note.objects.create(text="lost")
            pair.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
            )
        assert work.has_written("default")


@on_each_database
def test_the_time_it_takes(far: Far, vendor: str, figure: Callable[[str, object], None]):
    far.one_way_seconds = ONE_WAY_SECONDS
    write()
    rounds = [(write(pins=False)[1], write()[1], write(is_atomic=False)[1]) for _ in range(15)]
    without, told, asked = map(statistics.median, zip(*rounds, strict=True))
    share = (told - without) / (2 * ONE_WAY_SECONDS)
    figure(
        f"Position with the commit, {vendor}, round trip of 20 ms",
        f"{told * 1000:.1f} ms, without it {without * 1000:.1f} ms: {share:.1%} of a round trip "
        f"({asked * 1000:.1f} ms for an autocommitted write with a query)",
    )


@on_each_database
def test_a_signal_during_the_commit_leaves_the_connection_in_step(far: Far, vendor: str):
    """As Ctrl-C or a worker's time limit: raised when the driver's wait for COMMIT ends."""

    class TimeIsUp(Exception):
        pass

    def stop(*_: object) -> None:
        raise TimeIsUp

    write()
    far.one_way_seconds = 0.05
    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(BaseException), scope(), transaction.atomic():  # noqa: B017, PT011
            Note.objects.create(text="interrupted")
            signal.setitimer(signal.ITIMER_REAL, 0.03)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    far.one_way_seconds = 0
    if vendor == "postgresql":  # psycopg gives such a connection up, with us and without
        connections["default"].close()
    assert connections["default"].get_autocommit()
    Note.objects.create(text="after")
    connections["default"].close()
    assert Note.objects.filter(text="after").count() == 1


def test_a_question_in_a_transaction_by_hand_does_not_end_it(far: Far, monkeypatch: Any):
    monkeypatch.setattr("pinning.databases.postgresql._PRIMARY", "SELECT 1/0")
    connection = connections["default"]
    with scope():
        Note.objects.create(text="one")
        connection.set_autocommit(False)
        Note.objects.create(text="two")
        assert carried()
        connection.commit()
        assert not connection.autocommit
        connection.set_autocommit(True)
    assert Note.objects.count() == 2


@on_each_database
@pytest.mark.parametrize("begin", ["BEGIN", "START TRANSACTION"])
@pytest.mark.parametrize("is_carried", [True, False])
def test_a_transaction_in_raw_sql_pins_after_its_commit(
    far: Far, pair: Pair, connect: Any, begin: str, is_carried: bool
):
    replica = connect(pair.replica)
    with scope() as work:
        with connections["default"].cursor() as cursor:
            cursor.execute(begin)
            Note.objects.create(text="raw")
            if is_carried:
                assert all(pin.is_by_clock for pin in signing.unsign_carried(carried()))
            cursor.execute("COMMIT")
        (pin,) = work.take_pins()
    wait_until_reached(replica, pin)
    assert count(replica) == 1
    pair.replica.pause_replay()
    with scope() as work, connections["default"].cursor() as cursor:
        for statement in (begin, "DELETE FROM notes_note", "COMMIT"):
            cursor.execute(statement)
        (pin,) = work.take_pins()
    assert not has_reached(replica, pin)


WRITE = "INSERT INTO notes_note (text) VALUES ('raw')"


def is_open_on_server(connection: Any) -> bool:
    """Whether a transaction is, as the server says. The driver is asked, whom nobody watches."""
    if connection.vendor == "postgresql":
        return bool(connection.connection.info.transaction_status)
    with connection.connection.cursor() as cursor:
        if connection.mysql_is_mariadb:
            cursor.execute("SELECT @@in_transaction")
            return bool(cursor.fetchone()[0])
        try:  # MySQL has no such variable, but refuses this
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        except connection.Database.OperationalError as error:
            return bool(error.args[0] == 1568)  # characteristics are changed between transactions
        return False


@on_each_database
@pytest.mark.parametrize(
    "texts",
    [
        [f"BEGIN; {WRITE}"],
        [f"BEGIN; {WRITE}; ROLLBACK AND CHAIN", WRITE],
        [f"BEGIN; {WRITE}; COMMIT AND CHAIN"],
        [f"BEGIN; {WRITE}; COMMIT", f"BEGIN; {WRITE}"],
        ["BEGIN", "ROLLBACK AND CHAIN", WRITE],
        ["BEGIN", "COMMIT AND CHAIN", WRITE],
        ["BEGIN", f"ROLLBACK AND CHAIN; {WRITE}"],
        ["BEGIN", f"COMMIT AND CHAIN; {WRITE}"],
        ["BEGIN", f"{WRITE}; {WRITE}"],
        ["BEGIN", f"{WRITE}; COMMIT"],
        ["BEGIN", f"{WRITE}; ROLLBACK; BEGIN; {WRITE}"],
        ["BEGIN", f"{WRITE}; SAVEPOINT a; {WRITE}; ROLLBACK TO a"],
        ["BEGIN", f"{WRITE}; ROLLBACK AND CHAIN; {WRITE}; COMMIT"],
        [f"{WRITE}; {WRITE}"],
    ],
    ids=lambda texts: " | ".join(texts).replace(WRITE, "write"),
)
def test_several_statements_in_a_text_leave_a_transaction_open_or_not(
    far: Far, pair: Pair, connect: Any, texts: list[str]
):
    """And what they write is pinned after its commit."""
    replica, connection = connect(pair.replica), connections["default"]
    pair.replica.pause_replay()
    with scope() as work, connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)
            while cursor.nextset():
                pass
            assert databases.is_in_transaction(connection) == is_open_on_server(connection), text
        if is_open_on_server(connection):
            assert all(pin.is_by_clock for pin in signing.unsign_carried(carried()))
            work.take_pins()  # as a response does meanwhile
            cursor.execute("COMMIT")
        (pin,) = work.take_pins()
    assert pin.position is not None
    assert not has_reached(replica, pin)


@on_each_database
@pytest.mark.parametrize("text", [f"{WRITE}; COMMIT", f"{WRITE}; COMMIT; SELECT nothing"])
def test_what_several_statements_commit_outlives_djangos_rollback(
    far: Far, pair: Pair, connect: Any, text: str
):
    """Also if one of them fails after it."""
    replica, connection = connect(pair.replica), connections["default"]
    pair.replica.pause_replay()
    with scope() as work:
        with suppress(ZeroDivisionError, Error), transaction.atomic():
            run_all(connection, text)
            raise ZeroDivisionError
        (pin,) = work.take_pins()
    assert count(connection) == 1
    assert not has_reached(replica, pin)


def run_all(connection: Any, text: str) -> None:
    """Run ``text`` and take all its answers: mysqlclient tells of an error with the answer."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(text)
        while cursor.nextset():
            pass


def test_where_the_driver_refuses_to_commit_nothing_is_committed(far: Far):
    connection = connections["default"]
    with scope(), pytest.raises(ProgrammingError):
        connection.set_autocommit(False)
        with connection.connection.transaction():
            Note.objects.create(text="never")
            connection.commit()
    connection.close()
    assert Note.objects.count() == 0


def test_a_backends_own_commit_is_called(far: Far):
    backend = type(connections["default"])
    committed = []

    class Traced(backend):
        def _commit(self) -> None:
            committed.append(self.alias)
            super()._commit()

    connection = Traced(connections["default"].settings_dict, alias="default")
    connections["default"].close()
    connections["default"] = connection
    try:
        pins, _ = write()
    finally:
        connection.close()
    assert committed == ["default"]
    assert [pin.position is not None for pin in pins] == [True]


REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'serialization_failure'; END$$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON notes_tag
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def test_a_commit_that_was_refused_for_sure_pins_nobody(far: Far, pair: Pair):
    pair.execute(REFUSING)
    try:
        with scope() as work:
            with pytest.raises(OperationalError, match="no"), transaction.atomic():
                Tag.objects.create(name="refused")
            assert not work.has_written("default")
    finally:
        pair.execute("DROP FUNCTION refuse CASCADE")
    assert Tag.objects.count() == 0


def test_a_commit_that_the_server_makes_a_rollback_pins_nobody(far: Far):
    """As after an error that the code has caught inside ``atomic``, and not outside."""
    with scope() as work:
        with transaction.atomic():
            Note.objects.create(text="gone")
            with suppress(Error):
                connections["default"].cursor().execute("SELECT 1/0")
        assert (work.writes, work.has_unsaved_writes()) == ({}, False)
        assert Note.objects.count() == 0


def test_an_error_that_a_savepoint_took_back_pins_as_ever(far: Far):
    with scope() as work:
        with transaction.atomic():
            Note.objects.create(text="kept")
            with suppress(Error), transaction.atomic():
                connections["default"].cursor().execute("SELECT 1/0")
        assert work.has_unsaved_writes()
        assert Note.objects.using("default").count() == 1


def test_in_a_block_of_the_drivers_own_no_position_is_asked_for(far: Far):
    """The write is not committed yet, so what is asked would lie before it."""
    connection = connections["default"]
    connection.ensure_connection()
    with scope() as work:
        with connection.connection.transaction():
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO notes_note (text) VALUES ('of the driver')")
            assert [pin.timeline for pin in signing.unsign_carried(carried())] == [HELD]
        now = databases.of_primary(connection)
        (pin,) = work.take_pins()
        assert pin.position >= now.places[pin.timeline]
