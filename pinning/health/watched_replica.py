"""A replica as the monitor watches it: at each tick it asks, waits or judges."""

import logging
import math
import threading
import time

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf, databases
from pinning.databases import fetch_row, is_news
from pinning.exceptions import LaggingReplicaError, SilentReplicaError
from pinning.health.freshness import Freshness
from pinning.health.probe import LONGER, Probe, probe_timeout
from pinning.health.status import Replica
from pinning.health.watched_primary import WatchedPrimary
from pinning.pins import Position

logger = logging.getLogger("pinning")

#: A query that has run for longer is not ended because of a moment's silence.
_YOUNG_SECONDS = 1.0

#: A server that is far away may take this many of its usual round trips more.
_ROUND_TRIPS = 2

#: The round trip counts up to this many times PROBE_TIMEOUT.
_FARTHEST = 5

#: So often it is tried whether a replica is back. Nobody waits for the answer.
_RETURN_SECONDS = 1.0

#: A replica that was late is back when its lag is below this share of MAX_LAG: it does not come and
#: go with each question then.
_BACK = 0.75

#: It is told that a replica's lag is not known after so long. A process that starts on a busy site
#: knows it sooner.
_TOLD_SECONDS = 1.0


class WatchedReplica:
    """A replica that this process reads from, as the monitor watches it."""

    def __init__(
        self, replica: Replica, connection: BaseDatabaseWrapper, primary: WatchedPrimary | None
    ) -> None:
        """Ask the server that ``connection`` leads to. Its lag is measured by ``primary``."""
        self.is_used = True
        self.replica = replica
        self._primary = primary
        self._probe = Probe(connection)
        self._freshness = Freshness()
        self._is_asked = self._is_asked_for_lag = self._is_silent = self._is_try = False
        self._waited = 0.0
        self._sent_at = self._measured_at = 0.0
        #: Since when it has served nobody because its lag is not known, and whether that was told.
        self._unproven_since: float | None = None
        self._is_unproven_told = False
        #: When the last question that was answered was sent.
        self.answered_at = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether it is known to lag no more than MAX_LAG."""
        return self._primary is None or self._freshness.is_fresh()

    def is_known_to_be_fresh(self) -> bool:
        """The same, and if it is not known, wait for the monitor to find out."""
        if self.is_fresh:
            return True
        return self._freshness.want(self.replica.waits.activity, LONGER * probe_timeout())

    def close(self) -> None:
        """Close the connection on which it is asked."""
        self._probe.close()

    def tick(self, now: float, counted: float, interval: float) -> bool:
        """Take an answer, notice that none comes, or ask if it is time. Whether to look again soon.

        ``counted`` is how many of the seconds since the last tick say something about the replica.
        """
        if self._is_asked and self._probe.is_waiting:
            self._wait(now, counted)
        elif self._is_asked:
            is_late_answer = self._is_silent and not self.replica.is_unsteady
            is_sign_of_return = self._is_try or is_late_answer
            self._is_asked = self._is_silent = False
            self._take(self._probe.answer, now, is_sign_of_return=is_sign_of_return)
        elif self._is_due(now, interval):
            self._send(now, interval)
        is_expected = self._is_asked and not self._is_silent
        return is_expected or self._freshness.is_wanted or bool(self.replica.waits.begun())

    def _is_due(self, now: float, interval: float) -> bool:
        is_resting = self.replica.breaker.is_resting
        self._is_try = is_resting and (self.replica.breaker.may_try() or self._may_be_back(now))
        begun = [wait.since for wait in self.replica.waits.begun()]
        usual = now - probe_timeout() / 8 - self._round_trip
        if self._is_try or any(self._sent_at < since < usual for since in begun):
            return True
        if is_resting:
            return False
        if self._freshness.is_wanted:
            return True
        is_in_use = (
            self.is_used or begun or self.replica.is_lagging or self.replica.waits.are_held()
        )
        return bool(is_in_use) and now - self._sent_at >= interval

    def _may_be_back(self, now: float) -> bool:
        """Whether to try it before its rest is over. One that came and went lately has to rest."""
        return not self.replica.is_unsteady and now - self._sent_at >= _RETURN_SECONDS

    def _send(self, now: float, interval: float) -> None:
        """Ask for a sign of life, and at most once an interval for the position."""
        self._is_asked_for_lag = self._freshness.is_wanted or now - self._measured_at >= interval
        self._is_asked = self._probe.send(self._where if self._is_asked_for_lag else _ping)
        self._sent_at, self._waited, self.is_used = now, 0.0, False
        if self._is_asked_for_lag:
            self._measured_at = now

    def _where(self, connection: BaseDatabaseWrapper) -> Position | None:
        """Ask for the position, from which those who read learn how late the replica is."""
        position = databases.of_replica(connection)
        if position is None:
            return _ping(connection)
        self.replica.progress.note(position, (), time.time())
        return position

    def _wait(self, now: float, counted: float) -> None:
        """Notice silence. The probe has half of PROBE_TIMEOUT; noticing a waiting read has half."""
        self._waited += counted
        is_late = self._waited >= self._patience and self._probe.is_unanswered()
        if not (self._is_silent or is_late):
            return
        self._is_silent = True
        self._freshness.end(now)
        is_news = not self.replica.breaker.is_resting
        if is_news:
            self.replica.mark_down()
        elif self.replica.breaker.may_try():
            self.replica.waits.cut_all()
            self._probe.hurry()
        self._cut_the_young(now)
        if is_news:
            _tell(self.replica, SilentReplicaError(now - self._sent_at))

    @property
    def _round_trip(self) -> float:
        """The replica's usual round trip in seconds, as far as it counts."""
        return min(self._probe.usual_seconds, _FARTHEST * probe_timeout())

    @property
    def _patience(self) -> float:
        """How many seconds the probe has. To connect takes some ten round trips."""
        if self._probe.was_connected:
            return probe_timeout() / 2 + _ROUND_TRIPS * self._round_trip
        return LONGER * (probe_timeout() + self._round_trip)

    def _cut_the_young(self, now: float, waited: float = 0.0) -> None:
        """End waits of ``waited`` seconds or more that began since the last answer, or just before.

        A replica may fall silent for a moment while it works on a long query. That query is left to
        it. All waits are ended only if the replica is still silent when it is tried again.
        """
        is_long = now - self._sent_at >= LONGER * probe_timeout()
        for wait in self.replica.waits.begun():
            is_young = wait.since > self.answered_at - _YOUNG_SECONDS
            if is_young and now - wait.since >= waited and (wait.is_harmless or is_long):
                wait.cut()

    def _take(
        self, answer: Position | Error | None, now: float, *, is_sign_of_return: bool
    ) -> None:
        """Take an answer. An error keeps a replica out that is out, and takes no other one out.

        Reads find out by themselves that the connection is lost. Reads that wait are ended even so:
        their connection may be a pooler's, which may keep it open, and the reads waiting, for as
        long as it has no server. An answer to a question that was asked before a read saw the
        replica fail does not bring the replica back.
        """
        if isinstance(answer, Error):
            self._freshness.end(now)
            is_out = self.replica.breaker.is_resting
            if is_out:
                self.replica.set_aside(answer)
            self._cut_the_young(now, waited=0.0 if is_out else probe_timeout())
            return
        self.answered_at = self._sent_at
        if self._is_asked_for_lag:
            self._judge_lag(answer, now)
        if is_sign_of_return:
            self.replica.restore()

    def _judge_lag(self, seen: Position | None, now: float) -> None:
        max_lag = conf.settings().max_lag
        if self._primary is None or max_lag is None or seen is None or not seen.places:
            self.replica.lag = None
            self.replica.unmark_lagging()  # its lag is not known
            self._freshness.prove(math.inf)
            self._freshness.end(now)
            return
        lag = self.replica.lag = self._primary.history.lag(self._sent_at, seen)
        if lag > max_lag:
            self.replica.mark_lagging(LaggingReplicaError(lag))
        elif lag <= max_lag * _BACK:
            self.replica.unmark_lagging()
        self._judge_freshness(self._primary, seen, now, max_lag)

    def _judge_freshness(
        self, primary: WatchedPrimary, seen: Position, now: float, max_lag: float
    ) -> None:
        """Note until when it is fresh. If the primary is about to tell more, ask once more then.

        A primary that tells nothing may be gone: the replica serves then, as far as is known.
        """
        most = primary.history.most(self._sent_at, seen)
        if most <= max_lag:
            self._freshness.prove(self._sent_at + max_lag - most)
            self._tell_proven()
        elif primary.is_expected(now):
            self._measured_at = 0.0
            return
        elif not len(primary.history):
            self._freshness.prove(now + max_lag / 2)
            self._tell_proven()
        else:
            self._tell_unproven(now)
        self._freshness.end(now)

    def _tell_unproven(self, now: float) -> None:
        """Log once that it serves nobody until its lag is known, if that lasts."""
        if self._unproven_since is None:
            self._unproven_since = now
        is_due = now - self._unproven_since >= _TOLD_SECONDS and not self.replica.is_lagging
        if is_due and not self._is_unproven_told and is_news("freshness", self.replica.alias):
            self._is_unproven_told = True
            logger.warning(
                "Replica %r serves nobody yet: this process has to see first that it lags less "
                "than MAX_LAG.",
                self.replica.alias,
            )

    def _tell_proven(self) -> None:
        """Log that it serves, if the opposite was told."""
        if self._is_unproven_told:
            logger.info("Replica %r is seen to lag less than MAX_LAG.", self.replica.alias)
        self._unproven_since, self._is_unproven_told = None, False


def _tell(replica: Replica, error: SilentReplicaError) -> None:
    """Tell in a thread: receivers may take their time, and another replica may fall silent then."""
    thread = threading.Thread(
        target=replica.tell_down, args=[error], name="pinning-tell", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:
        replica.tell_down(error)


def _ping(connection: BaseDatabaseWrapper) -> Position | None:
    fetch_row(connection, "SELECT 1")
    return None
