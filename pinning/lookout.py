"""The lookout: a thread of each process that asks its replicas whether they answer, and how late.

It asks only while the process reads from them: once an interval, and at once when somebody waits
for an answer. So a silent replica costs a read no more than PROBE_TIMEOUT, one that lags more than
MAX_LAG is noticed without a query in any request, and it is this thread, not a user, that tries
whether a replica is back.
"""

import os
import threading
import time

from django.core import mail
from django.core.signals import setting_changed
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf, health, positions, rotation, waits
from pinning.clusters import Cluster
from pinning.exceptions import LaggingReplicaError, SilentReplicaError
from pinning.lag import History
from pinning.pins import Position
from pinning.positions.base import fetch_row
from pinning.probes import Probe

#: At most once in so many seconds, unless somebody waits.
INTERVAL_SECONDS = 2.0

#: The part of PROBE_TIMEOUT after which the thread looks again.
_TICK = 0.25

#: What runs for longer is not run again because of a moment's silence.
_YOUNG_SECONDS = 1.0

#: How many times as long a probe may take that has to connect first.
_TO_CONNECT = 10


class _Primary:
    """A primary whose position is noted, to tell by it how late its replicas are."""

    def __init__(self, cluster: Cluster, max_lag: float) -> None:
        self.history = History(max_lag)
        self._probe = Probe(connections[cluster.primary], positions.of_primary)
        self._sent_at = 0.0
        self._is_asked = False

    def tick(self, now: float, interval: float) -> None:
        """Take an answer; ask if it is time."""
        if self._probe.is_waiting:
            return
        if self._is_asked and isinstance(self._probe.answer, Position):
            self.history.add(now, self._probe.answer)
        self._is_asked = now - self._sent_at >= interval
        if self._is_asked:
            self._sent_at = now
            self._probe.send()


class _Replica:
    """A replica that this process reads from."""

    def __init__(self, alias: str, primary: _Primary | None) -> None:
        self.is_used = True
        self._alias = alias
        self._primary = primary
        self._probe = Probe(connections[alias], _look)
        self._is_asked = False
        self._is_silent = False
        self._waited = 0.0
        self._sent_at = self._answered_at = 0.0

    def tick(self, now: float, counted: float) -> bool:
        """Take an answer, or find out that none comes; ask if it is time. Whether more may come."""
        if self._is_asked and self._probe.is_waiting:
            self._wait(counted)
        elif self._is_asked:
            self._is_asked = self._is_silent = False
            self._take(self._probe.answer)
        elif self._is_due(now):
            self._is_asked, self.is_used = True, False
            self._sent_at, self._waited = now, 0.0
            self._probe.send()
        is_expected = self._is_asked and not self._is_silent
        return is_expected or bool(waits.of(self._alias))

    def _is_due(self, now: float) -> bool:
        if health.replicas.is_resting(self._alias):
            return health.replicas.may_try(self._alias)
        begun = [wait.since for wait in waits.of(self._alias)]
        half_a_tick = _timeout() * _TICK / 2
        if any(self._sent_at < since < now - half_a_tick for since in begun):
            return True
        is_in_use = self.is_used or begun or rotation.is_lagging(self._alias)
        return bool(is_in_use) and now - self._sent_at >= _interval()

    def _wait(self, counted: float) -> None:
        """Half of PROBE_TIMEOUT is for the probe, the other for noticing that somebody waits."""
        self._waited += counted
        patience = _timeout() * (0.5 if self._probe.was_connected else _TO_CONNECT)
        if not self._is_silent and self._waited >= patience:
            self._is_silent = True
            rotation.set_aside(self._alias, SilentReplicaError(self._waited))
        elif self._is_silent and health.replicas.may_try(self._alias):
            waits.cut_all(self._alias)
            self._probe.hurry()
        if self._is_silent:
            self._cut_the_young()

    def _cut_the_young(self) -> None:
        """End what was begun since the last sign of life, or shortly before.

        A long query that a replica was at work on when it fell silent for a moment is left to it;
        only when the replica is silent still as it is tried again is everything ended.
        """
        for wait in waits.of(self._alias):
            if wait.since > self._answered_at - _YOUNG_SECONDS:
                wait.cut()

    def _take(self, answer: Position | Error | None) -> None:
        if isinstance(answer, Error):
            rotation.set_aside(self._alias, answer)
            return
        self._answered_at = self._sent_at
        self._judge_lag(answer)
        rotation.restore(self._alias)

    def _judge_lag(self, seen: Position | None) -> None:
        max_lag = conf.settings().max_lag
        if self._primary is None or max_lag is None or seen is None or not seen.places:
            rotation.unmark_lagging(self._alias)  # it cannot be told
            return
        lag = self._primary.history.lag(self._sent_at, seen)
        if lag > max_lag:
            rotation.mark_lagging(self._alias, LaggingReplicaError(lag))
        else:
            rotation.unmark_lagging(self._alias)


