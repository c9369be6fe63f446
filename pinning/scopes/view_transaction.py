"""Tells the transaction that ATOMIC_REQUESTS puts around a view from all others.

Django has no signal for it. ``BaseHandler.make_view_atomic`` decorates the view with ``atomic()``,
so the transaction begins in a call of the decorated view. Middleware, ``process_view`` too, begins
its own in other ways.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.db.transaction import Atomic

_ENTER = Atomic.__enter__.__code__

#: In how many callers' frames that is looked for. Four are ours and Django's; tracers add some.
_MOST_FRAMES = 15


def begins_around(view: Callable[..., Any], alias: str) -> bool:
    """Whether the transaction on ``alias`` that begins now is the one around ``view``."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        if frame.f_code is _ENTER:
            return _is_of(frame.f_locals["self"], frame.f_back, view, alias)
        frame = frame.f_back
    return False


def _is_of(atomic: Atomic, caller: FrameType | None, view: Callable[..., Any], alias: str) -> bool:
    """Whether ``caller`` is what ``atomic`` has made of ``view`` by decorating it."""
    own = {} if caller is None else caller.f_locals
    if own.get("self") is not atomic or atomic.using != alias:
        return False
    function = own.get("func")
    while function is not None and function is not view:
        function = getattr(function, "__wrapped__", None)  # the view in another cluster's atomic()
    return function is view
