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


class Breaker:
    """Whether one thing rests, and until when by this process's monotonic clock."""

    def __init__(self, jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2)) -> None:  # noqa: S311
        """Start healthy. ``jitter`` keeps processes from trying all at once."""
        self._jitter = jitter
        self._rest: _Rest | None = None
        self._lock = threading.Lock()

    @property
    def is_resting(self) -> bool:
        """Whether it failed and has not been seen to work since."""
        return self._rest is not None

    def may_try(self, grace_seconds: float = 0.0) -> bool:
        """Whether it is healthy, or the caller is the one who tries whether it is again.

        Whoever gets that turn calls ``restore`` or ``set_aside``; until then, or for as long again,
        nobody else has it. With ``grace_seconds`` another who asks without has it first.
        """
        if self._rest is None:
            return True
        with self._lock:
            rest = self._rest
            if rest is None:
                return True
            now = time.monotonic()
            if now < rest.until + grace_seconds:
                return False
            rest.until, rest.is_tried = now + rest.seconds, True
            return True

    def set_aside(self, base_seconds: float) -> bool:
        """Let it rest, a little longer each time in a row. Whether it was healthy."""
        with self._lock:
            old = self._rest
            now = time.monotonic()
            if old is not None and not old.is_tried and now < old.until:
                return False  # one of several that failed at once
            failures = old.failures + 1 if old else 1
            seconds = base_seconds * min(1 + _GROWTH * (failures - 1), _MOST) * self._jitter()
            self._rest = _Rest(failures, seconds, now + seconds)
        return old is None

    def restore(self) -> bool:
        """Note that it works. Whether it had been set aside."""
        if self._rest is None:
            return False
        with self._lock:
            was_resting = self._rest is not None
            self._rest = None
        return was_resting

    def reset(self) -> None:
        """Forget what was noted."""
        self._rest = None
        self._lock = threading.Lock()  # which another thread may have held as the process forked


_breakers: dict[tuple[str, str], Breaker] = {}


def breaker_of(kind: str, name: str) -> Breaker:
    """The process's breaker of one thing: the replica, primary or store (``kind``) of that name."""
    key = (kind, name)
    return _breakers.get(key) or _breakers.setdefault(key, Breaker())


def reset() -> None:
    """Forget what was noted of everything, between tests and in a forked process."""
    for breaker in list(_breakers.values()):
        breaker.reset()
