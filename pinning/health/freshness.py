"""Until when a replica is known to lag no more than MAX_LAG. A read waits for that to be known.

A process that starts knows nothing, and so does one that has read from no replica for a while.
"""

import threading
import time


class Freshness:
    """What is known of a replica's lag, and who waits to know. Times are monotonic, in seconds.

    It is *fresh* until a time. After that it is *unknown*: the first reader waits until the monitor
    has judged anew. If that did not help, it is *unproven*: the primary answers, and nobody waits.
    """

    __slots__ = ("_is_judged", "_judged_at", "_until", "is_wanted")

    def __init__(self) -> None:
        self._until = 0.0
        self._judged_at = 0.0
        self._is_judged = threading.Event()
        #: Whether a reader wants to know, so that the monitor asks at once.
        self.is_wanted = False

    def is_fresh(self) -> bool:
        """Whether it is known to lag no more than MAX_LAG now."""
        return time.monotonic() < self._until

    def want(self, activity: threading.Event, patience_seconds: float) -> bool:
        """Have the monitor judge, and wait for it if it is unknown. Whether it is fresh then.

        It is judged no more than ten times in ``patience_seconds``.
        """
        is_unproven = self._judged_at > self._until
        if is_unproven and time.monotonic() - self._judged_at < patience_seconds / 10:
            return False
        self._is_judged.clear()
        self.is_wanted = True
        activity.set()
        if not is_unproven and not self._is_judged.wait(patience_seconds):
            self._judged_at = time.monotonic()  # nobody else waits as long
        return self.is_fresh()

    def prove(self, until: float) -> None:
        """Note that it lags no more than MAX_LAG before the time ``until``."""
        self._until = until

    def end(self, now: float) -> None:
        """Note that all was done to find out, and let those go who wait."""
        self._judged_at, self.is_wanted = now, False
        self._is_judged.set()
