"""Marks the alias that the router gives for a read on a replica, so that its reads are recognized.

The alias is a ``str`` with a type of its own. Django passes this same object from the router to the
queryset, and on to the compiler that runs the query. So if the compiler of a statement has such an
alias, the router sent the statement to the replica. Statements with ``using("replica1")`` and on
cursors of the project's own have none.
"""

import sys
from types import FrameType
from typing import Any

from django.db.backends.utils import CursorWrapper

#: Functions that run ORM queries: ``SQLCompiler.execute_sql`` and ``RawQuery._execute_query``.
_RUNS = frozenset({"execute_sql", "_execute_query"})

#: In how many callers' frames the compiler is looked for. Django has three between a wrapper and
#: the query. Each wrapper of another package adds some.
_MOST_FRAMES = 20


class RoutedAlias(str):
    """An alias that the router gave. Copies and pickles of it are plain strings."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain string, which can be read where pinning is not installed."""
        return str, (str(self),)


def was_routed(cursor: CursorWrapper) -> bool:
    """Whether the router sent the statement that runs now on ``cursor``.

    This is found in the callers' frames: the compiler's is near.
    """
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        if frame.f_code.co_name in _RUNS and _runs_on(frame, cursor):
            return isinstance(getattr(frame.f_locals["self"], "using", None), RoutedAlias)
        frame = frame.f_back
    return False


def _runs_on(frame: FrameType, cursor: CursorWrapper) -> bool:
    """Whether the query of ``frame`` is the one on ``cursor``, and not one around it."""
    own = frame.f_locals
    return own.get("cursor") is cursor or getattr(own.get("self"), "cursor", None) is cursor
