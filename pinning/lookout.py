"""The lookout: a thread of each process that asks its replicas whether they answer, and how late.

It asks only while the process reads from them: once an interval, and at once when somebody waits
for an answer. So a silent replica costs a read no more than PROBE_TIMEOUT, one that lags more than
MAX_LAG is noticed without a query in any request, and it is this thread, not a user, that tries
whether a replica is back.
"""

import logging
import os
import sys
import threading
import time

from django.core.signals import setting_changed
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import breaker, conf, rotation, waits
from pinning.conf import Cluster
from pinning.databases import options_of
from pinning.watched import INTERVAL_SECONDS, WatchedPrimary, WatchedReplica

logger = logging.getLogger("pinning")

#: The part of PROBE_TIMEOUT after which the thread looks again.
_TICK = 0.25


class Lookout:
    """The thread, and what it looks after."""

    def __init__(self) -> None:
        self._primaries: dict[str, WatchedPrimary] = {}
        self._replicas: dict[str, WatchedReplica] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._activity = waits.activity
        self._looked_at = 0.0
        self.is_stopped = False

    def attend(self, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
        """Look after a replica that is about to be read, from now on."""
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                self._start()
        replica = self._replicas.get(connection.alias)
        if replica is None:
            with self._lock:
                self._add(connection, cluster)
        else:
            replica.is_used = True

    def _start(self) -> None:
        """Start the thread, anew if it has died; without one the driver's timeouts must do."""
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._run, name="pinning-lookout", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            logger.warning("Nobody looks after the replicas: %s", error)
            return
        self._thread = thread

    def _add(self, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
        if connection.alias in self._replicas or self._thread is None:
            return
        primary, max_lag = self._primaries.get(cluster.primary), conf.settings().max_lag
        if primary is None and max_lag is not None:
            primary = WatchedPrimary(connections[cluster.primary], max_lag)
            self._primaries[cluster.primary] = primary
        self._replicas[connection.alias] = WatchedReplica(connection, primary)
        waits.watched.add(connection.alias)

    def _run(self) -> None:
        while not self.is_stopped:
            self._activity.clear()
            tick = (conf.settings().probe_timeout or 1) * _TICK
            if self._look(time.monotonic(), tick):
                time.sleep(tick)
            else:
                self._activity.wait(timeout=self._rest(tick))
                self._looked_at = time.monotonic()

    def _rest(self, tick: float) -> float | None:
        """For how long nothing is to be done, if nobody begins to wait. None: for ever."""
        aliases = list(self._replicas)
        if any(map(rotation.is_out, aliases)):
            return 4 * tick
        return interval() if any(map(waits.is_held, aliases)) else None

    def _look(self, now: float, tick: float) -> bool:
        """Look at everything once. Whether to look again soon.

        By as much as this thread comes late, the probes' threads do too, since they all need the
        processor: then the time that has passed says the less about the replica.
        """
        passed, self._looked_at = now - self._looked_at, now
        counted = min(passed, tick, max(2 * tick - passed, tick / 4))
        seconds = interval()
        for primary in list(self._primaries.values()):
            primary.tick(now, seconds)
        busy = [replica.tick(now, counted, seconds) for replica in list(self._replicas.values())]
        return any(busy)


def interval() -> float:
    """How often a replica is asked without anybody waiting, in seconds."""
    max_lag = conf.settings().max_lag
    return INTERVAL_SECONDS if max_lag is None else min(INTERVAL_SECONDS, max_lag / 4)


_lookout = Lookout()


def attend(connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
    """Look after a replica that is about to be read, if it can be.

    Not in tests, where a connection that nobody knows of would keep the test database from being
    dropped; nor where primary and replica are one database, in development for example.
    """
    if connection.alias in waits.watched or _may_look(connection, cluster):
        _lookout.attend(connection, cluster)


def _may_look(connection: BaseDatabaseWrapper, cluster: Cluster) -> bool:
    if conf.settings().probe_timeout is None or connection.vendor == "sqlite":
        return False
    return not is_under_test() and _address(connection) != _address(connections[cluster.primary])


def is_under_test() -> bool:
    """Whether Django's ``setup_test_environment`` has run, which notes what it has changed."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def _address(connection: BaseDatabaseWrapper) -> list[object]:
    place = [connection.settings_dict.get(key) for key in ("HOST", "PORT", "NAME")]
    return [*place, options_of(connection)]


def reset(*, setting: str = "PINNING", **_: object) -> None:
    """Look after nothing, between tests."""
    if setting in {"PINNING", "DATABASES"}:
        _lookout.is_stopped = True
        activity = waits.activity
        _begin_anew()
        activity.set()


def _begin_anew() -> None:
    """In a forked process there are no other threads, whose locks may be held for ever."""
    global _lookout
    waits.reset()
    rotation.reset()
    breaker.stores.reset()
    breaker.primaries.reset()
    _lookout = Lookout()


setting_changed.connect(reset)
os.register_at_fork(after_in_child=_begin_anew)
