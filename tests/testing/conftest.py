"""Servers for the tests of servers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinning.testing.accounts import make_temporary_directory, unprivileged_account
from pinning.testing.postgres import Postgres
from tests.services import service


@pytest.fixture
def own_primary() -> Iterator[Postgres]:
    """A primary that the test may break."""
    with service(Postgres.primary()) as server:
        server.execute("CREATE TABLE row (id int)")
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' user can reach; pytest's own is private to root."""
    directory = make_temporary_directory(unprivileged_account(), prefix="pinning-kept-")
    yield directory
    shutil.rmtree(directory)
