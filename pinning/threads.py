"""Threads: they start without a scope, and read from the primary, unless they take one along."""

import contextvars
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def in_scope(function: Callable[P, R]) -> Callable[P, R]:
    """``function`` as part of the current scope, whichever thread runs it, and however often.

    ``executor.submit(in_scope(function), ...)``. The blocks around this call hold in it as well, as
    all context variables do. Once the scope has ended it reads from the primary.
    """
    context = contextvars.copy_context()

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)  # several threads may be in it at once

    return run
