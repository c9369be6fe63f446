"""What a process has for shadow mode: its counters, and the threads that find out and save.

They are made when shadow mode first decides something. A fork has its own.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from django.core.signals import setting_changed
from django.db import close_old_connections
from django.db.models.sql.query import Query

from pinning.breaker import breaker_of
from pinning.conf import ClusterAlias, made_once, settings
from pinning.exceptions import kind_and_text
from pinning.health import is_under_test
from pinning.pins import Pin
from pinning.scopes import Scope
from pinning.shadow.counts import Counts, add_scope
from pinning.shadow.races import Races
from pinning.shadow.samples import Samples
from pinning.shadow.shared import Shared
from pinning.signals import scope_closed

logger = logging.getLogger("pinning")

#: The counters are saved so often, in seconds, while anything is counted.
SAVED_EACH = 2.0


class _Process:
    """All that is there for one process."""

    def __init__(self) -> None:
        self.id = os.getpid()
        self.counts = Counts()
        self.races = Races()
        self.samples = Samples(self.counts)
        self._shared = Shared()
        self._is_changed = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, scope: Scope) -> None:
        """Add what a scope did, and let it be saved soon."""
        add_scope(self.counts, scope)
        self._is_changed.set()
        if not is_under_test() and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, name="pinning-save", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                self._thread = None

    def save(self) -> None:
        """Save the counters. A cache that fails is left alone for RETRY_AFTER, and told once."""
        breaker = breaker_of("shadow", settings().cache)
        if not breaker.may_try():
            return
        try:
            self._shared.save(self.counts)
        except Exception as error:  # only the cache knows the errors of its client
            if breaker.set_aside(settings().retry_after):
                told = kind_and_text(error)
                logger.warning("The counts of shadow mode cannot be saved: %s", told)
            return
        breaker.restore()

    def _run(self) -> None:
        while True:
            self._is_changed.wait()
            time.sleep(SAVED_EACH)
            self._is_changed.clear()
            close_old_connections()
            self.save()
            close_old_connections()


@made_once
def _process() -> _Process:
    scope_closed.connect(_count, dispatch_uid="pinning.shadow")
    return _Process()


def _own() -> _Process:
    """Of this process, also where it was forked without Python's hooks, as uWSGI does it."""
    if _process().id != os.getpid():
        _process.cache_clear()  # type: ignore[attr-defined]
    return _process()


def begin() -> None:
    """Count from now on, if nothing was counted before."""
    _own()


def race(
    aliases: Sequence[str], pins: tuple[Pin, ...], limits: tuple[float, ...]
) -> "Future[tuple[float, ...] | None]":
    """Find out which of WAITS would be long enough for ``pins``: see ``Races``."""
    return _own().races.begin(aliases, pins, limits)


def sample(query: Query, alias: ClusterAlias) -> None:
    """Perhaps compare what a replica would have given, if it would have been asked."""
    if alias.stands_for:
        _own().samples.offer(query, alias)


def save() -> None:
    """Save what was counted until now."""
    _own().save()


def _end(*, setting: str, **_: object) -> None:
    """Receive ``setting_changed``, which Django's tests send: another mode may begin."""
    if setting == "PINNING":
        scope_closed.disconnect(dispatch_uid="pinning.shadow")


setting_changed.connect(_end)


def _count(scope: Scope, **_: object) -> None:
    """Receive ``scope_closed``."""
    if scope.is_shadow():
        _own().count(scope)
