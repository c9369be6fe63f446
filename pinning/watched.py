"""A replica and a primary as the lookout sees them, tick by tick."""

import threading

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import breaker, conf, databases, rotation, waits
from pinning.databases import fetch_row
from pinning.exceptions import LaggingReplicaError, SilentReplicaError
from pinning.lag import History
from pinning.pins import Position
from pinning.probes import Probe

#: At most once in so many seconds, unless somebody waits.
INTERVAL_SECONDS = 2.0

#: What runs for longer is not run again because of a moment's silence.
_YOUNG_SECONDS = 1.0

#: How many times PROBE_TIMEOUT a probe has that must connect first, and a wait that, once ended,
#: is an error in somebody's code.
_LONGER = 10


class WatchedPrimary:
    """A primary whose position is noted, to tell by it how late its replicas are."""

    def __init__(self, connection: BaseDatabaseWrapper, max_lag: float) -> None:
        """Ask the server that ``connection`` leads to."""
        self.history = History(2 * max_lag)  # enough to tell what is more than that
        self._probe = Probe(connection)
        self._sent_at = 0.0
        self._is_asked = False

    def tick(self, now: float, interval: float) -> None:
        """Take an answer; ask if it is time."""
        is_due = now - self._sent_at >= interval
        if self._probe.is_waiting:
            if now - self._sent_at >= _LONGER * interval:
                self._probe.hurry()
            return
        if self._is_asked and isinstance(self._probe.answer, Position):
            self.history.add(now, self._probe.answer)
        self._is_asked = is_due and self._probe.send(databases.of_log)
        if is_due:
            self._sent_at = now


class WatchedReplica:
    """A replica that this process reads from."""

    def __init__(self, connection: BaseDatabaseWrapper, primary: WatchedPrimary | None) -> None:
        """Ask the server that ``connection`` leads to; its lag is told by ``primary``."""
        self.is_used = True
        self._alias = connection.alias
        self._primary = primary
        self._probe = Probe(connection)
        self._is_asked = self._is_asked_for_lag = self._is_silent = self._is_try = False
        self._waited = 0.0
        self._sent_at = self._answered_at = self._measured_at = 0.0

    def tick(self, now: float, counted: float, interval: float) -> bool:
        """Take an answer, or find out that none comes; ask if it is time. Whether more may come.

        ``counted`` is how much of the time since the last tick says something about the replica.
        """
        if self._is_asked and self._probe.is_waiting:
            self._wait(now, counted)
        elif self._is_asked:
            is_sign_of_return = self._is_try or self._is_silent
            self._is_asked = self._is_silent = False
            self._take(self._probe.answer, now, is_sign_of_return=is_sign_of_return)
        elif self._is_due(now, interval):
            self._send(now, interval)
        is_expected = self._is_asked and not self._is_silent
        return is_expected or bool(waits.of(self._alias))

    def _is_due(self, now: float, interval: float) -> bool:
        is_resting = breaker.replicas.is_resting(self._alias)
        self._is_try = is_resting and breaker.replicas.may_try(self._alias)
        begun = [wait.since for wait in waits.of(self._alias)]
        if self._is_try or any(self._sent_at < since < now - _timeout() / 8 for since in begun):
            return True
        if is_resting:
            return False
        is_in_use = (
            self.is_used or begun or self._alias in rotation.lagging or waits.is_held(self._alias)
        )
        return bool(is_in_use) and now - self._sent_at >= interval

    def _send(self, now: float, interval: float) -> None:
        """Ask for a sign of life, and for the position no more often than once an interval."""
        self._is_asked_for_lag = now - self._measured_at >= interval
        self._is_asked = self._probe.send(_where if self._is_asked_for_lag else _ping)
        self._sent_at, self._waited, self.is_used = now, 0.0, False
        if self._is_asked_for_lag:
            self._measured_at = now

    def _wait(self, now: float, counted: float) -> None:
        """Half of PROBE_TIMEOUT is for the probe, the other for noticing that somebody waits."""
        self._waited += counted
        patience = _timeout() * (0.5 if self._probe.was_connected else _LONGER)
        if not self._is_silent and (self._waited < patience or not self._probe.is_unanswered()):
            return
        self._is_silent = True
        is_news = not breaker.replicas.is_resting(self._alias)
        if is_news:
            rotation.mark_down(self._alias)
        elif breaker.replicas.may_try(self._alias):
            waits.cut_all(self._alias)
            self._probe.hurry()
        self._cut_the_young(now)
        if is_news:
            _tell(self._alias, SilentReplicaError(now - self._sent_at))

    def _cut_the_young(self, now: float, waited: float = 0.0) -> None:
        """End what waits for so long, and was begun since the last sign of life or shortly before.

        A long query that a replica was at work on when it fell silent for a moment is left to it;
        only when the replica is silent still as it is tried again is everything ended.
        """
        is_long = now - self._sent_at >= _LONGER * _timeout()
        for wait in waits.of(self._alias):
            is_young = wait.since > self._answered_at - _YOUNG_SECONDS
            if is_young and now - wait.since >= waited and (wait.is_harmless or is_long):
                wait.cut()

    def _take(
        self, answer: Position | Error | None, now: float, *, is_sign_of_return: bool
    ) -> None:
        """An error keeps a replica out, and takes none out: who reads will see for themselves.

        But for those whose connection is a pooler's, which may keep it open, and them waiting, for
        as long as it has no server. An answer from before a reader saw the replica fail does not
        bring it back.
        """
        if isinstance(answer, Error):
            is_out = breaker.replicas.is_resting(self._alias)
            if is_out:
                rotation.set_aside(self._alias, answer)
            self._cut_the_young(now, waited=0.0 if is_out else _timeout())
            return
        self._answered_at = self._sent_at
        if self._is_asked_for_lag:
            self._judge_lag(answer)
        if is_sign_of_return:
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


def _tell(alias: str, error: SilentReplicaError) -> None:
    """Whoever hears of it may take their time, and another replica may fall silent meanwhile."""
    thread = threading.Thread(
        target=rotation.tell_down, args=[alias, error], name="pinning-tell", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:
        rotation.tell_down(alias, error)


def _where(connection: BaseDatabaseWrapper) -> Position | None:
    position = databases.of_replica(connection)
    return _ping(connection) if position is None else position


def _ping(connection: BaseDatabaseWrapper) -> Position | None:
    fetch_row(connection, "SELECT 1")
    return None


def _timeout() -> float:
    return conf.settings().probe_timeout or 1.0
