"""Work that is no request: the pages on background work and on websockets do what they say."""

import json
import queue
from io import StringIO
from typing import Any

import django
import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.core import signing
from django.core.management import BaseCommand, call_command
from django.db import router
from django.test import RequestFactory

from pinning import Reason, current_scope, scope
from tests.docs.visits import get, has_pinned, post, reasons
from tests.notes.models import Note
from tests.scopes.test_identity import as_user
from tests.test_middleware import memory, write

__all__ = ["memory"]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica1"])


def test_background(page, celery):
    _celery(page)
    if django.VERSION >= (6, 0):
        _djangos_tasks(page)
    _queue(page)
    page.count = lambda kind: [kind, current_scope() is not None]
    counts = json.loads(get(page.overview).content)["counts"]
    assert counts == [["draft", True], ["published", True]]
    assert output_of(page.Command()) == f"{Note.objects.count()} notes\n"


def _celery(page: Any) -> None:
    assert page.INSTALLED_APPS[1] == "pinning.contrib.celery"
    started = post(page.start, {"text": "mine"})
    assert [note.text for note in Note.objects.order_by("pk")] == ["mine", "Summary of mine"]
    polled = get(lambda request: page.poll(request, json.loads(started.content)["task"]))
    assert json.loads(polled.content) == {"done": True}
    assert has_pinned(polled)
    assert page.report.delay().get() == Note.objects.count()


def _djangos_tasks(page: Any) -> None:
    from django.tasks.signals import task_finished

    from pinning.contrib.tasks import CarryingTask

    finished = []

    def receive(task_result: Any, **_: Any) -> None:
        finished.append(task_result.return_value)

    assert page.Backend.task_class is CarryingTask
    task_finished.connect(receive)
    post(page.save, {"text": "two words"})
    task_finished.disconnect(receive)
    assert finished[0]["words"] == 2
    assert finished[0]["pins"]


def _queue(page: Any) -> None:
    messages: queue.Queue[Any] = queue.Queue()
    with scope():
        note = Note.objects.create(text="mine")
        page.order(messages, note.pk)
    with scope() as work:
        work.trace = []
        assert page.work(messages.get()) == note
        assert [read.reason for read in work.trace] == [Reason.PINNED]


def test_a_command_that_is_not_declared_reads_from_the_primary():
    class Command(BaseCommand):
        def handle(self, **options: Any) -> None:
            self.stdout.write(router.db_for_read(Note))

    assert output_of(Command()) == "default\n"


def output_of(command: BaseCommand) -> str:
    output = StringIO()
    call_command(command, stdout=output)
    return output.getvalue()


def test_identity(page, memory, settings):
    assert talk(page.NotesConsumer) == ["replica1", "hello"]
    post(as_user(write))
    assert talk(page.NotesConsumer) == ["default", "hello"]
    settings.PINNING = {**settings.PINNING, "IDENTITY": page.by_account}
    account = {"X-Account-Token": signing.dumps(7, salt="accounts")}
    post(write, **account, Cookie="sessionid=one")
    assert page.with_account(RequestFactory().get("/"))
    other = get(count, **account, Cookie="sessionid=other")
    assert reasons(other) == [Reason.PINNED]
    for forged in ("", "7", signing.dumps(7, salt="others")):
        header = {"X-Account-Token": forged}
        assert reasons(get(count, **header, Cookie="sessionid=one")) == [Reason.REPLICA]


def count(request: Any) -> django.http.HttpResponse:
    return django.http.HttpResponse(Note.objects.count())


def talk(consumer: Any) -> Any:
    """What the consumer answers to a user, and where it read."""

    class Consumer(consumer):
        async def answer(self, content: Any) -> None:
            notes = Note.objects.all()
            await notes.acount()
            await self.send_json([router.db_for_read(Note), content])

    async def exchange() -> Any:
        connection = {"type": "websocket", "path": "/ws", "headers": [], "user": User(pk=5)}
        socket = ApplicationCommunicator(Consumer.as_asgi(), connection)
        await socket.send_input({"type": "websocket.connect"})
        assert (await socket.receive_output())["type"] == "websocket.accept"
        await socket.send_input({"type": "websocket.receive", "text": '"hello"'})
        answer = json.loads((await socket.receive_output())["text"])
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait()
        return answer

    return async_to_sync(exchange)()
