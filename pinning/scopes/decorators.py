"""Runs a function inside a block, and also the response that it returns.

Templates that render late and bodies that stream run after the view has returned. They are rendered
and streamed inside a new block of the same kind.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction

from pinning.scopes.responses import Enter, render_inside, stream_inside, streams

F = TypeVar("F", bound=Callable[..., Any])


def decorated(function: F, enter: Enter) -> F:
    """Return ``function``, sync or async, so that it and the response it returns run in a block.

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
    """Await what a synchronous function returned, such as the response of an asynchronous view."""
    with enter():
        return _carried(await result, enter)
