"""Background work does what its page says: the examples run, in this process."""

import json
import queue
import re
from io import StringIO
from pathlib import Path

import django
import pytest
from celery import Celery
from django.core.management import call_command
from django.http import JsonResponse
from django.test import RequestFactory

from pinning import Reason, current_scope, scope
from pinning.middleware import PinningMiddleware
from pinning.signals import scope_closed
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

PAGE = (Path(__file__).parents[1] / "docs" / "background.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def example(title):
    """What the section's code defines."""
    names = {"__name__": __name__, "Note": Note, "JsonResponse": JsonResponse}
    for code in re.findall(r"```python\n(.*?)```", SECTIONS[title], re.DOTALL):
        exec(code, names)
    return names


def ask(view, *args, **posted):
    """The response to a visitor's request."""
    factory = RequestFactory()
    request = factory.post("/", posted) if posted else factory.get("/")
    return PinningMiddleware(lambda request: view(request, *args))(request)


@pytest.fixture
def reads():
    """What the scopes that have closed have read."""
    seen = []

    def receive(scope, **_):
        seen.append(scope.reads)

    scope_closed.connect(receive)
    yield seen
    scope_closed.disconnect(receive)


@pytest.fixture
def celery():
    app = Celery("tests.background", set_as_current=True)
    app.conf.update(
        task_always_eager=True, task_store_eager_result=True, result_backend="cache+memory://"
    )
    yield app
    app.close()


def test_celery(celery):
    names = example("Celery")
    assert names["INSTALLED_APPS"][1] == "pinning.contrib.celery"
    started = ask(names["start"], text="mine")
    assert [note.text for note in Note.objects.order_by("pk")] == ["mine", "Summary of mine"]
    polled = ask(names["poll"], json.loads(started.content)["task"])
    assert json.loads(polled.content) == {"done": True}
    assert len(polled.cookies) == 1


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has tasks since 6.0.")
def test_djangos_tasks():
    from django.tasks.signals import task_finished

    from pinning.contrib.tasks import CarryingTask

    finished = []

    def receive(task_result, **_):
        finished.append(task_result.return_value)

    names = example("Django's tasks")
    assert names["Backend"].task_class is CarryingTask
    task_finished.connect(receive)
    ask(names["save"], text="two words")
    task_finished.disconnect(receive)
    assert finished[0]["words"] == 2
    assert finished[0]["pins"]


def test_a_queue_of_your_own(reads):
    names, messages = example("A queue of your own"), queue.Queue()
    with scope():
        note = Note.objects.create(text="mine")
        names["order"](messages, note.pk)
    assert names["work"](messages.get()) == note
    assert reads[1] == {"default": {Reason.PINNED: 1}}


def test_threads(reads):
    names = example("Threads")
    names["count"] = lambda kind: [kind, current_scope() is not None]
    response = ask(names["overview"])
    assert json.loads(response.content) == {"counts": [["draft", True], ["published", True]]}


def test_commands(reads):
    output = StringIO()
    call_command(example("Commands")["Command"](), stdout=output)
    assert output.getvalue() == "0 notes\n"
    assert reads == [{"default": {Reason.REPLICA: 1}}]


def test_a_command_that_is_not_declared_reads_from_the_primary():
    class Command(django.core.management.BaseCommand):
        def handle(self, **options):
            self.stdout.write(Note.objects.all().db)

    output = StringIO()
    call_command(Command(), stdout=output)
    assert output.getvalue() == "default\n"
