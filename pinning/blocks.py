"""Blocks around functions, and around what goes on after a view has returned.

Templates that render late and bodies that stream run outside the blocks that the view or the
middleware were in; here they are taken back in.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import FileResponse, StreamingHttpResponse

F = TypeVar("F", bound=Callable[..., Any])

#: Makes a new block at each call.
Enter = Callable[[], AbstractContextManager[Any]]


def decorated(function: F, enter: Enter) -> F:
    """``function``, sync or async, run inside ``enter()``, and with it the response it may return.

    Raises TypeError for a generator function: its body runs when it is iterated.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{function!r} is a generator: its body runs when it is iterated, not inside a "
            "decorator's block. Put a with block into the body instead."
        )
    if iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with enter():
                return _carried(await function(*args, **kwargs), enter)

        return run_async  # type: ignore[return-value]

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with enter():
            return _carried(function(*args, **kwargs), enter)

    return run  # type: ignore[return-value]


def _carried(result: Any, enter: Enter) -> Any:
    if inspect.isawaitable(result):
        return _awaited(result, enter)
    if streams(result):
        stream_inside(result, enter)
    elif not getattr(result, "is_rendered", True):
        render_inside(result, enter)
    return result


async def _awaited(result: Awaitable[Any], enter: Enter) -> Any:
    """What a synchronous function returned to be awaited, an asynchronous view's response say."""
    with enter():
        return _carried(await result, enter)


def streams(response: object) -> bool:
    """Whether the project's code makes the body while it is sent. A plain file does not count."""
    if isinstance(response, FileResponse):
        return response.file_to_stream is None
    return isinstance(response, StreamingHttpResponse)


def stream_inside(response: Any, enter: Enter, on_end: Callable[[], None] = lambda: None) -> None:
    """Make each part of the body inside ``enter()``, and call ``on_end`` once when it is over.

    ``on_end`` may wait: beside an event loop it runs in a thread.
    """
    body = AsyncBody if response.is_async else Body
    response.streaming_content = body(response.streaming_content, enter, on_end)


def render_inside(response: Any, enter: Enter) -> None:
    """Render the template, which Django does after the view has returned, inside ``enter()``."""
    render = response.render

    def render_in_block() -> Any:
        response.__dict__.pop("render", None)  # a rendered response may be pickled into a cache
        with enter():
            return render()

    response.render = render_in_block


class _Ending:
    """Calls ``on_end`` once: at the last part, or when Django closes the response before it."""

    def __init__(self, parts: Any, enter: Enter, on_end: Callable[[], None]) -> None:
        self._parts = parts
        self._enter = enter
        self._on_end: Callable[[], None] | None = on_end

    def close(self) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()


class Body(_Ending):
    """A synchronous body whose parts are made inside a block."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            with self._enter():
                part: bytes = next(self._parts)
        except BaseException:
            self.close()
            raise
        return part


class AsyncBody(_Ending):
    """An asynchronous body whose parts are made inside a block."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            with self._enter():
                part: bytes = await anext(self._parts)
        except BaseException:
            await sync_to_async(self.close)()
            raise
        return part
