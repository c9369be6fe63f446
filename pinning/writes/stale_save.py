"""Warns, while DEBUG is on, of a row that was read from a replica and is saved whole.

In production nobody listens: each save of any model would pay for it.
"""

import sys
import warnings
from collections.abc import Collection
from types import FrameType
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.db.models.signals import pre_save

from pinning.conf import clusters, source_of
from pinning.exceptions import StaleSaveWarning

#: What stands between the line that saves and the signal.
_BETWEEN = ("django.db.models.", "django.dispatch.", __name__)


def look_while_debugging() -> None:
    """Begin to warn, if DEBUG is on."""
    if settings.DEBUG:
        pre_save.connect(look, dispatch_uid="pinning.writes")


def look(
    *, instance: Model, update_fields: Collection[str] | None, raw: bool = False, **_: Any
) -> None:
    """Receive ``pre_save``: warn if all fields are written back as an old row may have them.

    A copy, which is inserted under another key, writes nothing back.
    """
    alias = source_of(instance)
    if raw or update_fields is not None or instance.pk is None or instance._state.adding:
        return
    cluster = None if alias is None else clusters().of_alias(alias)
    if cluster is not None and alias != cluster.primary:
        warning = StaleSaveWarning(instance._meta.label, str(alias))
        warnings.warn(warning, stacklevel=_depth_of_caller())


def _depth_of_caller() -> int:
    """How far above ``look`` the line is that saves: the warning is given once for each line."""
    depth, frame = 1, sys._getframe(1)
    outer: FrameType | None = frame
    while outer is not None and outer.f_globals.get("__name__", "").startswith(_BETWEEN):
        depth, outer = depth + 1, outer.f_back
    return depth
