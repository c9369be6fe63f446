"""What docs/identity.md and docs/settings.md show of identities does what they say."""

import json
import re
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User

from pinning import Reason, conf
from tests.notes.models import Note
from tests.test_holders import as_user
from tests.test_middleware import memory, read, routed, send, write

__all__ = ["memory"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica1", "replica2"]),
    pytest.mark.usefixtures("memory"),
]

DOCS = Path(__file__).parents[1] / "docs"


def names_of(page, marker):
    """What the example with ``marker`` on ``page`` defines."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    (block,) = [block for block in blocks if marker in block]
    names = {}
    exec(block, names)
    return names


@pytest.mark.parametrize("page", ["identity.md", "settings.md"])
def test_the_rule_lets_an_account_see_what_one_of_it_wrote(settings, page):
    rule = names_of(page, "by_account")["by_account"]
    settings.PINNING = {**settings.PINNING, "IDENTITY": rule}
    send(write, "POST", {"sessionid": "one"}, **{"X-Account": "7"})
    other = send(read, cookies={"sessionid": "other"}, **{"X-Account": "7"})
    assert routed(other) == ("default", Reason.PINNED)
    assert routed(send(read, cookies={"sessionid": "one"})) == ("replica1", Reason.REPLICA)


def test_the_settings_with_the_rule_are_good():
    assert conf.find_problems(names_of("settings.md", "by_account")["PINNING"]) == []


def test_the_consumer_sees_what_its_user_wrote():
    class Consumer(names_of("identity.md", "NotesConsumer")["NotesConsumer"]):
        async def answer(self, content):
            notes = Note.objects.all()
            await notes.acount()
            await self.send_json([notes.db, content])

    async def talk():
        connection = {"type": "websocket", "path": "/ws", "headers": [], "user": User(pk=5)}
        socket = ApplicationCommunicator(Consumer.as_asgi(), connection)
        await socket.send_input({"type": "websocket.connect"})
        assert (await socket.receive_output())["type"] == "websocket.accept"
        await socket.send_input({"type": "websocket.receive", "text": '"hello"'})
        answer = json.loads((await socket.receive_output())["text"])
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait()
        return answer

    assert async_to_sync(talk)() == ["replica1", "hello"]
    send(as_user(write), "POST")
    assert async_to_sync(talk)() == ["default", "hello"]
