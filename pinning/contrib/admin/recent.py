"""The reasons of the reads of this process in the last minutes."""

import threading
import time
from collections import Counter, deque

from pinning.scopes import Reason, Scope

MINUTES = 15

_lock = threading.Lock()
_minutes: deque[tuple[int, Counter[tuple[str, Reason]]]] = deque(maxlen=MINUTES)


def count(scope: Scope, **_: object) -> None:
    """Receive ``scope_closed``. It takes one count for each cluster and reason of a minute."""
    reads = {(name, reason): n for name, by in scope.reads.items() for reason, n in by.items()}
    if reads:
        minute = _minute()
        with _lock:
            if not _minutes or _minutes[-1][0] != minute:
                _minutes.append((minute, Counter()))
            _minutes[-1][1].update(reads)


def reads() -> Counter[tuple[str, Reason]]:
    """How often the router answered in the last MINUTES, by cluster and reason."""
    since = _minute() - MINUTES
    with _lock:
        known = [counts for minute, counts in _minutes if minute > since]
        return sum(known, Counter[tuple[str, Reason]]())


def reset() -> None:
    """Forget all, between tests."""
    with _lock:
        _minutes.clear()


def _minute() -> int:
    return int(time.monotonic() // 60)
