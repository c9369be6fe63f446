"""What failed and is left alone for a while: replicas, and stores, by name."""

import threading
import time


class Health:
    """Which names are set aside, and until when, by this process's monotonic clock."""

    def __init__(self) -> None:
        """Start with everything healthy."""
        self._aside_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def is_aside(self, name: str) -> bool:
        """Whether ``name`` failed and its time alone is not over."""
        if not self._aside_until:
            return False
        return time.monotonic() < self._aside_until.get(name, 0.0)

    def set_aside(self, name: str, seconds: float) -> bool:
        """Leave ``name`` alone for ``seconds``. Whether it was healthy until now."""
        with self._lock:
            was_healthy = name not in self._aside_until
            self._aside_until[name] = time.monotonic() + seconds
        return was_healthy

    def restore(self, name: str) -> bool:
        """Note that ``name`` works. Whether it had been set aside."""
        if name not in self._aside_until:
            return False
        with self._lock:
            return self._aside_until.pop(name, None) is not None

    def reset(self) -> None:
        """Forget everything, between tests."""
        self._aside_until.clear()


replicas = Health()
stores = Health()
