"""Circuit breakers: what failed rests for a while, and then one caller tries it again."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Each failure in a row makes the rest longer by this share, up to the most. With the jitter it
#: stays below twice the base, so that what works again is in use again before that.
_GROWTH = 0.25
_MOST = 1.6


@dataclass(slots=True)
class _Rest:
    failures: int
    seconds: float
    until: float
    is_tried: bool = False


class Health:
    """Which names are set aside, and until when, by this process's monotonic clock."""

    def __init__(self, jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2)) -> None:  # noqa: S311
        """Start with everything healthy. ``jitter`` keeps processes from trying all at once."""
        self._rests: dict[str, _Rest] = {}
        self._jitter = jitter
        self._lock = threading.Lock()

    def may_try(self, name: str, grace_seconds: float = 0.0) -> bool:
        """Whether ``name`` is healthy, or the caller is the one who tries whether it is again.

        Whoever gets that turn calls ``restore`` or ``set_aside``; until then, or for as long again,
        nobody else has it. With ``grace_seconds`` another who asks without has it first.
        """
        if not self._rests:
            return True
        with self._lock:
            rest = self._rests.get(name)
            if rest is None:
                return True
            now = time.monotonic()
            if now < rest.until + grace_seconds:
                return False
            rest.until, rest.is_tried = now + rest.seconds, True
            return True

    def is_resting(self, name: str) -> bool:
        """Whether ``name`` failed and has not been seen to work since."""
        return name in self._rests

    def set_aside(self, name: str, base_seconds: float) -> bool:
        """Leave ``name`` alone, a little longer each time in a row. Whether it was healthy."""
        with self._lock:
            old = self._rests.get(name)
            now = time.monotonic()
            if old is not None and not old.is_tried and now < old.until:
                return False  # one of several that failed at once
            failures = old.failures + 1 if old else 1
            seconds = base_seconds * min(1 + _GROWTH * (failures - 1), _MOST) * self._jitter()
            self._rests[name] = _Rest(failures, seconds, now + seconds)
        return old is None

    def restore(self, name: str) -> bool:
        """Note that ``name`` works. Whether it had been set aside."""
        if name not in self._rests:
            return False
        with self._lock:
            return self._rests.pop(name, None) is not None

    def reset(self) -> None:
        """Forget everything, between tests and in a forked process."""
        self._rests.clear()
        self._lock = threading.Lock()  # which another thread may have held as the process forked


replicas = Health()
primaries = Health()  # aliases that were seen to lead to a standby
stores = Health()
