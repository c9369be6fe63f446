"""The health of each replica, as one object that logs and signals a change once."""

import functools
import logging
import time
import weakref
from collections import deque
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf
from pinning.breaker import breaker_of
from pinning.conf import Cluster, clusters
from pinning.databases import hooks, is_news
from pinning.exceptions import one_line
from pinning.health.progress import Progress
from pinning.health.waits import Wait, Waits
from pinning.signals import replica_down, replica_up, tell

logger = logging.getLogger("pinning")

#: A replica is unsteady that was set aside so often within so many times RETRY_AFTER. It comes and
#: goes with each answer otherwise, and each time two lines are logged.
_OFTEN = 3
_LATELY = 6

#: For how long a measured lag is told: a few of the monitor's intervals.
_LAG_TELLS_SECONDS = 10.0


class Replica:
    """What this process knows of one replica. Two things take it out, each by itself.

    - Resting or not. ``set_aside`` and ``mark_down`` make it rest after a failure: nobody uses it
      until it has answered the monitor, or one caller who tries it after RETRY_AFTER. ``restore``
      ends that.
    - Lagging or not. ``mark_lagging`` says that it lags more than MAX_LAG. ``unmark_lagging`` says
      that it does not, or that nobody knows.

    It is out while it rests or lags. Each change is told once, and that it is back only when
    neither is left.
    """

    __slots__ = (
        "_lag",
        "_lag_at",
        "_set_aside_at",
        "_why",
        "alias",
        "breaker",
        "is_lagging",
        "is_none_left",
        "progress",
        "servers",
        "waits",
        "watcher",
    )

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.breaker = breaker_of("replica", alias)
        #: Whether it lags more than MAX_LAG.
        self.is_lagging = False
        self._lag: float | None = None
        self._lag_at = 0.0
        #: Whether it was logged that no replica of its cluster is left.
        self.is_none_left = False
        #: How far behind it is.
        self.progress = Progress()
        #: By the name of each server that the alias leads to: what it told last.
        self.servers: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        #: The waits of this process for its answers.
        self.waits = Waits()
        #: The monitor's object that watches it, once there is one.
        self.watcher: Any = None
        self._set_aside_at = deque[float](maxlen=_OFTEN)
        self._why = ""

    @property
    def lag(self) -> float | None:
        """By how many seconds at least it lagged a moment ago. None: nobody has measured since.

        The monitor measures while reads go there. If all readers are pinned, none do.
        """
        return self._lag if time.monotonic() - self._lag_at < _LAG_TELLS_SECONDS else None

    @lag.setter
    def lag(self, seconds: float | None) -> None:
        self._lag, self._lag_at = seconds, time.monotonic()

    @property
    def is_unsteady(self) -> bool:
        """Whether it was set aside so often of late that it has to rest until it is back."""
        times = self._set_aside_at
        since = time.monotonic() - _LATELY * conf.settings().retry_after
        return len(times) == _OFTEN and times[0] > since

    @property
    def is_out(self) -> bool:
        """Whether it serves no reads at present."""
        return self.breaker.is_resting or self.is_lagging

    @property
    def why_out(self) -> str:
        """Why it serves no reads at present, for people; empty while it does."""
        return (self._why or "It failed.") if self.is_out else ""

    def wait(
        self, connection: BaseDatabaseWrapper, *, is_harmless: bool = True, seconds: float = 0.0
    ) -> Wait:
        """A block in which the running thread waits for the replica on ``connection``.

        ``seconds`` is how long the replica itself was told to wait before it answers.
        """
        return Wait(self.waits, connection, is_harmless=is_harmless, seconds=seconds)

    def note_opened(self, connection: BaseDatabaseWrapper) -> None:
        """Remember a connection to it, and note each wait there that uses no cursor."""
        if self.waits.note_opened(connection):
            known = weakref.ref(connection)
            for name, is_harmless in hooks.WAITING_METHODS.items():
                hooks.put_around(connection, name, functools.partial(_wait, known, is_harmless))

    def set_aside(self, error: BaseException) -> None:
        """Leave it alone for RETRY_AFTER because it failed, and tell that once."""
        if self.mark_down():
            self.tell_down(error)

    def mark_down(self) -> bool:
        """Leave it alone for RETRY_AFTER. Returns whether it was in use before."""
        is_news = self.breaker.set_aside(conf.settings().retry_after)
        if is_news:
            self._set_aside_at.append(time.monotonic())
        return is_news

    def tell_down(self, error: BaseException) -> None:
        """Log and signal that it was set aside."""
        self._why = one_line(error)
        logger.warning("Replica %r is set aside until it answers: %s", self.alias, self._why)
        tell(replica_down, None, alias=self.alias, error=error)

    def restore(self) -> None:
        """Note that it answers."""
        if self.breaker.restore():
            logger.info("Replica %r answers again.", self.alias)
            self._tell_up()

    def note_busy(self, error: BaseException) -> None:
        """Note that it is up and has no connection left. Logged at most once in RETRY_AFTER."""
        self.restore()
        if is_news("connections", self.alias):
            logger.warning(
                "Replica %r has no connection left for a read: %s", self.alias, one_line(error)
            )

    def note_different_session(self, primary: str) -> None:
        """Note that its session was not told what the primary's was. Logged once in RETRY_AFTER."""
        if is_news("sessions", self.alias):
            logger.warning(
                "The session of %r has a tenant or a role that the session of %r was not told: "
                "such reads go to the primary.",
                primary,
                self.alias,
            )

    def mark_lagging(self, error: BaseException) -> None:
        """Take it out until it lags less, and tell that once."""
        if not self.is_lagging:
            self.is_lagging, self._why = True, str(error)
            logger.warning("Replica %r is taken out of the rotation: %s", self.alias, error)
            tell(replica_down, None, alias=self.alias, error=error)

    def unmark_lagging(self) -> None:
        """Note that it does not lag more than MAX_LAG, or that its lag is not known."""
        if self.is_lagging:
            self.is_lagging = False
            logger.info("Replica %r has caught up.", self.alias)
            self._tell_up()

    def _tell_up(self) -> None:
        if self.is_out:
            return
        cluster = clusters().of_alias(self.alias)
        for alias in cluster.replicas if cluster is not None else ():
            replica(alias).is_none_left = False
        tell(replica_up, None, alias=self.alias)


_replicas: dict[str, Replica] = {}


def replica(alias: str) -> Replica:
    """The replica with this alias."""
    return _replicas.get(alias) or _replicas.setdefault(alias, Replica(alias))


def _wait(
    known: "weakref.ref[BaseDatabaseWrapper]", is_harmless: bool, method: Any, *args: Any
) -> Any:
    """Call a connection's ``method`` as a wait for its replica, which a fork or a reset renews."""
    connection = known()
    if connection is None or connection.connection is None:
        return method(*args)
    with replica(connection.alias).wait(connection, is_harmless=is_harmless):
        return method(*args)


def note_exhausted(cluster: Cluster) -> None:
    """Log that all replicas of ``cluster`` are out, if they are: once until one of them is back."""
    replicas = [replica(alias) for alias in cluster.replicas]
    is_exhausted = all(each.is_out for each in replicas)
    if is_exhausted and not all(each.is_none_left for each in replicas):
        for each in replicas:
            each.is_none_left = True
        logger.error("No replica of %r is left: its reads go to the primary.", cluster.primary)


def reset() -> None:
    """Forget everything, between tests and in a forked process."""
    _replicas.clear()
