"""What receivers of ``scope_closed`` hear, synchronous or not, whichever way a scope ends."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpResponse, StreamingHttpResponse

from pinning import scope
from pinning.middleware import PinningMiddleware
from pinning.signals import scope_closed

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class Receivers:
    """Two receivers, one of them asynchronous, and what they were told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.error: Exception | None = None

    def hear(self, **_: Any) -> None:
        self.told.append("sync")

    async def ahear(self, **_: Any) -> None:
        await asyncio.sleep(0)
        self.told.append("async")
        if self.error is not None:
            raise self.error


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    both = Receivers()
    scope_closed.connect(both.hear)
    scope_closed.connect(both.ahear)
    yield both
    scope_closed.disconnect(both.hear)
    scope_closed.disconnect(both.ahear)


def test_an_asynchronous_block_waits_for_both(receivers):
    async def work():
        async with scope():
            pass
        return list(receivers.told)

    assert sorted(async_to_sync(work)()) == ["async", "sync"]


def test_a_synchronous_block_outside_an_event_loop_does_too(receivers):
    with scope():
        pass
    assert receivers.told == ["sync", "async"]


def test_a_synchronous_block_on_an_event_loop_leaves_the_asynchronous_ones_to_the_loop(receivers):
    async def work():
        with scope():
            pass
        assert receivers.told == ["sync"]
        await asyncio.sleep(0.01)

    async_to_sync(work)()
    assert receivers.told == ["sync", "async"]


def test_so_does_a_decorated_coroutine(receivers):
    @scope()
    async def work():
        return "done"

    async def main():
        assert await work() == "done"
        await asyncio.sleep(0.01)

    async_to_sync(main)()
    assert receivers.told == ["sync", "async"]


def test_an_error_of_a_receiver_never_reaches_the_code(receivers, caplog):
    receivers.error = ValueError("no")

    async def work():
        async with scope():
            pass
        with scope():
            pass
        await asyncio.sleep(0.01)

    async_to_sync(work)()
    assert sorted(receivers.told) == ["async", "async", "sync", "sync"]
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_an_event_loop_that_ends_at_once_breaks_nothing(receivers):
    async def work():
        with scope():
            pass

    asyncio.run(work())
    assert "sync" in receivers.told


@pytest.mark.parametrize("response", [HttpResponse, StreamingHttpResponse])
def test_an_asynchronous_request_waits_for_both(receivers, rf, response):
    async def parts():
        yield b"part"

    async def view(request):
        return HttpResponse() if response is HttpResponse else response(parts())

    async def serve():
        answer = await PinningMiddleware(view)(rf.get("/"))
        if answer.streaming:
            assert [part async for part in answer] == [b"part"]

    async_to_sync(serve)()
    assert sorted(receivers.told) == ["async", "sync"]


def test_a_streamed_body_that_is_closed_on_an_event_loop_is_no_error(receivers, rf):
    """As Django's test client and some servers do when the client has gone."""

    async def parts():
        yield b"part"

    async def view(request):
        return StreamingHttpResponse(parts())

    async def serve():
        answer = await PinningMiddleware(view)(rf.get("/"))
        answer.close()
        await asyncio.sleep(0.01)

    async_to_sync(serve)()
    assert receivers.told == ["sync", "async"]


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("is_whole", [True, False])
def test_an_asynchronous_body_that_has_ended_is_gone(rf, is_whole):
    """What a generator does in ``finally`` would else be done minutes later."""
    ended: list[bool] = []

    async def parts():
        try:
            yield b"one"
            yield b"two"
        finally:
            ended.append(True)

    async def view(request):
        return StreamingHttpResponse(parts())

    async def send(answer: Any) -> None:
        """As Django's handler does."""
        async with aclosing(aiter(answer)) as content:
            async for _ in content:
                if not is_whole:
                    break
        await sync_to_async(answer.close)()

    async def serve():
        await send(await PinningMiddleware(view)(rf.get("/")))
        for _ in range(10):  # the loop closes the generators, one after the other
            await asyncio.sleep(0)
        return list(ended)

    assert async_to_sync(serve)() == [True]


@pytest.mark.usefixtures("no_collector")
def test_a_body_that_has_ended_is_gone(rf):
    answer = PinningMiddleware(lambda request: StreamingHttpResponse([b"one"]))(rf.get("/"))
    assert list(answer) == [b"one"]
    answer.close()
    left = weakref.ref(answer)
    del answer
    assert left() is None