class Lookout:
    """The thread, and what it looks after."""

    def __init__(self) -> None:
        self._primaries: dict[str, _Primary] = {}
        self._replicas: dict[str, _Replica] = {}
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self.is_stopped = False

    def attend(self, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
        """Look after a replica that is about to be read, from now on."""
        replica = self._replicas.get(connection.alias)
        if replica is None:
            self._add(connection, cluster)
        else:
            replica.is_used = True

    def _add(self, connection: BaseDatabaseWrapper, cluster: Cluster) -> None:
        with self._lock:
            if connection.alias in self._replicas:
                return
            primary, max_lag = self._primaries.get(cluster.primary), conf.settings().max_lag
            if primary is None and max_lag is not None:
                primary = self._primaries[cluster.primary] = _Primary(cluster, max_lag)
            is_first = not self._replicas
            self._replicas[connection.alias] = _Replica(connection.alias, primary)
            waits.watched.add(connection.alias)
            if is_first:
                threading.Thread(target=self._run, name="pinning-lookout", daemon=True).start()

    def _run(self) -> None:
        while not self.is_stopped:
            waits.activity.clear()
            tick = _timeout() * _TICK
            if self._look(time.monotonic(), tick):
                time.sleep(tick)
            else:
                is_any_out = any(map(rotation.is_out, list(self._replicas)))
                waits.activity.wait(timeout=4 * tick if is_any_out else None)
                self._looked_at = time.monotonic()

    def _look(self, now: float, tick: float) -> bool:
        """Look at everything once. Whether to look again soon.

        A process that is short of processor time comes late to look, and its probes come late as
        well: then the time that has passed says little about the replica.
        """
        passed, self._looked_at = now - self._looked_at, now
        counted = passed if passed < 2 * tick else tick / 2
        for primary in list(self._primaries.values()):
            primary.tick(now, _interval())
        busy = [replica.tick(now, counted) for replica in list(self._replicas.values())]
        return any(busy)


def _look(connection: BaseDatabaseWrapper) -> Position | None:
    seen = positions.of_replica(connection)
    if seen is None:
        fetch_row(connection, "SELECT 1")
    return seen


def _timeout() -> float:
    return conf.settings().probe_timeout or 0.1


def _interval() -> float:
    return min(INTERVAL_SECONDS, (conf.settings().max_lag or INTERVAL_SECONDS * 4) / 4)


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
    is_under_test = hasattr(mail, "outbox")  # put there by django.test.utils
    return not is_under_test and _address(connection) != _address(connections[cluster.primary])


def _address(connection: BaseDatabaseWrapper) -> list[object]:
    return [connection.settings_dict.get(key) for key in ("HOST", "PORT", "NAME")]


def reset(*, setting: str = "PINNING", **_: object) -> None:
    """Look after nothing, between tests; and in a forked process, which has no other threads."""
    global _lookout
    if setting in {"PINNING", "DATABASES"}:
        _lookout.is_stopped = True
        waits.activity.set()
        _lookout = Lookout()
        waits.reset()
        rotation.reset()


setting_changed.connect(reset)
os.register_at_fork(after_in_child=reset)
