"""Where faults are played: a primary, two replicas, Redis, and two web processes over them."""

from contextlib import ExitStack, closing
from typing import Any

from django.conf import settings

from pinning.testing.mariadb import MariaDBReplica
from pinning.testing.pair import Pair
from pinning.testing.postgres import Replica
from pinning.testing.redis import Redis
from pinning.testing.site import Site
from proof.pgbouncer import PgBouncer

#: Seconds. A burst is longer than all three; the settings' own defaults are too long to outlast.
SHORT = {"WINDOW": 1, "MAX_LAG": 1, "MAX_PIN": 3}

#: Seconds that a site waits for Redis, and longer than a busy machine keeps it waiting: a pin that
#: Redis did not take is lost to those who have no cookies.
PATIENT = 5

#: How long the reads of one site in two may wait for a replica.
WAIT_SECONDS = 0.05

#: As sites are set up, for faults of Redis itself.
IMPATIENT = {"redis_timeout": 0.2}


class Stage:
    """The servers of one vendor, and sites on them: ``with Stage(vendor, pair) as stage``."""

    def __init__(self, vendor: str, pair: Pair) -> None:
        """Take a primary and a replica that run."""
        self.vendor = vendor
        self.pair = pair
        self.redis = Redis()
        self._stack = ExitStack()
        self._sites: dict[str, list[Site]] = {}

    def __enter__(self) -> "Stage":
        with ExitStack() as stack:
            self.second = stack.enter_context(self.pair.primary.replica())
            stack.enter_context(self.redis)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def replica(self) -> Replica | MariaDBReplica:
        """The one that faults happen to."""
        return self.pair.replica

    def sites(
        self,
        kind: str = "wsgi",
        *,
        is_pooled: bool = False,
        is_skewed: bool = False,
        **more: Any,
    ) -> list[Site]:
        """Two web processes that have both replicas; the same ones each time.

        The reads of one of them wait for replicas.
        """
        key = f"{kind} {is_pooled} {is_skewed} {more}"
        if key not in self._sites:
            enter = self._stack.enter_context
            first = enter(PgBouncer(self.replica)) if is_pooled else self.replica
            servers = self.pair.primary, first, self.second
            given = self.given(*servers, are_kept=kind == "wsgi", **more)
            skewed = {**given, "apps": ["proof.skew.ClockAhead"]}
            both = [{**given, "wait": WAIT_SECONDS}, skewed if is_skewed else given]
            self._sites[key] = [enter(Site("proof.settings", each, kind=kind)) for each in both]
        return self._sites[key]

    def create_tables(self) -> None:
        """Make the tables of the sites."""
        given = self.given(self.pair.primary, self.replica, self.second)
        with closing(Site("proof.settings", given)) as site:
            site.manage("createcachetable")
            self.pair.create_tables(site)

    def given(
        self,
        primary: Any,
        *replicas: Any,
        are_kept: bool = True,
        is_atomic: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """What the settings of a site over these servers are given.

        Its connections are kept, but not under ASGI, where each request has threads of its own.
        """
        age = {"CONN_MAX_AGE": None if are_kept else 0}
        servers = {"default": primary}
        servers |= {f"replica{n}": each for n, each in enumerate(replicas, start=1)}
        databases = {
            alias: {**server.settings(self.pair.database), **age}
            for alias, server in servers.items()
        }
        databases["default"]["ATOMIC_REQUESTS"] = is_atomic
        return {
            "secret_key": settings.SECRET_KEY,  # with which the crowd signs its pass
            "databases": databases,
            "redis": self.redis.url,
            "stores": ["cookie", "redis"],
            "redis_timeout": PATIENT,
            **more,
        }


def addresses(sites: list[Site]) -> list[str]:
    """Where a crowd finds them."""
    return [f"{site.url}/verify" for site in sites]
