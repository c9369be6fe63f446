"""Circuit breakers: a replica, primary or store that failed rests, then one caller tries it."""

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Each failure in a row makes the rest longer by ``_GROWTH`` of the base, up to ``_MOST`` times the
#: base. With the jitter a rest stays below twice the base: what works is in use again before that.
_GROWTH = 0.25
_MOST = 1.6


@dataclass(slots=True)
class _Rest:
    failures: int
    seconds: float
    until: float
    is_tried: bool = False


class Breaker:
    """The circuit breaker of one thing. Its times are of this process's monotonic clock."""

    def __init__(self, jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2)) -> None:  # noqa: S311
        """Start healthy. ``jitter`` is a random factor: it keeps processes from trying together."""
        self._jitter = jitter
        self._rest: _Rest | None = None
        self._lock = threading.Lock()

    @property
    def is_resting(self) -> bool:
        """Whether it failed and has not been seen to work since."""
        return self._rest is not None

    def may_try(self, grace_seconds: float = 0.0, *, enough_seconds: float = math.inf) -> bool:
        """Whether the caller may use it: it is healthy, or has rested and the caller tries it.

        The caller that tries it must call ``restore`` or ``set_aside``. Until then, or until the
        same rest has passed again, all other callers get False. ``grace_seconds`` make the rest
        longer for this caller, so that a caller without them tries first. Before the rest is
        tried, ``enough_seconds`` of it are enough for this caller.
        """
        if self._rest is None:
            return True
        with self._lock:
            rest = self._rest
            if rest is None:
                return True
            now = time.monotonic()
            seconds = rest.seconds if rest.is_tried else min(rest.seconds, enough_seconds)
            if now < rest.until - rest.seconds + seconds + grace_seconds:
                return False
            rest.until, rest.is_tried = now + rest.seconds, True
            return True

    def set_aside(self, base_seconds: float) -> bool:
        """Let it rest, longer after each failure in a row. Returns whether it was healthy."""
        with self._lock:
            old = self._rest
            now = time.monotonic()
            if old is not None and not old.is_tried and now < old.until:
                return False  # several callers failed at once, and the first has begun the rest
            failures = old.failures + 1 if old else 1
            seconds = base_seconds * min(1 + _GROWTH * (failures - 1), _MOST) * self._jitter()
            self._rest = _Rest(failures, seconds, now + seconds)
        return old is None

    def restore(self) -> bool:
        """Note that it works. Returns whether it had been set aside."""
        if self._rest is None:
            return False
        with self._lock:
            was_resting = self._rest is not None
            self._rest = None
        return was_resting

    def reset(self) -> None:
        """Forget all failures."""
        self._rest = None
        self._lock = threading.Lock()  # another thread may have held the old one during a fork


_breakers: dict[tuple[str, str], Breaker] = {}


def breaker_of(kind: str, name: str) -> Breaker:
    """This process's circuit breaker of a replica, primary or store (``kind``), by its name."""
    key = (kind, name)
    return _breakers.get(key) or _breakers.setdefault(key, Breaker())


def reset() -> None:
    """Forget the failures of all circuit breakers: between tests, and in a forked process."""
    for breaker in list(_breakers.values()):
        breaker.reset()
