"""Starts the process of the visitors, and gets from it what they saw."""

import json
import subprocess
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from benchmarks.peers.site import Site
from benchmarks.peers.visitors import Plan, Visit, line_of


class Crowd:
    """Users on every one of the sites, from the start of a ``with`` block to its end."""

    def __init__(
        self, sites: Iterable[Site], *, users: int, pace: float, seed: str, kind: str = "users"
    ) -> None:
        self.visits: list[Visit] = []
        self._plan = Plan(
            ports={site.way.name: site.port for site in sites},
            users=users,
            pace=pace,
            seed=seed,
            kind=kind,
        )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.visitors"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line_of(self._plan))
        self._process.stdin.flush()
        self._process.stdout.readline()  # they are on their way
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        output, _ = self._process.communicate()
        if kind is None:
            self.visits = [Visit(*values) for values in json.loads(output)]
