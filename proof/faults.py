"""The faults: what happens to the servers while a crowd is at work, step by step.

Each is a generator function that takes the stage, and yields where the crowd is to be let on for a
while. At its end everything is as it was, so that it can be played again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pinning.verify.users import KINDS, Browser, Tabs, TokenClient, User
from proof.stage import IMPATIENT, SHORT, Stage
from proof.ways import STREAMS

Steps = Iterator[None]


@dataclass(frozen=True)
class Fault:
    """A fault, how the site is set up for it, and who is promised anything while it lasts."""

    play: Callable[[Stage], Steps]
    site: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[type[User], ...] = KINDS
    vendors: tuple[str, ...] = ("postgresql", "mariadb", "mysql")
    #: Ways to write for which nothing is promised meanwhile.
    without: tuple[str, ...] = ()
    #: Whether Redis is emptied right before.
    is_redis_young: bool = False


def steady_lag(stage: Stage) -> Steps:
    """One replica a second behind, the other at once."""
    stage.replica.set_delay(1)
    yield
    yield
    stage.replica.set_delay(0)


def burst_of_lag(stage: Stage) -> Steps:
    """One replica stops to replay for longer than WINDOW, MAX_LAG and MAX_PIN."""
    stage.replica.pause_replay()
    for _ in range(5):
        yield
    stage.replica.resume_replay()
    yield


def both_paused(stage: Stage) -> Steps:
    """No replica replays anything."""
    for replica in (stage.replica, stage.second):
        replica.pause_replay()
    yield
    yield
    for replica in (stage.replica, stage.second):
        replica.resume_replay()
    yield


def replica_killed(stage: Stage) -> Steps:
    """Killed, and started again."""
    stage.replica.kill()
    yield
    stage.replica.start()
    yield


def replica_shut_down(stage: Stage) -> Steps:
    """Shut down in order, and started again."""
    stage.replica.stop()
    yield
    stage.replica.start()
    yield


def replica_frozen(stage: Stage) -> Steps:
    """Its processes are stopped: connections stay open, and nobody answers."""
    stage.replica.freeze()
    yield
    stage.replica.thaw()
    yield


def redis_emptied(stage: Stage) -> Steps:
    """It loses all that it has, beside a lag."""
    stage.replica.set_delay(1)
    yield
    stage.redis.forget()
    yield
    stage.replica.set_delay(0)


def redis_killed(stage: Stage) -> Steps:
    """Killed, started again without any memory, and believed again in the end, beside a lag."""
    stage.replica.set_delay(1)
    stage.redis.kill()
    yield
    stage.redis.start()
    for _ in range(6):
        yield
    stage.replica.set_delay(0)


def redis_hung(stage: Stage) -> Steps:
    """Accepts connections and answers nobody."""
    stage.replica.set_delay(1)
    stage.redis.freeze()
    yield
    stage.redis.thaw()
    yield
    stage.replica.set_delay(0)


def redis_flapping(stage: Stage) -> Steps:
    """There, gone, there, hung."""
    stage.replica.set_delay(1)
    for _ in range(2):
        stage.redis.kill()
        yield
        stage.redis.start()
        yield
        stage.redis.freeze()
        yield
        stage.redis.thaw()
        yield
    stage.replica.set_delay(0)


#: Without Redis nobody knows of a user's other devices; while one process reaches it and another
#: does not, nor of programs: docs/stores.md, "When one is down".
_ONE_DEVICE = (Browser, Tabs, TokenClient)
_WITH_COOKIES = (Browser, Tabs)

FAULTS = {
    "steady lag": Fault(steady_lag),
    "steady lag, pins in cookies alone": Fault(steady_lag, {"stores": ["cookie"]}),
    "steady lag, pins in Redis alone": Fault(steady_lag, {"stores": ["redis"]}),
    "steady lag, ATOMIC_REQUESTS": Fault(steady_lag, {"is_atomic": True}),
    "burst of lag beyond every window": Fault(burst_of_lag, {"pinning": SHORT}),
    "replay paused on both": Fault(both_paused),
    "replica killed": Fault(replica_killed),
    "replica shut down": Fault(replica_shut_down),
    "replica stopped by a signal": Fault(replica_frozen),
    "Redis a second old": Fault(steady_lag, is_redis_young=True),
    "Redis emptied": Fault(redis_emptied, without=STREAMS),
    "Redis killed": Fault(redis_killed, {"pinning": SHORT}, kinds=_ONE_DEVICE, without=STREAMS),
    "Redis hung": Fault(redis_hung, IMPATIENT, kinds=_WITH_COOKIES, without=STREAMS),
    "Redis flapping": Fault(redis_flapping, IMPATIENT, kinds=_WITH_COOKIES, without=STREAMS),
    # What a body writes is held by the clock, which may be wrong by a minute.
    "a clock an hour ahead": Fault(steady_lag, {"is_skewed": True}, without=STREAMS),
    "under ASGI, replica killed": Fault(replica_killed, {"kind": "asgi"}),
    "PgBouncer": Fault(steady_lag, {"is_pooled": True}, vendors=("postgresql",)),
    "PgBouncer, replica killed": Fault(
        replica_killed, {"is_pooled": True}, vendors=("postgresql",)
    ),
}
