"""The machine room: the replica, and two of pinning's settings, as the controls work them."""

import threading
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from example_project.panel import modes
from example_project.panel.modes import Mode
from pinning import conf
from pinning.testing.postgres import Replica
from pinning.testing.redis import Redis

MOST_LAG_SECONDS = 30
FIRST_LAG_SECONDS = 3

COOKIE = "cookie"
REDIS = "redis"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How everything is set. ``wait_seconds`` is the setting WAIT."""

    lag_seconds: float
    mode: Mode
    wait_seconds: float
    store: str
    has_redis: bool


class Machine:
    """Does one thing at a time, whoever asks. ServerError where a server does not do as told."""

    def __init__(self, replica: Replica, redis_server: Redis | None) -> None:
        """Take servers that run. Without Redis there is no choice of stores."""
        self._replica = replica
        self._redis = redis_server
        self._lock = threading.Lock()
        self._is_closed = False
        self._lag_seconds: float = FIRST_LAG_SECONDS
        self._replica.set_delay(self._lag_seconds)
        if redis_server is not None:
            redis_server.grow_old()  # it was empty just now, and never had any pins

    @property
    def state(self) -> State:
        """How everything is set now."""
        return State(
            lag_seconds=self._lag_seconds,
            mode=modes.mode(),
            wait_seconds=conf.settings().wait,
            store=settings.PINNING.get("STORES", [COOKIE])[0],
            has_redis=self._redis is not None,
        )

    def set_lag(self, seconds: float) -> None:
        """Let the replica replay each commit so long after it was made."""
        with self._lock:
            self._lag_seconds = min(max(seconds, 0.0), MOST_LAG_SECONDS)
            if self._replica.running:
                self._replica.set_delay(self._lag_seconds)

    def set_mode(self, mode: Mode) -> None:
        """Change who decides where reads go."""
        modes.set_mode(mode)

    def set_store(self, name: str) -> None:
        """Keep pins in the cookie or in Redis; as cookies where no Redis runs."""
        _change("STORES", [REDIS if name == REDIS and self._redis is not None else COOKIE])

    def set_wait(self, seconds: float) -> None:
        """Let the first read of a pinned visitor wait so long for the replica."""
        _change("WAIT", seconds)

    def pause(self) -> None:
        """Stop replaying, once a commit that waits for the lag has been replayed."""
        with self._lock:
            if self._replica.running:
                self._replica.execute("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Replay again."""
        with self._lock:
            if self._replica.running:
                self._replica.execute("SELECT pg_wal_replay_resume()")

    def kill(self) -> None:
        """End the replica as a power cut would."""
        with self._lock:
            self._replica.kill()

    def restart(self) -> None:
        """Start the replica, with the lag that is set by now."""
        with self._lock:
            if not self._is_closed:
                self._replica.start()
                self._replica.set_delay(self._lag_seconds)

    def close(self) -> None:
        """Start nothing any more, so that what is stopped from now on stays stopped."""
        with self._lock:
            self._is_closed = True


def _change(name: str, value: object) -> None:
    """A site does not change its settings while it runs."""
    settings.PINNING = {**settings.PINNING, name: value}
    conf.forget()


_machine: Any = None


def install(machine: Any) -> None:
    """Make it the one that the controls work: a Machine, or what has its ``state``."""
    global _machine
    _machine = machine


def machine() -> Any:
    """The one that was installed."""
    assert _machine is not None  # demo.py or manage.py has seen to it
    return _machine
