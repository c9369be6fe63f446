"""The monitor: a thread of each process that asks its replicas whether they answer, and how late.

It asks only while the process reads from them: once an interval, and at once when somebody waits
for an answer. So a silent replica costs a read no more than PROBE_TIMEOUT. One that lags more than
MAX_LAG is noticed without a query in any request. And it is this thread, not a user, that tries
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

from pinning import breaker, conf
from pinning.conf import Cluster
from pinning.databases import address_of, is_on_server
from pinning.health import status
from pinning.health.servers import INTERVAL_SECONDS, WatchedPrimary, WatchedReplica
from pinning.health.status import Replica

logger = logging.getLogger("pinning")

#: The part of PROBE_TIMEOUT after which the thread looks again.
_TICK = 0.25


class Monitor:
    """The thread, and what it looks after."""

    def __init__(self) -> None:
        self._primaries: dict[str, WatchedPrimary] = {}
        self._replicas: list[WatchedReplica] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._activity = threading.Event()
        self._looked_at = 0.0
        self._is_stopped = False
        self._process = os.getpid()

    def attend(self, replica: Replica, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
        """Look after a replica that is about to be read on ``connection``, from now on."""
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                self._start()
        if replica.watcher is None:
            with self._lock:
                self._add(replica, connection, cluster)
        else:
            replica.watcher.is_used = True

    def stop(self) -> None:
        """End the thread. In a forked process there is none, and its lock may be held for ever."""
        self._is_stopped = True
        if self._process == os.getpid():
            self._activity.set()

    def _start(self) -> None:
        """Start the thread, anew if it has died; without one the driver's timeouts must do."""
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._run, name="pinning-monitor", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            logger.warning("Nobody looks after the replicas: %s", error)
            return
        self._thread = thread

    def _add(self, replica: Replica, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
        if replica.watcher is not None or self._thread is None:
            return
        primary, max_lag = self._primaries.get(cluster.primary), conf.settings().max_lag
        if primary is None and max_lag is not None:
            primary = WatchedPrimary(connections[cluster.primary], max_lag)
            self._primaries[cluster.primary] = primary
        replica.watcher = WatchedReplica(replica, connection, primary)
        self._replicas.append(replica.watcher)
        replica.waits.watch(self._activity)

    def _run(self) -> None:
        while not self._is_stopped:
            self._activity.clear()
            tick = (conf.settings().probe_timeout or 1) * _TICK
            if self._look(time.monotonic(), tick):
                time.sleep(tick)
            elif not self._is_stopped:
                self._activity.wait(timeout=self._rest(tick))
                self._looked_at = time.monotonic()

    def _rest(self, tick: float) -> float | None:
        """For how long nothing is to be done, if nobody begins to wait. None: for ever."""
        replicas = [watched.replica for watched in list(self._replicas)]
        if any(replica.is_out for replica in replicas):
            return 4 * tick
        return interval() if any(replica.waits.are_held() for replica in replicas) else None

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
        busy = [watched.tick(now, counted, seconds) for watched in list(self._replicas)]
        return any(busy)


def interval() -> float:
    """How often a replica is asked without anybody waiting, in seconds."""
    max_lag = conf.settings().max_lag
    return INTERVAL_SECONDS if max_lag is None else min(INTERVAL_SECONDS, max_lag / 4)


_monitor = Monitor()


def attend(replica: Replica, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
    """Look after a replica that is about to be read, if it can be.

    Not in tests, where a connection that nobody knows of would keep the test database from being
    dropped; nor where primary and replica are one database, in development for example.
    """
    if replica.watcher is not None or _may_look(connection, cluster):
        _monitor.attend(replica, connection, cluster)


def _may_look(connection: BaseDatabaseWrapper, cluster: Cluster) -> bool:
    if conf.settings().probe_timeout is None or not is_on_server(connection) or is_under_test():
        return False
    return address_of(connection) != address_of(connections[cluster.primary])


def is_under_test() -> bool:
    """Whether Django's ``setup_test_environment`` has run, which notes what it has changed."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def reset() -> None:
    """Forget everything that was found out while the process ran, for tests and after a fork."""
    global _monitor
    _monitor.stop()
    breaker.reset()
    status.reset()
    _monitor = Monitor()


def _reset(*, setting: str, **_: object) -> None:
    """Receive ``setting_changed``, which Django's tests send."""
    if setting in {"PINNING", "DATABASES"}:
        reset()


setting_changed.connect(_reset)
os.register_at_fork(after_in_child=reset)
