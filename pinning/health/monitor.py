"""The monitor: a thread of each process that checks whether its replicas answer or are late.

It asks only while the process reads from replicas: once an interval, and at once when a thread
waits for an answer. So a silent replica costs a read no more than PROBE_TIMEOUT. A replica that
lags more than MAX_LAG is noticed without a query in any request. And the monitor tries whether a
replica is back, so that no user has to.
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
from pinning.health.probe import probe_timeout
from pinning.health.status import Replica
from pinning.health.watched_primary import WatchedPrimary
from pinning.health.watched_replica import WatchedReplica

logger = logging.getLogger("pinning")

#: Seconds between two questions to a server, unless a thread waits for it.
INTERVAL_SECONDS = 2.0

#: After this share of PROBE_TIMEOUT the thread looks again.
_TICK = 0.25


class Monitor:
    """The monitor's thread, and the replicas and primaries that it watches."""

    def __init__(self) -> None:
        self._primaries: dict[str, WatchedPrimary] = {}
        self._replicas: list[WatchedReplica] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._activity = threading.Event()
        self._looked_at = 0.0
        self._is_stopped = False
        self.process = os.getpid()

    def attend(self, replica: Replica, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
        """Watch a replica, which is about to be read on ``connection``, from now on."""
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                self._start()
        if replica.watcher is None:
            with self._lock:
                self._add(replica, connection, cluster)
        else:
            replica.watcher.is_used = True

    def stop(self) -> None:
        """End the thread, which closes its connections.

        A forked process has no such thread, and its event's lock may be held for ever.
        """
        self._is_stopped = True
        if self.process == os.getpid():
            self._activity.set()

    def _start(self) -> None:
        """Start the thread, again if it has died. Without it the drivers' timeouts must do."""
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._run, name="pinning-monitor", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            logger.warning("The monitor cannot start; replicas are not watched: %s", error)
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
            tick = probe_timeout() * _TICK
            if self._look(time.monotonic(), tick):
                time.sleep(tick)
            elif not self._is_stopped:
                is_woken = self._activity.wait(timeout=self._rest(tick))
                if is_woken and all(watched.is_fresh for watched in list(self._replicas)):
                    time.sleep(tick)  # who begins to wait meanwhile need not wake this thread
                self._looked_at = time.monotonic()
        for primary in self._primaries.values():
            primary.close()
        for watched in self._replicas:
            watched.close()

    def _rest(self, tick: float) -> float | None:
        """How many seconds the thread may sleep if no wait begins. None: without limit."""
        replicas = [watched.replica for watched in list(self._replicas)]
        if any(replica.is_out for replica in replicas):
            return 4 * tick
        return interval() if any(replica.waits.are_held() for replica in replicas) else None

    def _look(self, now: float, tick: float) -> bool:
        """Look at each server once. Returns whether to look again soon.

        If this thread comes late, the probes' threads come late too, since all need the processor.
        Then the time that has passed says less about the replica, so less of it counts.
        """
        passed, self._looked_at = now - self._looked_at, now
        counted = min(passed, tick, max(2 * tick - passed, tick / 4))
        seconds = interval()
        for primary in list(self._primaries.values()):
            primary.tick(now, seconds)
        busy = [watched.tick(now, counted, seconds) for watched in list(self._replicas)]
        return any(busy)


def interval() -> float:
    """How often a replica is asked if no thread waits for it, in seconds."""
    max_lag = conf.settings().max_lag
    return INTERVAL_SECONDS if max_lag is None else min(INTERVAL_SECONDS, max_lag / 4)


_monitor = Monitor()


def attend(replica: Replica, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
    """Watch a replica that is about to be read, if it can be watched.

    Replicas are not watched in tests: a connection that Django does not know would keep the test
    database from being dropped. Nor is a replica that is the same database as its primary, as it
    may be in development.
    """
    if replica.watcher is not None or _may_look(connection, cluster):
        _monitor.attend(replica, connection, cluster)


def _may_look(connection: BaseDatabaseWrapper, cluster: Cluster) -> bool:
    if conf.settings().probe_timeout is None or not is_on_server(connection) or is_under_test():
        return False
    return address_of(connection) != address_of(connections[cluster.primary])


def is_under_test() -> bool:
    """Whether Django's ``setup_test_environment`` has run. It notes there what it has changed."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def renew_if_forked() -> None:
    """Forget everything if the process was forked without Python's hooks, as uWSGI does it."""
    if _monitor.process != os.getpid():
        reset()


def reset() -> None:
    """Forget all that was found out while the process ran: for tests, and after a fork."""
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
