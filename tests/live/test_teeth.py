"""The checkers find planted bugs, each within a minute, and nothing where there is none."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pinning.verify.checker import EmptyHistoryError, Verdict, check
from pinning.verify.crowd import Crowd, Plan
from pinning.verify.users import Browser, TokenClient, TwoDevices, User
from pinning.verify.visitors import Visitors
from pinning.verify.ways import READ, UPDATE, WAYS, Way
from proof.agreement import disagreement
from proof.ways import STREAMS, ways
from tests.live.site.clients import Site
from tests.live.site.pair import DATABASE, Pair
from tests.services import service

LIMIT_SECONDS = 60.0
CLEAN_PAIRS = 200


class Twins(TokenClient):
    """A program that runs twice with one token."""

    def _clients(self, make: Callable[..., Any]) -> Any:
        return [(make(token=self.name), "(one)"), (make(token=self.name), "(two)")]


class Swarm(TokenClient):
    """A program that runs three times with one token."""

    def _clients(self, make: Callable[..., Any]) -> Any:
        return [(make(token=self.name), f"({number})") for number in range(3)]


class Newcomer(Browser):
    """A browser that signs in and out at every turn."""

    logins = 0.3


@dataclass(frozen=True)
class Scene:
    """Where a bug shows: who visits what, how the servers lag, and how pins are kept."""

    users: tuple[type[User], ...] = (Browser,)
    path: str = "verify"
    delay: float = 0.3
    kind: str = "wsgi"
    stores: tuple[str, ...] = ("cookie",)
    pinning: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    is_lazy: bool = False
    is_astray: bool = False
    is_atomic: bool = False
    is_redis_emptied: bool = False


def ours(**more: Any) -> Scene:
    """The site of the proof."""
    return Scene(path="proof/verify", **more)


REDIS = ("redis",)
BUGS = {
    "FlushPosition": Scene(delay=0, is_lazy=True),
    "ReceivedPosition": Scene(),
    "PositionInTransaction": Scene(),
    "PinBeforeCommit": Scene(),
    "CheckInStatement": Scene(delay=0.05),
    "CheckInSnapshot": Scene(path="snapshot", delay=0.05, options={"isolation_level": 3}),
    "LostAtLogin": Scene(users=(Newcomer,), stores=REDIS),
    "LastWriterWins": Scene(users=(Swarm,), path="slow-to-write", stores=REDIS),
    "DeletedWhenReached": Scene(users=(Twins,), path="slow", stores=REDIS),
    "CookieNotRenewed": Scene(),
    "ContextVarInTask": Scene(path="task", kind="asgi"),
    "TimelineIgnored": Scene(is_astray=True, pinning={"WINDOW": 60}),
    "LeakingScope": Scene(path="slow"),
    "RouterDetectsWrites": Scene(),
    "UsersForgotten": Scene(users=(TwoDevices,), stores=REDIS),
    "WindowOnly": Scene(pinning={"WINDOW": 0.1}),
}


BOTH = ("cookie", "redis")
NAMED = (TokenClient, TwoDevices)
EMPTIED = ours(users=(TokenClient, Browser), stores=BOTH, is_redis_emptied=True)
#: Bugs that show in one way of writing or reading, by the way.
IN_ONE_WAY = {
    "update": ("YoungMemoryBelieved", EMPTIED),
    "raw SQL": ("OnlyResolvedUsers", ours(users=NAMED, stores=BOTH)),
    "executemany": ("ManyUnseen", ours()),
    "write by GET": ("GetsDoNotPin", ours()),
    "stream": ("BodyForgotten", ours()),
    "stream by GET": ("BodyForgotten", ours(users=NAMED, stores=BOTH)),
    "async stream": ("BodyForgotten", ours(kind="asgi")),
    "several threads": ("ThreadsWithoutPins", ours()),
    "deferred field": ("FollowsItsObject", ours()),
    "generic foreign key": ("AliasesAreDatabases", ours()),
    "next row": ("AliasesAreDatabases", ours()),
    "lock and count": ("LocksIgnored", ours(is_atomic=True)),
    "cache lock": ("CacheOnReplicas", ours()),
    "cache incr": ("CacheOnReplicas", ours()),
}


Stage = Callable[[Scene], dict[str, Any]]


@pytest.fixture
def stage(pair: Pair, redis: Any) -> Iterator[Stage]:
    """Sets a scene; gives the settings of its sites."""
    with ExitStack() as stack:

        def stage(scene: Scene) -> dict[str, Any]:
            pair.replica.set_delay(scene.delay)
            redis.grow_old()
            stack.callback(redis.grow_old)
            if scene.is_redis_emptied:
                stack.enter_context(Visitors([emptying(redis)]))
            if scene.is_lazy:
                stack.enter_context(lazy(pair))
            replica = stack.enter_context(astray(pair)) if scene.is_astray else pair.replica
            served = {**replica.settings(DATABASE), "CONN_MAX_AGE": None}
            served["OPTIONS"] |= scene.options
            return pair.settings(
                primary={**pair.primary.settings(DATABASE), "CONN_MAX_AGE": None},
                replicas={"replica1": served},
                urls="teeth_urls",
                stores=scene.stores,
                redis=redis.url,
                pinning=scene.pinning,
                atomic_requests=scene.is_atomic,
            )

        yield stage


def emptying(redis: Any) -> Iterator[float]:
    """Empties Redis again and again."""
    while True:
        redis.forget()
        yield 0.2


@contextmanager
def lazy(pair: Pair) -> Iterator[None]:
    """Commits return before they are written to the primary's disk, and sent to replicas."""
    late = {"synchronous_commit": "off", "wal_writer_delay": "2s"}
    for setting, value in late.items():
        pair.primary.configure(setting, value)
    yield
    for setting, value in {"synchronous_commit": "on", "wal_writer_delay": "200ms"}.items():
        pair.primary.configure(setting, value)


