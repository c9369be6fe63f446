"""The checker finds planted bugs, each within a minute, and nothing where there is none."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pinning.verify.checker import EmptyHistoryError, Verdict, check
from pinning.verify.crowd import Crowd, Plan
from pinning.verify.users import Browser, TokenClient, TwoDevices, User
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


@pytest.fixture
def stage(pair: Pair, redis: Any) -> Iterator[Callable[[Scene], dict[str, Any]]]:
    """Sets a scene; gives the settings of its sites."""
    with ExitStack() as stack:

        def stage(scene: Scene) -> dict[str, Any]:
            pair.replica.set_delay(scene.delay)
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
            )

        yield stage


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


def visit(site: Site, scene: Scene, is_enough: Callable[[Verdict], bool]) -> Verdict:
    """Let users loose on the site until it is enough, a minute at the most."""
    plan = Plan(users=8, kinds=scene.users, seed=random.SystemRandom().randrange(1000))
    with Crowd([f"{site.url}/{scene.path}"], plan) as crowd, crowd.at_work():
        begun = time.monotonic()
        while True:
            time.sleep(0.2)
            try:
                verdict = check(list(crowd.history))
            except EmptyHistoryError:
                continue
            if is_enough(verdict) or time.monotonic() - begun > LIMIT_SECONDS:
                return verdict


@pytest.fixture(scope="module")
def clean() -> dict[str, Verdict]:
    """What each scene was without a bug: several bugs share one."""
    return {}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(
    bug: str,
    stage: Callable[[Scene], dict[str, Any]],
    clean: dict[str, Verdict],
    figure: Callable[[str, object], None],
):
    scene = BUGS[bug]
    settings = stage(scene)
    with Site(scene.kind, {**settings, "apps": [f"tests.live.site.bugs.{bug}"]}) as site:
        caught = visit(site, scene, lambda verdict: verdict.stale > 0)
    if str(scene) not in clean:
        with Site(scene.kind, settings) as site:
            clean[str(scene)] = visit(site, scene, lambda verdict: verdict.pairs >= CLEAN_PAIRS)
    without = clean[str(scene)]
    figure(
        f"{bug} was caught",
        f"after {caught.seconds:.1f} s, {caught.pairs} pairs; without it 0 of {without.pairs}",
    )
    assert caught.stale
    assert without.is_good, without
    assert "replica1" in {alias for alias, _ in without.served}
