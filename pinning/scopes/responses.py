"""Renders and streams a response inside a block, after the view has returned.

Templates that render late and bodies that stream run outside the blocks of the view and of the
middleware. Here they are put inside such a block again.
"""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from asgiref.sync import sync_to_async
from django.http import FileResponse, StreamingHttpResponse

#: Makes a new block at each call.
Enter = Callable[[], AbstractContextManager[Any]]


def _never() -> bool:
    return False


def _nothing() -> None:
    pass


def streams(response: object) -> bool:
    """Whether the project's code makes the body while it is sent. A plain file does not count."""
    if isinstance(response, FileResponse):
        return response.file_to_stream is None
    return isinstance(response, StreamingHttpResponse)


def stream_inside(
    response: Any,
    enter: Enter,
    *,
    has_to_save: Callable[[], bool] = _never,
    save: Callable[[], None] = _nothing,
    on_end: Callable[[], None] = _nothing,
) -> None:
    """Make each part of the body inside ``enter()``, and call ``on_end`` once after the last part.

    Before a part leaves, ``save`` is called if ``has_to_save()`` says so. ``save`` and ``on_end``
    may wait for a database: for an asynchronous body they run in a thread. What closes the body
    runs inside, too: a generator that is left early may write in ``finally``.
    """
    closers = response._resource_closers
    closers[:] = [functools.partial(_run_inside, enter, close) for close in closers]
    body = AsyncBody if response.is_async else Body
    response.streaming_content = body(
        response.streaming_content, enter, has_to_save=has_to_save, save=save, on_end=on_end
    )


def _run_inside(enter: Enter, run: Callable[[], object]) -> None:
    with enter():
        run()


def render_inside(response: Any, enter: Enter) -> None:
    """Render the template inside ``enter()``. Django renders it after the view has returned."""
    render = response.render

    def render_in_block() -> Any:
        response.__dict__.pop("render", None)  # so that a cache can pickle the response
        with enter():
            return render()

    response.render = render_in_block


class _Ending:
    """Calls ``on_end`` once: at the end of the body, or when Django closes the response earlier."""

    def __init__(
        self,
        parts: Any,
        enter: Enter,
        *,
        has_to_save: Callable[[], bool],
        save: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._enter = enter
        self._has_to_save = has_to_save
        self._save = save
        self._on_end: Callable[[], None] | None = on_end

    def close(self) -> None:
        """End it, and let go of the response: that holds this, and would wait for a collector."""
        on_end, self._on_end = self._on_end, None
        self._has_to_save, self._save, self._parts = _never, _nothing, None
        if on_end is not None:
            on_end()


class Body(_Ending):
    """A synchronous body whose parts are made inside a block."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._parts is None:
            raise StopIteration
        try:
            with self._enter():
                part: bytes = next(self._parts)
            if self._has_to_save():
                self._save()
        except BaseException:
            self.close()
            raise
        return part


class AsyncBody(_Ending):
    """An asynchronous body whose parts are made inside a block."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._parts is None:
            raise StopAsyncIteration
        try:
            with self._enter():
                part: bytes = await anext(self._parts)
            if self._has_to_save():
                await sync_to_async(self._save)()
        except BaseException:
            await sync_to_async(self.close)()
            raise
        return part
