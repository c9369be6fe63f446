"""A Redis with a replica, and a Sentinel that promotes it when the primary is gone."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pinning.testing.passwords import keep_secret
from pinning.testing.processes import wait_until
from pinning.testing.redis import Redis


class Follower(Redis):
    """A replica of a Redis."""

    def __init__(self, primary: Redis) -> None:
        super().__init__()
        self.password = primary.password
        self._primary = primary

    def _command(self) -> Sequence[str | Path]:
        return [*super()._command(), "--replicaof", self._primary.host, str(self._primary.port)]


class Sentinel(Redis):
    """One that decides alone."""

    title = "Redis Sentinel"

    def __init__(self, primary: Redis) -> None:
        super().__init__()
        self._primary = primary
        self.service = f"pins-{primary.port}"  # django-redis keeps connections by this name

    def _prepare(self) -> None:
        lines = [
            f"port {self.port}",
            f"bind {self.host}",
            f"requirepass {self.password}",
            f"sentinel monitor {self.service} {self._primary.host} {self._primary.port} 1",
            f"sentinel auth-pass {self.service} {self._primary.password}",
            f"sentinel down-after-milliseconds {self.service} 3000",
            f"sentinel failover-timeout {self.service} 2000",
        ]
        text = "\n".join([*lines, ""])
        keep_secret(self.directory / "sentinel.conf", text, self.account)

    def _command(self) -> Sequence[str | Path]:
        program = super()._command()[0]
        return [program, self.directory / "sentinel.conf", "--sentinel"]

    def knows_the_replica(self) -> bool:
        """Whether it could promote one."""
        return self.ask(f"SENTINEL REPLICAS {self.service}").startswith(b"*1")


class Watched:
    """All three: ``with Watched() as watched``."""

    def __init__(self) -> None:
        """Nothing runs before the block begins."""
        self.primary = Redis()
        self.replica = Follower(self.primary)
        self.sentinel = Sentinel(self.primary)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in (self.primary, self.replica, self.sentinel):
                stack.enter_context(server)
            wait_until(
                lambda: (
                    self.sentinel.knows_the_replica() and b"connected" in self.replica.ask("ROLE")
                ),
                timeout_seconds=20,
                otherwise=lambda: "Sentinel does not find the replica.",
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def cache(self, client_class: str = "") -> dict[str, Any]:
        """An entry of CACHES, with the service alone or with another client of django-redis."""
        options = {
            "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
            "SENTINELS": [(self.sentinel.host, self.sentinel.port)],
            "SENTINEL_KWARGS": {"password": self.sentinel.password, "socket_timeout": 0.5},
            "PASSWORD": self.primary.password,
            "SOCKET_CONNECT_TIMEOUT": 5,
            "SOCKET_TIMEOUT": 5,
        }
        if client_class:
            options["CLIENT_CLASS"] = client_class
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"redis://{self.sentinel.service}/0",
            "OPTIONS": options,
        }
