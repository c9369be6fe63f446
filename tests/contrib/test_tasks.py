"""Django's tasks in this process. A worker in one of its own: tests/live."""

import django
import pytest

if django.VERSION < (6, 0):
    pytest.skip("Django has tasks since 6.0.", allow_module_level=True)

import json
import pickle

from asgiref.sync import async_to_sync
from django.db import transaction
from django.tasks import task, task_backends

from pinning import Reason, current_scope, scope
from pinning.contrib.tasks import ARGUMENT
from pinning.pins import signing
from pinning.pins.pin import Pin, Pins
from tests.contrib.backends import Later
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

SEEN = []
PIN = Pin(cluster="default", written_at=2e9, timeline="1", position=100)


@task
def read(*args, **kwargs):
    """Note the scope, the alias and reason of a read in it, and the arguments."""
    work = current_scope()
    work.trace = []
    list(Note.objects.all())
    SEEN.append((work, *work.trace[-1][1:3], args, kwargs))


@task(backend="later")
async def aread():
    work = current_scope()
    work.trace = []
    [note async for note in Note.objects.filter(pk=1)[:1]]
    return work.trace[0].reason, work.pins()


@task(takes_context=True)
def read_with_context(context, number):
    read.func(number)


@task(backend="later")
def fail():
    raise RuntimeError


@pytest.fixture(autouse=True)
def nothing_yet():
    yield
    SEEN.clear()
    Later.queue.clear()


@pytest.fixture
def later():
    return read.using(backend="later")


def test_a_task_that_runs_at_once_belongs_to_the_scope_that_enqueued_it():
    with scope() as mine:
        Note.objects.create(text="new")
        result = read.enqueue(1, two=2)
        (seen,) = SEEN
        assert seen == (mine, "default", Reason.WRITTEN, (1,), {"two": 2})
    assert result.kwargs == {"two": 2}


def test_outside_any_scope_it_has_one_of_its_own():
    read.enqueue()
    ((work, *answer, _, _),) = SEEN
    assert answer == ["default", Reason.NO_PINS]
    assert work.is_closed


def test_it_may_take_the_context():
    with scope():
        assert read_with_context.enqueue(5).is_finished
    assert SEEN[0][3] == (5,)


def test_what_never_runs_carries_nothing():
    backend = task_backends["never"]
    with scope(), transaction.atomic():
        Note.objects.create(text="new")
        read.using(backend="never").enqueue(two=2)
    assert backend.results[0].kwargs == {"two": 2}


def test_a_worker_has_the_pins_and_the_function_has_its_arguments(later):
    with scope():
        Note.objects.create(text="new")
        later.enqueue(1, two=2)
    Later.work()
    ((work, _, reason, *arguments),) = SEEN
    assert (reason, arguments) == (Reason.PINNED, [(1,), {"two": 2}])
    assert {pin.cluster for pin in work._brought} == {"default"}
    assert current_scope() is None


def test_without_pins_nothing_is_added(later):
    with scope():
        later.enqueue(two=2)
    (_, message) = Later.queue[0]
    assert message == '[[], {"two": 2}]'
    Later.work()
    assert SEEN[0][2] == Reason.NO_PINS


def test_an_asynchronous_task_has_the_pins():
    async def order():
        with scope():
            await Note.objects.acreate(text="new")
            await aread.aenqueue()

    async_to_sync(order)()
    reason, pins = Later.work()
    assert (reason, len(pins)) == (Reason.PINNED, 1)


def test_an_asynchronous_worker_has_them_too(later):
    with scope():
        Note.objects.create(text="new")
        later.enqueue()
    work, message = Later.queue.pop()
    async_to_sync(work.acall)(**json.loads(message)[1])
    assert SEEN[0][2] == Reason.PINNED
    assert SEEN[0][4] == {}


def test_a_task_that_failed_leaves_no_scope_behind():
    fail.enqueue()
    with pytest.raises(RuntimeError):
        Later.work()
    assert current_scope() is None


FORGED = {
    "empty": "",
    "broken": "broken",
    "a number": 5,
    "nothing": None,
    "a list": ["list"],
    "huge": "x" * 10**6,
    "of a cookie": signing.sign(Pins([PIN]), signing.COOKIE),
    "cut off": signing.sign(Pins([PIN]), signing.CARRIED)[:-1],
}


@pytest.mark.parametrize("what", FORGED)  # not the texts, which differ in each process of a run
def test_forged_pins_are_none(later, what):
    later.call(**{ARGUMENT: FORGED[what]})
    assert SEEN[0][2:] == (Reason.NO_PINS, (), {})


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django pickles tasks since 6.1.")
def test_a_task_can_be_pickled():
    assert type(pickle.loads(pickle.dumps(read))) is type(read)
