"""Interleavings: hands that take turns, one Redis command at a time, in an order that is chosen.

The server and the stores are the real ones. Only the client waits for its turn before each command,
also between those of a pipeline that is no transaction: Redis may serve others in between.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import redis
from django.core.cache import caches
from django.test import override_settings
from redis.client import Pipeline

#: Given how many hands could go on, says which one does.
Choose = Callable[[int], int]
T = TypeVar("T")

_MOST_HANDS = 8

_running = threading.local()
_threads = ThreadPoolExecutor(_MOST_HANDS, thread_name_prefix="hand")


class Hand:
    """Runs ``job`` in a thread of its own, and waits for its turn before each command."""

    def __init__(self, job: Callable[[], None]) -> None:
        self.is_over = False
        self.error: BaseException | None = None
        self._job = job
        self._may_go, self._has_gone = threading.Lock(), threading.Lock()
        self._may_go.acquire()
        self._has_gone.acquire()
        self._has_turn = True  # for its first command
        _threads.submit(self._run)

    def go(self) -> None:
        """Let it run its next command, and all that follows until it wants to run another."""
        self._may_go.release()
        self._has_gone.acquire()
        if self.error is not None:
            raise self.error

    def wait_for_turn(self) -> None:
        """Called in its thread before each command."""
        if not self._has_turn:
            self._has_gone.release()
            self._may_go.acquire()
        self._has_turn = False

    def _run(self) -> None:
        self._may_go.acquire()
        _running.hand = self
        try:
            self._job()
        except BaseException as error:  # whatever it is, it belongs to who lets the hand go
            self.error = error
        finally:
            _running.hand = None
            self.is_over = True
            self._has_gone.release()


def interleave(jobs: Sequence[Callable[[], None]], choose: Choose) -> tuple[int, ...]:
    """Run all jobs to their ends. In which order they went, command by command."""
    hands, order = [Hand(job) for job in jobs], []
    while left := [number for number, hand in enumerate(hands) if not hand.is_over]:
        order.append(left[choose(len(left))])
        hands[order[-1]].go()
    return tuple(order)


def every_order(run: Callable[[Choose], T]) -> Iterator[T]:
    """Run it again and again, until it has taken each possible order once."""
    path: list[int] = []
    while True:
        taken: list[tuple[int, int]] = []

        def choose(options: int, path: list[int] = path, taken: Any = taken) -> int:
            taken.append((path[len(taken)] if len(taken) < len(path) else 0, options))
            return int(taken[-1][0])

        yield run(choose)
        while taken and taken[-1][0] + 1 == taken[-1][1]:
            taken.pop()
        if not taken:
            return
        path = [number for number, _ in taken[:-1]] + [taken[-1][0] + 1]


def wait_for_turn() -> None:
    """Let others come in between, if a hand runs this."""
    if (hand := _hand()) is not None:
        hand.wait_for_turn()


def _hand() -> Hand | None:
    return getattr(_running, "hand", None)


class TakingTurns(redis.Redis):
    """The client of a hand; that of any other thread as well, which need not wait."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        wait_for_turn()
        return super().execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _Pipeline(Pipeline):
    """A transaction takes one turn; anything else one for each command."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        if _hand() is None or self.transaction:
            wait_for_turn()
            return super().execute(raise_on_error)
        stack, answers = self.command_stack, []
        for command in stack:
            wait_for_turn()
            self.command_stack = [command]
            answers += super().execute(raise_on_error)
        return answers


@contextmanager
def redis_taking_turns(url: str) -> Iterator[None]:
    """The default cache, in the Redis at ``url``, reached by hands that take turns."""
    options = {
        "REDIS_CLIENT_CLASS": f"{__name__}.TakingTurns",
        "SOCKET_CONNECT_TIMEOUT": 5,
        "SOCKET_TIMEOUT": 5,
    }
    cache = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": url,
        "OPTIONS": options,
    }
    with override_settings(CACHES={"default": cache}):
        yield
        caches["default"].client.disconnect()
