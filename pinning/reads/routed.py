"""Marks the alias that the router gives for a read on a replica, so that its reads are recognized.

The alias is a ``str`` with a type of its own. Django passes this same object from the router to the
queryset, and on to the compiler that runs the query. So if the function that runs a statement has
such an alias, the router sent the statement to the replica. Statements with ``using("replica1")``
and on cursors of the project's own have none.
"""

import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from django.db.backends.utils import CursorWrapper

from pinning.conf import RoutedAlias

#: In how many callers' frames that function is looked for. Django has three between a wrapper and
#: the query. Each wrapper of another package adds some.
_MOST_FRAMES = 20

#: A function that runs a statement has one of these local variables.
_NAMES = frozenset({"cursor", "self"})


def was_routed(cursor: CursorWrapper) -> bool:
    """Whether the router sent the statement that now runs on ``cursor`` to the replica.

    It did if a calling function has both this cursor and an alias that the router gave. That is
    ``SQLCompiler.execute_sql`` or ``RawQuery._execute_query``.
    """
    return any(_has_alias(own, cursor.db.alias) for own in _owners_of(cursor))


def was_asked_for(cursor: CursorWrapper) -> bool:
    """Whether the project has surely named the replica for this statement, as ``using()`` does.

    What is neither routed nor asked for came by a way that is not known: a cursor of the project's
    own may be one of a connection that the router gave.
    """
    return any(_asks_for(own.get("self"), cursor.db.alias) for own in _owners_of(cursor))


def _owners_of(cursor: CursorWrapper) -> Iterator[Mapping[str, Any]]:
    """The local variables of the calling functions that have this cursor."""
    frame: FrameType | None = sys._getframe(3)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        if not _NAMES.isdisjoint(frame.f_code.co_varnames):
            own = frame.f_locals
            if _has_cursor(own, cursor):
                yield own
        frame = frame.f_back


def _asks_for(compiler: object, alias: str) -> bool:
    using = _attributes_of(compiler).get("using")
    return type(using) is str and using == alias


def _has_cursor(own: Mapping[str, Any], cursor: CursorWrapper) -> bool:
    """Whether the local variables ``own`` hold ``cursor``, itself or in a proxy around it."""
    held = own.get("cursor", _attributes_of(own.get("self")).get("cursor"))
    if held is cursor or getattr(held, "__wrapped__", None) is cursor:
        return True
    return any(each is cursor for each in _attributes_of(held).values())


def _has_alias(own: Mapping[str, Any], alias: str) -> bool:
    """Whether the local variables ``own``, or ``self``, hold ``alias`` as the router gave it."""
    values = (*own.values(), _attributes_of(own.get("self")).get("using"))
    return any(type(value) is RoutedAlias and value == alias for value in values)


def _attributes_of(something: object) -> Mapping[str, Any]:
    """What is set on an object itself: looked up without running a property of it."""
    try:
        attributes: Mapping[str, Any] = object.__getattribute__(something, "__dict__")
    except AttributeError:
        return {}
    return attributes
