"""Websockets of Channels beside the site."""

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from pinning import scope
from tests.notes.models import Note

IDENTITIES = {
    "connection": lambda connection: connection,
    "user": lambda connection: connection["user"].pk,
    "nobody": lambda connection: None,
}


class Consumer(AsyncJsonWebsocketConsumer):
    """Reads for a message without text, and writes that of any other."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        who = IDENTITIES[content["as"]](self.scope)
        async with scope(identity=who) as work:
            work.trace = []
            if "text" in content:
                await Note.objects.acreate(text=content["text"])
            notes = [note.text async for note in Note.objects.order_by("pk")]
        await self.send_json({"notes": notes, "read": work.trace[-1][1:3]})


class PlainConsumer(AsyncJsonWebsocketConsumer):
    """The same in a plain block on the event loop."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        with scope(identity=IDENTITIES[content["as"]](self.scope)) as work:
            work.trace = []
            if "text" in content:
                await Note.objects.acreate(text=content["text"])
            notes = [note.text async for note in Note.objects.order_by("pk")]
        await self.send_json({"notes": notes, "read": work.trace[-1][1:3]})


class SyncConsumer(JsonWebsocketConsumer):
    """The same in a thread."""

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        with scope(identity=IDENTITIES[content["as"]](self.scope)) as work:
            work.trace = []
            if "text" in content:
                Note.objects.create(text=content["text"])
            notes = [note.text for note in Note.objects.order_by("pk")]
        self.send_json({"notes": notes, "read": work.trace[-1][1:3]})


sockets = URLRouter(
    [
        path("async", Consumer.as_asgi()),
        path("plain", PlainConsumer.as_asgi()),
        path("sync", SyncConsumer.as_asgi()),
    ]
)
application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": AuthMiddlewareStack(sockets)}
)
