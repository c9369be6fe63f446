"""What a server wrote, and what it leaves behind."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from pinning.testing import family
from pinning.testing.postgres import Postgres
from pinning.testing.processes import Server


def write(server: Postgres, number: int) -> None:
    server.execute("INSERT INTO row VALUES (%s)", [number])


def read(server: Postgres) -> list[int]:
    return [row[0] for row in server.execute("SELECT id FROM row ORDER BY id")]


def processes_of(*servers: Server) -> set[psutil.Process]:
    return set().union(*(family.members_of(server.pid) for server in servers))


def shared_memory_creators() -> list[str]:
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()
    return [line.split()[4] for line in lines]


def wait_for_end_of(processes: set[psutil.Process]) -> bool:
    return becomes_true(lambda: not family.alive(processes))


def wait_for_removal_of(directories: list[str]) -> bool:
    return becomes_true(lambda: not any(Path(directory).exists() for directory in directories))


def becomes_true(question: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not question() and time.monotonic() < until:
        time.sleep(0.05)
    return question()
