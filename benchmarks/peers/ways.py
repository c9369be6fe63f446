"""The ways to route that are measured, as the settings that a site needs for each."""

import importlib.util
from dataclasses import dataclass, field
from typing import Any

_OURS = "benchmarks.peers.routers"

#: What DATABASES calls the two databases.
PRIMARY, REPLICA = "default", "replica1"

#: Those that know all; what others can be measured by.
ORACLE, SETTLED_ORACLE = "oracle", "settled-oracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to route. ``package`` is what has to be installed for it."""

    name: str
    what: str
    middleware: str = ""
    router: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    apps: tuple[str, ...] = ()
    package: str = ""
    has_positions: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether this project is what routes."""
        return self.router.startswith("pinning.")

    @property
    def is_installed(self) -> bool:
        """Whether the package is there that it needs."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    @property
    def needs_servers(self) -> bool:
        """Whether it cannot route without the real primary, replica and Redis."""
        return self.name in {"pinning-redis", "pinning-clock", ORACLE, SETTLED_ORACLE}

    def django_settings(self) -> dict[str, Any]:
        """What it adds to a project's settings, apart from INSTALLED_APPS."""
        return {
            "MIDDLEWARE": [self.middleware] if self.middleware else [],
            "DATABASE_ROUTERS": [self.router] if self.router else [],
            **self.settings,
        }


def _pinning(name: str, what: str, *, has_positions: bool = True, **settings: Any) -> Way:
    return Way(
        name=name,
        what=what,
        middleware="pinning.middleware.PinningMiddleware",
        router="pinning.router.PinningRouter",
        settings={"PINNING": {"REPLICAS": {PRIMARY: [REPLICA]}, **settings}},
        apps=("pinning",),
        has_positions=has_positions,
    )


#: django-replicated reads each of these; its README says to import them all.
_REPLICATED = {
    "REPLICATED_DATABASE_SLAVES": [REPLICA],
    "REPLICATED_DATABASE_DOWNTIME": 60,
    "REPLICATED_CACHE_BACKEND": None,
    "REPLICATED_VIEWS_OVERRIDES": {},
    "REPLICATED_READ_ONLY_DOWNTIME": 20,
    "REPLICATED_READ_ONLY_TRIES": 1,
    "REPLICATED_FORCE_MASTER_COOKIE_NAME": "just_updated",
    "REPLICATED_FORCE_MASTER_COOKIE_MAX_AGE": 5,
    "REPLICATED_FORCE_STATE_HEADER": "HTTP_X_REPLICATED_STATE",
    "REPLICATED_CHECK_STATE_ON_WRITE": True,
    "REPLICATED_FORCE_MASTER_COOKIE_STATUS_CODES": (302, 303),
    "REPLICATED_MANAGE_ATOMIC_REQUESTS": False,
}


WAYS = (
    Way(name="always-primary", what="no router: what there is without replicas"),
    Way(
        name="always-replica",
        what="every read on the replica, every write on the primary",
        router=f"{_OURS}.AlwaysReplica",
    ),
    Way(
        name="autocommit",
        what="the primary inside a transaction, as `get_autocommit` tells; else the replica",
        router=f"{_OURS}.Autocommit",
    ),
    Way(
        name="clock-2s",
        what="the primary for 2 s after a request that is not safe, as in Rails",
        middleware=f"{_OURS}.clocked",
        router=f"{_OURS}.Clocked",
    ),
    Way(
        name="django-multidb-router",
        what="its pinning router and middleware: a cookie of 15 s after a request that is not safe",
        middleware="multidb.middleware.PinningRouterMiddleware",
        router="multidb.PinningReplicaRouter",
        settings={"REPLICA_DATABASES": [REPLICA]},
        package="multidb",
    ),
    Way(
        name="django-replicated",
        what="a cookie for the one request after a redirect; pings the replica in each request",
        middleware="django_replicated.middleware.ReplicationMiddleware",
        router="django_replicated.router.ReplicationRouter",
        settings=_REPLICATED,
        package="django_replicated",
    ),
    _pinning("pinning", "by position, pins in cookies: the default"),
    _pinning(
        "pinning-redis",
        "by position, pins in Redis",
        STORES=["benchmarks.peers.counts.CountedRedisStore"],
    ),
    _pinning(
        "pinning-clock",
        "by the clock, WINDOW 5 s, as on a database without positions",
        WINDOW=5,
        has_positions=False,
    ),
    Way(
        name=ORACLE,
        what="knows each user's last position, and asks the replica for its own before every read",
        middleware=f"{_OURS}.foresighted",
        router=f"{_OURS}.Oracle",
    ),
    Way(
        name=SETTLED_ORACLE,
        what="the same, but asks only before a request's first read, so that it sees one database",
        middleware=f"{_OURS}.foresighted",
        router=f"{_OURS}.SettledOracle",
    ),
)


#: How long a read may wait for the replica, in milliseconds. 0: none waits.
WAITS = (0, 5, 20, 50)


def _waiting(milliseconds: int, store: str = "cookie") -> Way:
    return _pinning(
        f"wait-{milliseconds}" if store == "cookie" else f"{store}-wait-{milliseconds}",
        f"by position, pins in the store {store!r}, WAIT of {milliseconds} ms",
        WAIT=milliseconds / 1000,
        STORES=[store],
    )


def _shadow(store: str) -> Way:
    what = f"the primary answers, and what replicas would serve is counted; pins in {store!r}"
    return _pinning(f"{store}-shadow", what, USE_REPLICAS="shadow", STORES=[store])


#: Those that wait, and the one that asks once for each request and never waits.
WAITING_WAYS = (*map(_waiting, WAITS), next(way for way in WAYS if way.name == SETTLED_ORACLE))


_ALL_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]

#: Of an API whose clients have tokens: what reads before it writes reads from the primary, or from
#: a replica.
REST_WAYS = tuple(
    _pinning(name, what, STORES=["redis"], WAIT=wait, **settings)
    for name, what, wait, settings in (
        ("rest", "a POST reads from the primary, WAIT of 20 ms", 0.02, {}),
        (
            "rest-late",
            "a POST reads from replicas until it writes, WAIT of 0",
            0,
            {"SAFE_METHODS": _ALL_METHODS},
        ),
        (
            "rest-late-20",
            "a POST reads from replicas until it writes, WAIT of 20 ms",
            0.02,
            {"SAFE_METHODS": _ALL_METHODS},
        ),
    )
)

#: By store: the way that counts in shadow mode, and those that it speaks of.
FORECAST_WAYS = {
    store: (_shadow(store), *(_waiting(wait, store) for wait in WAITS))
    for store in ("cookie", "redis")
}


def way_of(name: str) -> Way:
    """The way called so. StopIteration where there is none."""
    known = (*WAYS, *WAITING_WAYS, *REST_WAYS, *FORECAST_WAYS["cookie"], *FORECAST_WAYS["redis"])
    return next(way for way in known if way.name == name)
