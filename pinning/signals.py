"""The Django signals that pinning sends. Receivers run in the thread or task that sends them.

Where a scope ends on an event loop without being awaited (``with scope():`` in a coroutine),
asynchronous receivers of ``scope_closed`` run as a task of the loop, a moment later.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger("pinning")

#: A scope has ended. Sent with ``scope``, whose ``reads`` holds the counts by cluster and reason.
scope_closed = Signal()

#: A replica is left alone: it is unreachable, silent or late. Sent with ``alias`` and ``error``.
replica_down = Signal()

#: A replica gets reads again. Sent with ``alias``.
replica_up = Signal()


def is_heard(signal: Signal, sender: object) -> bool:
    """Whether a receiver would get ``signal`` from ``sender``. Quick where none is connected."""
    return bool(signal.receivers) and signal.has_listeners(sender)


def tell(signal: Signal, sender: object, **named: Any) -> None:
    """Send ``signal``. Like ``send_robust``, but on an event loop too: that raises RuntimeError.

    On an event loop nothing can be waited for, so asynchronous receivers are left to the loop.
    """
    if not signal.receivers:
        return
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        signal.send_robust(sender, **named)
        return
    named = {"signal": signal, "sender": sender, **named}
    synchronous, asynchronous = signal._live_receivers(sender)
    for receiver in synchronous:
        try:
            receiver(**named)
        except Exception as error:
            _log(receiver, error)
    if asynchronous:  # what a receiver waits for holds the task
        loop.create_task(_await_all(asynchronous, named))  # noqa: RUF006


async def _await_all(receivers: Iterable[Callable[..., Any]], named: dict[str, Any]) -> None:
    """Await all receivers together, each in a task of its own."""

    async def hear(receiver: Callable[..., Any]) -> None:
        try:
            await receiver(**named)
        except Exception as error:
            _log(receiver, error)

    await asyncio.gather(*map(hear, receivers))


def _log(receiver: Callable[..., Any], error: Exception) -> None:
    name = getattr(receiver, "__qualname__", repr(receiver))
    logger.error("The receiver %s of a signal of pinning fails: %s", name, error, exc_info=error)
