"""Celery in this process: what a message holds, and tasks that run at once. Workers: tests/live."""

from typing import Any

import pytest
from celery import Celery
from celery._state import _task_stack
from django.db import transaction

from pinning import Reason, carried, current_scope, is_behind, scope
from pinning.contrib import celery as contrib
from pinning.databases import VENDORS
from pinning.databases.base import Positions
from pinning.pins import signing
from pinning.pins.pin import Position
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

app = Celery("tests.contrib", broker="memory://", set_as_current=False)


class Moving(Positions):
    """A primary whose position moves on by one at each question."""

    asked = 0

    def of_primary(self, connection):
        self.asked += 1
        return Position(places={"1": self.asked}, clock=0.0)

    def of_replica(self, connection):
        return None


@pytest.fixture(autouse=True)
def moving(monkeypatch):
    positions = Moving()
    monkeypatch.setitem(VENDORS, "sqlite", positions)
    return positions


@app.task(bind=True)
def read(self: Any) -> tuple[Any, ...]:
    """The scope, and the alias and reason of a read in it."""
    work = current_scope()
    work.trace = []
    list(Note.objects.all())
    return (work, *work.trace[-1][1:3])


@app.task
def fail() -> None:
    raise RuntimeError


@app.task(bind=True, default_retry_delay=0)
def read_on_retry(self: Any) -> tuple[Any, ...]:
    if not self.request.retries:
        raise self.retry()
    return read.run()


@app.task(bind=True, default_retry_delay=0)
def read_later(self: Any) -> tuple[Any, ...]:
    """As docs/background.md has it: later once, where no replica has caught up."""
    if is_behind() and not self.request.retries:
        raise self.retry()
    return (self.request.retries, *read.run()[1:])


@pytest.fixture
def at_once():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def published(**options: Any) -> dict[str, Any]:
    """The headers of the message of ``read``."""
    with app.connection_for_write() as connection, connection.SimpleQueue("celery") as queue:
        queue.clear()
        read.apply_async(connection=connection, **options)
        headers: dict[str, Any] = queue.get(timeout=5).headers
        return headers


def positions_in(headers):
    return {pin.position for pin in signing.unsign_carried(headers[contrib.HEADER])}


def test_a_message_has_the_pins():
    with scope():
        Note.objects.create(text="new")
        assert positions_in(published()) == {1}


def test_without_pins_a_message_has_no_header():
    assert contrib.HEADER not in published()
    with scope():
        assert contrib.HEADER not in published()


def test_headers_of_the_project_stay():
    inner = {"inner": "kept"}
    with scope():
        Note.objects.create(text="new")
        headers = published(headers={"mine": "kept", "headers": inner})
    assert (headers["mine"], headers["headers"]) == ("kept", inner)
    assert positions_in(headers) == {1}


def test_outside_a_scope_a_message_keeps_what_it_had():
    assert published(headers={contrib.HEADER: "before"})[contrib.HEADER] == "before"


def test_several_messages_cost_one_question(moving):
    with scope() as work:
        Note.objects.create(text="new")
        for _ in range(3):
            published()
        work.take_pins()
    assert moving.asked == 1


def test_a_message_inside_the_transaction_has_no_position(moving):
    with scope(), transaction.atomic():
        Note.objects.create(text="new")
        assert positions_in(published()) == {None}
    assert moving.asked == 0


def test_what_waits_for_a_chord_has_all_that_was_written(moving):
    """As the task publishes it that Celery has where the result backend cannot count."""
    with scope():
        _task_stack.push(app.tasks["celery.chord_unlock"])
        try:
            assert positions_in(published()) == {1}
        finally:
            _task_stack.pop()
        assert contrib.HEADER not in published()


def test_a_task_that_runs_at_once_belongs_to_the_scope_that_called_it(at_once):
    with scope() as mine:
        assert read.delay().get() == (mine, "replica1", Reason.REPLICA)
        Note.objects.create(text="new")
        assert read.delay().get() == (mine, "default", Reason.WRITTEN)
        assert current_scope() is mine


def test_a_task_that_runs_at_once_outside_any_scope_has_one_of_its_own(at_once):
    work, *answer = read.delay().get()
    assert answer == ["default", Reason.NO_PINS]
    assert work.is_closed
    assert current_scope() is None


@pytest.mark.parametrize("task", [fail, read_on_retry])
def test_however_it_ends_its_scope_is_closed(at_once, task):
    task.delay().get(propagate=False)
    assert current_scope() is None


def test_a_retry_at_once_belongs_to_the_same_scope(at_once):
    with scope() as mine:
        assert read_on_retry.delay().get()[0] is mine


def test_a_task_that_no_replica_can_serve_yet_comes_back_once(at_once, moving, monkeypatch):
    """The last time the primary serves."""
    behind = Position(places={"1": 0}, clock=0.0)
    monkeypatch.setattr(moving, "of_replica", lambda _: behind)
    with scope():
        Note.objects.create(text="new")
        text = carried()
    with scope(carried=text):
        assert read_later.delay().get() == (1, "default", Reason.PINNED)
    monkeypatch.setattr(moving, "of_replica", lambda _: Position(places={"1": 9}, clock=0.0))
    with scope(carried=text):
        assert read_later.delay().get() == (0, "replica1", Reason.CAUGHT_UP)


def test_calling_the_function_is_no_task():
    with scope() as mine:
        assert read()[0] is mine