@contextmanager
def astray(pair: Pair) -> Iterator[Any]:
    """A replica whose upstream was promoted by mistake, and is far ahead on its own timeline."""
    with service(pair.primary.replica()) as lost, service(lost.replica()) as follower:
        lost.promote()
        lost.execute("CREATE TABLE far AS SELECT generate_series(1, 100000)", database=DATABASE)
        follower.wait_until_streaming()
        follower.wait_until_caught_up()
        yield follower


def visit(
    site: Site, scene: Scene, ways: tuple[Way, ...], is_enough: Callable[[Verdict], bool]
) -> Verdict:
    """Let users loose on the site until it is enough, a minute at the most."""
    seed = random.SystemRandom().randrange(1000)
    plan = Plan(users=8, kinds=scene.users, ways=ways, seed=seed)
    with Crowd([f"{site.url}/{scene.path}"], plan) as crowd, crowd.at_work():
        begun = time.monotonic()
        while True:
            time.sleep(0.2)
            history = list(crowd.history)
            try:
                verdict = check(history)
            except EmptyHistoryError:
                continue
            if is_enough(verdict) or time.monotonic() - begun > LIMIT_SECONDS:
                assert disagreement(history, verdict) == ""
                return verdict


def catch(given: dict[str, Any], scene: Scene, bug: str, ways: tuple[Way, ...]) -> Verdict:
    """What users see on a site with that bug, until the last of the ways has shown it."""

    def is_enough(verdict: Verdict) -> bool:
        found = verdict.stale_by_ways
        return bool(found) if ways is WAYS else any(ways[-1].name in both for both in found)

    with Site(scene.kind, {**given, "apps": [f"tests.live.site.{bug}"]}) as site:
        return visit(site, scene, ways, is_enough)


def without(
    given: dict[str, Any], scene: Scene, clean: dict[str, Verdict], ways: tuple[Way, ...]
) -> Verdict:
    """What users see there without a bug, in all ways."""
    if str(scene) not in clean:
        with Site(scene.kind, given) as site:
            clean[str(scene)] = visit(site, scene, ways, lambda seen: seen.pairs >= CLEAN_PAIRS)
    return clean[str(scene)]


@pytest.fixture(scope="module")
def clean() -> dict[str, Verdict]:
    """What each scene was without a bug: several bugs share one."""
    return {}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(
    bug: str, stage: Stage, clean: dict[str, Verdict], figure: Callable[[str, object], None]
):
    scene = BUGS[bug]
    given = stage(scene)
    caught = catch(given, scene, f"bugs.{bug}", WAYS)
    judge(f"{bug} was caught", caught, without(given, scene, clean, WAYS), figure)


@pytest.mark.parametrize("name", IN_ONE_WAY)
def test_a_bug_that_shows_in_one_way_is_caught(
    name: str, stage: Stage, clean: dict[str, Verdict], figure: Callable[[str, object], None]
):
    bug, scene = IN_ONE_WAY[name]
    given = stage(scene)
    all_ways = ways(without=STREAMS if scene.is_redis_emptied else ())
    caught = catch(given, scene, f"way_bugs.{bug}", mostly(name))
    assert any(name in ways for ways in caught.stale_by_ways), caught
    judge(f"{bug} was caught by {name}", caught, without(given, scene, clean, all_ways), figure)


def mostly(name: str) -> tuple[Way, ...]:
    """Little else than that way."""
    (way,) = (way for way in ways() if way.name == name)
    return (READ, replace(UPDATE, weight=5), replace(way, weight=20))


def judge(
    what: str, caught: Verdict, clean: Verdict, figure: Callable[[str, object], None]
) -> None:
    figure(
        what,
        f"after {caught.seconds:.1f} s, {caught.pairs} pairs; without it 0 of {clean.pairs}",
    )
    assert caught.stale
    assert clean.is_good, clean
    assert "replica1" in {alias for alias, _ in clean.served}
