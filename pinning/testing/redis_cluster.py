"""A Redis Cluster on loopback ports: primaries, and if asked for, a replica of each."""

import re
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from pinning.testing.passwords import password_for
from pinning.testing.ports import free_port
from pinning.testing.processes import MissingService, ServerError, wait_until
from pinning.testing.redis import Redis

_SLOTS = 16384
_LEAST_VERSION = 7


class Node(Redis):
    """One node of a cluster."""

    title = "A node of Redis Cluster"

    def __init__(self, password: str) -> None:
        super().__init__()
        self.password = password
        self.bus_port = free_port()

    def tell(self, *words: str) -> str:
        """Send a command; the beginning of the answer. ServerError if the server refuses it."""
        answer = self.ask(" ".join(words)).decode()
        if not answer or answer.startswith("-"):
            raise ServerError(f"{self.title} on {self.port} answered {words[0]} with {answer!r}.")
        return answer

    @property
    def name(self) -> str:
        """What the cluster calls it."""
        return self.tell("CLUSTER", "MYID").split("\r\n")[1]

    def _prepare(self) -> None:
        super()._prepare()
        program = super()._command()[0]
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        version = re.search(r"v=(\d+)", told.stdout)
        if version is not None and int(version[1]) < _LEAST_VERSION:
            raise MissingService(f"{program} cannot choose the port of a cluster's bus.")

    def _command(self) -> Sequence[str | Path]:
        bus = ["--cluster-port", str(self.bus_port), "--cluster-config-file", "nodes.conf"]
        patience = ["--cluster-node-timeout", "3000"]
        return [*super()._command(), "--cluster-enabled", "yes", *bus, *patience]

    def follow(self, primary: "Node") -> None:
        """Become its replica, and wait until all is copied."""
        self.tell("CLUSTER", "REPLICATE", primary.name)
        wait_until(
            lambda: b"connected" in self.ask("ROLE"),
            timeout_seconds=20,
            otherwise=lambda: f"{self.title} on {self.port} does not follow its primary.",
        )


class RedisCluster:
    """Nodes that share the slots evenly; ``with`` starts them and waits until they agree."""

    def __init__(self, size: int = 3, *, has_replicas: bool = False) -> None:
        """Nothing runs before the block begins. MissingService when there is no program."""
        password = password_for(None)  # clients have one for all nodes
        self.nodes = [Node(password) for _ in range(size)]
        self.replicas = [Node(password) for _ in range(size if has_replicas else 0)]

    @property
    def url(self) -> str:
        """For Django's cache setting LOCATION: any node leads to all."""
        return self.nodes[0].url

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for node in (*self.nodes, *self.replicas):
                stack.enter_context(node)
            self._share_slots()
            self._meet()
            for primary, replica in zip(self.nodes, self.replicas, strict=False):
                replica.follow(primary)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def move(self, slot: int, to: int) -> None:
        """Give an empty slot to another node; clients learn it when they ask the old one."""
        for node in (self.nodes[to], *self.nodes):
            node.tell("CLUSTER", "SETSLOT", str(slot), "NODE", self.nodes[to].name)

    def _share_slots(self) -> None:
        size = len(self.nodes)
        for number, node in enumerate(self.nodes):
            first, end = _SLOTS * number // size, _SLOTS * (number + 1) // size
            node.tell("CLUSTER", "ADDSLOTSRANGE", str(first), str(end - 1))
            node.tell("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))

    def _meet(self) -> None:
        first, *others = every = [*self.nodes, *self.replicas]
        for node in others:
            node.tell("CLUSTER", "MEET", first.host, str(first.port), str(first.bus_port))
        wait_until(
            lambda: all("cluster_state:ok" in node.tell("CLUSTER", "INFO") for node in every),
            timeout_seconds=20,
            otherwise=lambda: "The nodes of the Redis Cluster did not agree in 20 s.",
        )
