"""Asks several servers at once, each in a thread that may hang with it, for a bounded time."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

#: For so long a server is waited for, in seconds.
PATIENCE_SECONDS = 5.0

LATE = f"It did not answer within {PATIENCE_SECONDS:g} s."

Answer = TypeVar("Answer")


def answers(asks: Mapping[str, Callable[[], Answer]]) -> dict[str, Answer]:
    """What each of ``asks`` returns, by its name. Those that come too late are left out.

    Raises what one of them raises. A thread that hangs goes on: the end of the process ends it.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    found: dict[str, Answer] = {}
    raised: list[BaseException] = []
    threads = [
        threading.Thread(target=_run, args=(name, ask, found, raised), daemon=True)
        for name, ask in asks.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    for error in raised:
        raise error
    return dict(found)


def _run(
    name: str, ask: Callable[[], Any], found: dict[str, Any], raised: list[BaseException]
) -> None:
    try:
        found[name] = ask()
    except BaseException as error:
        raised.append(error)
