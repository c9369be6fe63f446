"""The alias that the router gives for a read on a replica, and how a statement is known by it.

It is a ``str`` like any other, of a type of its own. Django hands the very object on: from the
router to the queryset, and to the compiler that runs the query. So a statement was sent to a
replica by the router if its compiler has such an alias. ``using("replica1")`` and cursors of the
project's own have not.
"""

import sys
from types import FrameType
from typing import Any

from django.db.backends.utils import CursorWrapper

#: Whose frame runs a query of the ORM: ``SQLCompiler.execute_sql`` and ``RawQuery._execute_query``.
_RUNS = frozenset({"execute_sql", "_execute_query"})

#: In how many callers' frames it is looked for. Django has three between a wrapper and the query;
#: each wrapper of another package adds some.
_MOST_FRAMES = 20


class RoutedAlias(str):
    """An alias that the router gave. Copies and pickles of it are plain strings."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """As a plain string: what is kept can be read where pinning is not installed."""
        return str, (str(self),)


def was_routed(cursor: CursorWrapper) -> bool:
    """Whether the statement that runs now on ``cursor`` was sent there by the router.

    Looked up in the callers' frames: the compiler's is near.
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
    """Whether the query of ``frame`` is the one on ``cursor``, and none around it."""
    own = frame.f_locals
    return own.get("cursor") is cursor or getattr(own.get("self"), "cursor", None) is cursor
